"""The form of hyperparameters; the same values can always be typed by hand as a dict."""

from typing import NamedTuple

import ipywidgets

from helpers.environment import TutorialError


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
    "seed": Field(
        "seed", 42, 0, 9999,
        "Fixes the new head, the order of the texts and dropout. Another seed shows the noise.",
    ),
}  # fmt: skip
DEFAULTS = {name: field.default for name, field in FIELDS.items()}
FULL_TRACK = {"learning_rate": 3e-5, "num_train_epochs": 3}  # a larger model on more texts


def defaults(track: str) -> dict[str, float]:
    """Return the start values of the hyperparameters for a track, "small" or "full"."""
    return DEFAULTS | (FULL_TRACK if track == "full" else {})


class HyperparameterForm(ipywidgets.VBox):
    """Sliders for hyperparameters; `form.values` goes straight into `TrainingArguments`.

    Start values other than `DEFAULTS` are given by name: `HyperparameterForm(learning_rate=3e-5)`.
    Without a front end the form holds its start values. Shown in notebook 03.
    """

    def __init__(self, **start: float):
        self._sliders = {name: _slider(name, field) for name, field in FIELDS.items()}
        self._start = DEFAULTS | start
        self.set(**self._start)
        reset = ipywidgets.Button(description="Reset", tooltip="Back to the start values")
        reset.on_click(lambda _: self.set(**self._start))
        super().__init__([*self._sliders.values(), reset])

    @property
    def values(self) -> dict[str, float]:
        """Return the hyperparameters as a plain dict: argument of TrainingArguments -> value."""
        return {name: slider.value for name, slider in self._sliders.items()}

    def set(self, **values: float) -> None:
        """Set hyperparameters from code; nothing changes unless all values are allowed.

        Raises:
            TutorialError: a name is unknown or a value lies outside its range.
        """
        for name, value in values.items():
            if name not in FIELDS:
                raise TutorialError(f"The form has no {name!r}; it has {', '.join(FIELDS)}.")
            field = FIELDS[name]
            if not field.low <= value <= field.high:
                raise TutorialError(
                    f"{name} is {value}, outside {field.low:g} to {field.high:g}. {field.reason}"
                )
        for name, value in values.items():
            self._sliders[name].value = value

    def __repr__(self) -> str:  # what a reader sees where the sliders cannot be shown
        return "\n".join(f"{FIELDS[name].label}: {v:g}" for name, v in self.values.items())


def _slider(name: str, field: Field) -> ipywidgets.Widget:
    """Return the slider of a field: logarithmic for the learning rate, else by the value's type."""
    common = {
        "value": field.default,
        "description": field.label,
        "tooltip": field.reason,
        "style": {"description_width": "100px"},
        "layout": {"width": "420px"},
    }
    if name == "learning_rate":
        return ipywidgets.FloatLogSlider(min=-6, max=-3, step=0.05, readout_format=".1e", **common)
    if isinstance(field.default, int):
        return ipywidgets.IntSlider(min=field.low, max=field.high, **common)
    return ipywidgets.FloatSlider(
        min=field.low, max=field.high, step=0.01, readout_format=".2f", **common
    )
