"""A reader's own table: read as it was written, and turned into a data set or refused."""

import re
import reprlib
from collections import Counter
from collections.abc import Sequence
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import ClassLabel, Dataset, DatasetInfo, Features

from helpers import formats, labels
from helpers.errors import TutorialError

READERS = {
    ".csv": formats.from_csv,
    ".tsv": lambda path, content: formats.from_csv(path, content, delimiter="\t"),
    ".jsonl": formats.from_json_lines,
    ".json": formats.from_json_lines,
    ".xlsx": formats.from_excel,
}
# not the white space among them; U+0080 to U+009F are what a wrong encoding leaves behind
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def read_table(path: str | Path) -> pd.DataFrame:
    """Return the rows of a .csv, .tsv, .jsonl (or .json) or .xlsx file; none is lost or guessed.

    Cells of CSV and TSV stay the text that was written, also "NA" and "1.0"; empty ones are "".
    JSON Lines and Excel keep their types. The index holds the row in the file as a spreadsheet
    counts, where the header is row 1; for JSON Lines, the line.

    Raises:
        TutorialError: the file is missing, empty, not UTF-8 or not what its suffix says, or its
            columns are not the same in every row.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TutorialError(
            f"{path} cannot be read ({error.strerror}): write the path of a file that you may "
            f"open, seen from {Path.cwd()}."
        ) from None
    reader = READERS.get(path.suffix.lower())
    if not reader:
        raise TutorialError(f"{path} is of no known kind: save it as one of {', '.join(READERS)}.")
    if not content.strip() or not len(frame := reader(path, content)):
        raise TutorialError(f"{path} has no rows: add labelled texts.")
    return frame


def to_dataset(
    frame: pd.DataFrame,
    text_column: str | tuple[str, str] = "text",
    label_column: str = "label",
    label_names: Sequence[str] | None = None,
    source: str = "the table",
    to_split: bool = False,
) -> Dataset:
    """Turn a table into a data set with `text` and `label` (a `ClassLabel`), or refuse it.

    Args:
        frame: one row for each text. Rows are called by its index, as `read_table` sets it.
        text_column: column that becomes `text`; or two columns, which become `sentence1` and
            `sentence2`. Other columns are kept.
        label_column: strings, whole numbers, or True and False; their text becomes the name.
        label_names: the names in the order of their ids; by default sorted, numbers by value.
        source: what messages call the table, such as its path.
        to_split: the rows will be split; refuse labels with one row, which cannot be in two.

    Raises:
        TutorialError: a column is missing, a text or label is missing, empty or of the wrong kind,
            or the labels are not those of a classification. The sentence names row and column.
    """
    old = [text_column] if isinstance(text_column, str) else list(text_column)
    if len(old) not in (1, 2):
        raise TutorialError(
            f"{source}: {len(old)} columns are given for the text, {labels.listed(old)}; give one, "
            "or two for pairs of sentences."
        )
    new = dict(zip(old, ["text"] if len(old) == 1 else ["sentence1", "sentence2"], strict=True))
    new |= {label_column: "label"}
    frame = frame.rename(columns=str)
    _check_columns(frame.columns.tolist(), [*old, label_column], new, source)
    if frame.empty:
        raise TutorialError(f"{source} has no rows: add labelled texts.")
    for name in new:
        _check_cells(frame[name].astype(object), name in old, source, f"column {name!r}")
    names = labels.names_of(frame[label_column], label_names, to_split, source)
    ids = {name: i for i, name in enumerate(names)}
    frame = frame.assign(**{label_column: frame[label_column].astype(object).map(str).map(ids)})
    columns = {}
    for name, cells in frame.items():
        try:
            cells = cells.astype(object).where(cells.notna(), None)
            columns[new.get(name, name)] = pa.array(cells.tolist())
        except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
            reason = str(error).splitlines()[0].rstrip(".")[:200]
            raise TutorialError(
                f"{source}, column {name!r}: its values cannot be stored together ({reason}); make "
                f"them alike, or leave the column out with frame.drop(columns={name!r})."
            ) from None
    table = pa.table(columns)
    features = Features.from_arrow_schema(table.schema) | {"label": ClassLabel(names=names)}
    return Dataset(table, DatasetInfo(features=Features(features)))


def _check_columns(columns: list[str], needed: list[str], new: dict[str, str], source: str) -> None:
    shown = f"the columns are {labels.listed(columns)}"
    for name in needed:
        if name not in columns:
            raise TutorialError(
                f"{source}: there is no column {name!r}, {shown}; name the right one, or correct "
                "the table, whose columns are separated by commas in .csv and by tabs in .tsv."
            )
    counts = Counter(new.get(name, name) for name in columns)
    if len(new) < len(needed) or max(counts.values()) > 1:
        name = counts.most_common(1)[0][0] if len(new) == len(needed) else needed[-1]
        raise TutorialError(
            f"{source}: two columns would be called {name!r}, {shown}; rename one of them, or name "
            "different columns for text and label."
        )


def _check_cells(cells: pd.Series, is_text: bool, source: str, column: str) -> None:
    for row, cell, missing in zip(cells.index, cells, cells.isna(), strict=True):
        problem = None
        if missing or (isinstance(cell, str) and not cell.strip()):
            problem = "empty; fill it in or delete the row"
        elif isinstance(cell, str) and (found := CONTROL.search(cell)):
            problem = (
                f"the control character {found[0]!r} at position {found.start()}; delete it, or "
                "save the file again from where it was written, as UTF-8"
            )
        elif not isinstance(cell, str if is_text else (str, Real, np.bool_)):
            wanted = "text" if is_text else "a name, a whole number, or True or False"
            problem = f"{reprlib.repr(cell)} is of type {type(cell).__name__}; write {wanted}"
        if problem:
            raise TutorialError(f"{source}, row {row}, {column}: {problem}.")
