"""What must hold before a run is started: its hyperparameters and its data."""

import dataclasses
import difflib
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real

from datasets import ClassLabel, Dataset
from transformers import TrainingArguments

from helpers.errors import TutorialError
from helpers.labels import listed

SWITCHES = ("freeze_embeddings", "freeze_encoder")
OWN = ("hidden_dropout_prob", "train_share", *SWITCHES)  # not of TrainingArguments
POSITIVE = (lambda value: value > 0), "a number above 0"
NOT_NEGATIVE = (lambda value: value >= 0), "a number from 0 up"
COUNT = (lambda value: isinstance(value, Integral) and value >= 1), "a whole number from 1 up"
WHOLE = (lambda v: isinstance(v, Integral) and 0 <= v < 2**32), "a whole number from 0 up"
BELOW_ONE = (lambda value: 0 <= value < 1), "a number from 0 to below 1"
RULES: dict[str, tuple[Callable[[Real], bool], str]] = {
    "learning_rate": POSITIVE,
    "num_train_epochs": POSITIVE,
    "max_steps": (lambda value: value == -1 or COUNT[0](value), COUNT[1]),
    "per_device_train_batch_size": COUNT,
    "per_device_eval_batch_size": COUNT,
    "gradient_accumulation_steps": COUNT,
    "warmup_steps": NOT_NEGATIVE,
    "weight_decay": NOT_NEGATIVE,
    "adam_beta1": BELOW_ONE,
    "adam_beta2": BELOW_ONE,
    "adam_epsilon": NOT_NEGATIVE,
    "hidden_dropout_prob": BELOW_ONE,
    "train_share": (lambda value: 0 < value <= 1, "a number above 0, up to 1"),
    "seed": WHOLE,
    "dataloader_num_workers": WHOLE,
}


def check_hyperparameters(values: dict) -> None:
    """Check the names of hyperparameters, and those values that no run can work with.

    The form of notebook 03 is narrower: it offers what makes sense, this allows what is possible.

    Raises:
        TutorialError: it names the hyperparameter and what to write.
    """
    if not isinstance(values, Mapping):
        raise TutorialError(
            f"The hyperparameters are of type {type(values).__name__}: write a dict, such as "
            '{"learning_rate": 1e-4}.'
        )
    known = [field.name for field in dataclasses.fields(TrainingArguments) if field.init]
    for name, value in values.items():
        if name == "max_length":
            raise TutorialError(
                "max_length is an argument of fine_tune and no hyperparameter: write "
                f"fine_tune(..., max_length={value!r})."
            )
        if name not in (*known, *OWN):
            close = difflib.get_close_matches(str(name), [*OWN, *known], 1) or ["learning_rate"]
            raise TutorialError(
                f"{name!r} is no hyperparameter: write a name of TrainingArguments, such as "
                f"{close[0]}, or one of {', '.join(OWN)}."
            )
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        allowed, wanted = RULES.get(name, (lambda _: True, "a finite number"))
        if name in SWITCHES:
            good, wanted = isinstance(value, bool), "True or False"
        elif is_number:
            good = math.isfinite(value) and allowed(value)
        else:
            good = name not in RULES
        if not good:
            raise TutorialError(f"The hyperparameter {name} is {value!r}: write {wanted}.")


def check_splits(dataset: Mapping[str, Dataset]) -> None:
    """Check that "train" and "validation" hold texts and labels that a model can be trained on.

    Raises:
        TutorialError: it names the split, the row (the first one is 0, as in a data set) and what
            to do.
    """
    for split in ("train", "validation"):
        if not isinstance(dataset, Mapping) or split not in dataset:
            raise TutorialError(
                f"The data set has no split {split!r}: write "
                "DatasetDict({'train': ..., 'validation': ...})."
            )
        table = dataset[split]
        for column in ("text", "label"):
            if column not in table.column_names:
                raise TutorialError(
                    f"Split {split!r} has no column {column!r}, the columns are "
                    f"{listed(table.column_names)}: use rename_column."
                )
        if not len(table):
            raise TutorialError(f"Split {split!r} has no rows: give it labelled texts.")
        feature = table.features["label"]
        if not isinstance(feature, ClassLabel):
            raise TutorialError(
                f"Split {split!r}, column 'label' is no ClassLabel: load the table with "
                "helpers.tables.to_dataset, or use class_encode_column('label')."
            )
        if len(feature.names) < 2:
            raise TutorialError(
                f"Split {split!r}, column 'label' knows only the label {feature.names[0]!r}: a "
                "classifier needs two or more, so add texts of another one."
            )
        if (first := dataset["train"].features["label"].names) != feature.names:
            raise TutorialError(
                f"Split {split!r}, column 'label' has the labels {listed(feature.names)}, but "
                f"'train' has {listed(first)}: give both the same names in the same order."
            )
        check_texts(table["text"][:], f"Split {split!r}, column 'text'")
        labels = table["label"][:]
        for row, label in enumerate(labels):
            if label is None or not 0 <= label < len(feature.names):
                raise TutorialError(
                    f"Split {split!r}, row {row}, column 'label' holds {label}, outside 0 to "
                    f"{len(feature.names) - 1}: correct the row or filter it out (hidden test "
                    "labels are -1)."
                )
        if split == "train" and len(set(labels)) == 1:
            raise TutorialError(
                f"Split 'train', column 'label': every row is {feature.names[labels[0]]!r}, and a "
                "classifier needs two labels; shuffle before you take a part, or add rows."
            )


def check_texts(texts: Iterable, where: str = "The texts") -> None:
    """Check that there is nothing but texts in a column, or in what a model is asked about.

    Raises:
        TutorialError: it names the row, of which the first one is 0.
    """
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TutorialError(
                f"{where}, row {row}: {reprlib.repr(text)} is of type {type(text).__name__}, and "
                "only texts can be tokenized; correct the row or filter it out."
            )
