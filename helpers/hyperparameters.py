"""The hyperparameters of the series: their start values, their ranges and the reasons for both."""

import math
from numbers import Real
from typing import NamedTuple

from helpers.errors import TutorialError


class Field(NamedTuple):
    """One hyperparameter: its label, start value, allowed range and the reason for the range."""

    label: str
    default: float
    low: float
    high: float
    reason: str


FIELDS = {
    "learning_rate": Field(
        "learning rate", 1.5e-4, 1e-6, 1e-3,
        "Size of each update. Below 1e-5 little is learned in a few epochs; near 1e-3 the "
        "pretrained weights are destroyed.",
    ),
    "per_device_train_batch_size": Field(
        "batch size", 32, 1, 256,
        "Texts for each update. More use the hardware better until its memory is full; fewer mean "
        "more and noisier updates.",
    ),
    "num_train_epochs": Field(
        "epochs", 6, 1, 20,
        "Passes over the training set. Early stopping ends the run when more of them do not help.",
    ),
    "warmup_steps": Field(
        "warm-up", 0.1, 0.0, 0.5, "Share of all steps in which the learning rate rises from zero."
    ),
    "weight_decay": Field(
        "weight decay", 0.01, 0.0, 0.3, "Pulls the weights a little toward zero at every step."
    ),
    "hidden_dropout_prob": Field(
        "dropout", 0.0, 0.0, 0.5,
        "Share of the activations set to zero at random while training, against overfitting. Its "
        "random numbers take time on a CPU; BERT-base is customarily trained with 0.1.",
    ),
    "train_share": Field(
        "share of train", 1.0, 0.05, 1.0,
        "How much of the training set is used. A smaller share is quicker and shows what more "
        "labelled texts would bring.",
    ),
    "freeze_embeddings": Field(
        "frozen embeddings", True, False, True,
        "Leave the vectors of the vocabulary as they were pretrained: saves time and memory. Few "
        "texts contain only few of its words anyway.",
    ),
    "freeze_encoder": Field(
        "frozen encoder", False, False, True,
        "Train only the pooler and the head: fast, but the score is lower. It wants a learning "
        "rate near the upper end.",
    ),
    "seed": Field(
        "seed", 42, 0, 9999,
        "Fixes the new head, the order of the texts and dropout. Another seed shows the noise.",
    ),
}  # fmt: skip
DEFAULTS = {name: field.default for name, field in FIELDS.items()}
# a larger model, on more texts, which contain more of the vocabulary; dropout costs a GPU little
FULL_TRACK = {
    "learning_rate": 3e-5,
    "num_train_epochs": 3,
    "hidden_dropout_prob": 0.1,
    "freeze_embeddings": False,
}


def defaults(track: str) -> dict[str, float]:
    """Return the start values of the hyperparameters for a track, "small" or "full"."""
    return DEFAULTS | (FULL_TRACK if track == "full" else {})


def check(name: str, value: float) -> None:
    """Check one value against the range that the form offers.

    Raises:
        TutorialError: the name is unknown, or the value is no number, not whole where it must be,
            or outside its range.
    """
    if name not in FIELDS:
        raise TutorialError(f"The form has no {name!r}; it has {', '.join(FIELDS)}.")
    field = FIELDS[name]
    if isinstance(field.default, bool):
        if not isinstance(value, bool):
            raise TutorialError(f"{name} is {value!r}: write True or False.")
    elif isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise TutorialError(f"{name} is {value!r}, which is no number.")
    elif not field.low <= value <= field.high:
        raise TutorialError(
            f"{name} is {value:g}, outside {field.low:g} to {field.high:g}. {field.reason}"
        )
    elif isinstance(field.default, int) and value != int(value):
        raise TutorialError(f"{name} is {value:g}: write a whole number.")
