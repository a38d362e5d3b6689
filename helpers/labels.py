"""What makes a column the labels of a classification."""

import re
import reprlib
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real

import pandas as pd

from helpers.errors import TutorialError

MAX_LABELS = 1000  # a column with more of them holds something else
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def names_of(
    column: pd.Series, given: Sequence[str] | None, to_split: bool, source: str
) -> list[str]:
    """Return the names of labels in the order of their ids, after checks of them all together.

    Args:
        column: strings, whole numbers, or True and False; none is missing.
        given: the names in the order of their ids; None: those found, sorted, numbers by value.
        to_split: refuse a label that only one row has.
        source: what messages call the table.

    Raises:
        TutorialError: mixed types, fractions, an unknown label, one class, too many classes, one
            row of a class, or one label that is spelled in two ways.
    """
    where = f"column {column.name!r}"
    if given is None:
        _check_kind(column.astype(object), source, where)
    labels = column.astype(object).map(str)
    first = {label: row for row, label in labels.drop_duplicates().items()}
    order = Decimal if _are_numbers(first) else None
    names = sorted(first, key=order) if given is None else [str(name) for name in given]
    _check_names(first, names, source, where)
    rows = f"{source}, rows {labels.index[0]} to {labels.index[-1]}, {where}"
    if len(first) == 1:
        raise TutorialError(
            f"{rows}: every row has the label {reprlib.repr(labels.iloc[0])}; a classifier needs "
            "at least two labels, so add rows of another one."
        )
    if len(first) > MAX_LABELS:
        raise TutorialError(
            f"{rows}: {len(first):,} different labels, more than {MAX_LABELS:,}; name the column "
            "that holds the labels, or put rare ones together."
        )
    single = labels[~labels.duplicated(keep=False)]
    if to_split and len(single):
        raise TutorialError(
            f"{source}, row {single.index[0]}, {where}: {reprlib.repr(single.iloc[0])} has no "
            f"other row ({len(single)} of {len(first)} labels have one row), so it cannot be in "
            "two splits; add rows, put labels together, or name the column that holds the labels."
        )
    return names


def listed(names: Sequence[str]) -> str:
    """Return the first ten names for a message, or "none"."""
    return ", ".join(map(reprlib.repr, names[:10])) + ", ..." * (len(names) > 10) or "none"


def _check_kind(cells: pd.Series, source: str, where: str) -> None:
    kinds = cells.map(lambda cell: type(cell).__name__)
    first = {kind: row for row, kind in kinds.drop_duplicates().items()}
    if len(first) > 1:
        found = " and ".join(f"{kind} (row {row})" for kind, row in first.items())
        raise TutorialError(f"{source}, {where}: types are mixed, {found}; write all alike.")
    numeric = _are_numbers(cells.map(str).unique())
    for row, cell in cells.items():
        is_float = isinstance(cell, Real) and not isinstance(cell, Integral)
        if is_float or (numeric and "." in str(cell) and float(cell) % 1):
            raise TutorialError(
                f"{source}, row {row}, {where}: {cell} is a number with a fraction, which looks "
                "like regression; for classes write whole numbers or names."
            )


def _check_names(first: dict[str, object], names: list[str], source: str, where: str) -> None:
    """Check the labels found, each with the row where it occurs first, against the names."""
    if len(set(names)) < len(names):
        raise TutorialError(
            f"{source}, {where}: label_names holds a name twice, {listed(names)}; write each once."
        )
    same, known, numeric = {}, set(names), _are_numbers(first)
    for label, row in first.items():
        if label not in known:
            raise TutorialError(
                f"{source}, row {row}, {where}: {reprlib.repr(label)} is not one of the labels "
                f"{listed(names)}; correct the row or name the label."
            )
        # NFC and no more: NFKC would also take "m²" for "m2"
        text = unicodedata.normalize("NFC", label)
        key = Decimal(label) if numeric else " ".join(text.casefold().split())
        if (other := same.setdefault(key, label)) != label:
            # two forms of one accent look alike unless they are escaped
            show = ascii if text == unicodedata.normalize("NFC", other) else reprlib.repr
            raise TutorialError(
                f"{source}, row {row}, {where}: {show(label)} and {show(other)} are the same but "
                "for case, spaces or spelling; write them alike."
            )


def _are_numbers(labels: Iterable[str]) -> bool:
    return all(NUMBER.fullmatch(label.strip()) for label in labels)
