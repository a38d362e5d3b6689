"""The form of hyperparameters; the same values can always be typed by hand as a dict."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

import ipywidgets
from IPython import get_ipython

from helpers.errors import TutorialError
from helpers.hyperparameters import DEFAULTS, FIELDS, Field, check


class HyperparameterForm(ipywidgets.VBox):
    """Sliders for hyperparameters, a reset button and a train button. Shown in notebook 03.

    `form.values` is a plain dict. All its keys are arguments of `TrainingArguments`, except
    `hidden_dropout_prob`, which belongs to the model's config, and `train_share`,
    `freeze_embeddings` and `freeze_encoder`, which notebook 03 uses when it prepares the data and
    the model.

    Start values other than `DEFAULTS` are given by name: `HyperparameterForm(learning_rate=3e-5)`.
    Without a front end the form holds its start values.
    """

    def __init__(self, **start: float):
        self._controls = {name: _control(name, field) for name, field in FIELDS.items()}
        self._start, self._set = DEFAULTS | start, {}
        self.set(**self._start)
        self._function = self._loop = None
        self._train = ipywidgets.Button(
            description="Train",
            disabled=True,
            button_style="primary",
            tooltip="Waits for form.on_train(function): run the cells below first",
        )
        reset = ipywidgets.Button(description="Reset", tooltip="Back to the start values")
        self._train.on_click(lambda _: self._run_in_main_thread())
        reset.on_click(lambda _: self.set(**self._start))
        self.output = ipywidgets.Output()
        buttons = ipywidgets.HBox([self._train, reset])
        super().__init__([*self._controls.values(), buttons, self.output])

    @property
    def values(self) -> dict[str, float]:
        """Return the hyperparameters as a plain dict; moved sliders give what they show."""
        values = {name: control.value for name, control in self._controls.items()}
        for name, value in values.items():
            if isinstance(value, float) and value != self._set[name]:  # it was moved by hand
                digits = ".1e" if name == "learning_rate" else ".2f"
                values[name] = float(f"{value:{digits}}")
        return values

    def set(self, **values: float) -> None:
        """Set hyperparameters from code; nothing changes unless all values are allowed.

        Raises:
            TutorialError: a name is unknown, or a value is no number, not whole where it must be,
                or outside its range.
        """
        for name, value in values.items():
            check(name, value)
        for name, value in values.items():
            self._set[name] = value
            self._controls[name].value = value

    def on_train(self, function: Callable[[dict], object]) -> None:
        """Let the train button call `function(form.values)`, and show below what that shows."""
        self._function = function
        with contextlib.suppress(RuntimeError):  # there is none outside of a notebook
            self._loop = asyncio.get_running_loop()
        self._train.disabled = False
        self._train.tooltip = "Train with these values; interrupt the kernel to stop"

    def _run_in_main_thread(self) -> None:
        """Train where an interrupt is heard, and where a cell cannot run at the same time.

        JupyterLab may deliver a click to another thread of the kernel (a subshell).
        """
        if not self._loop or threading.current_thread() is threading.main_thread():
            self._run()
            return
        kernel, done = get_ipython().kernel, threading.Event()
        click = kernel.get_parent()

        def run():
            kernel.set_parent([], click)  # what is shown belongs to the click, so to this form
            try:
                self._run()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()  # front ends show nothing more for a click that was dealt with

    def _run(self) -> None:
        self._train.disabled = True
        self.output.clear_output()
        try:
            with self.output:
                try:
                    self._function(self.values)
                except TutorialError as error:  # as text: an error may be shown elsewhere
                    print(f"{type(error).__name__}: {error}")
        finally:
            self._train.disabled = False

    def _repr_mimebundle_(self, **options) -> dict:
        # ipywidgets cuts the text off after 110 characters
        return super()._repr_mimebundle_(**options) | {"text/plain": repr(self)}

    def __repr__(self) -> str:  # what a reader sees where the sliders cannot be shown
        lines = []
        for name, value in self.values.items():
            field = FIELDS[name]
            span = "" if isinstance(value, bool) else f"({field.low:g} to {field.high:g})"
            lines.append(f"{field.label:18}{value!s:9}{span}")
        return "\n".join(lines)


def _control(name: str, field: Field) -> ipywidgets.Widget:
    """Return a check box or a slider, logarithmic for the learning rate."""
    # ipywidgets 7, as on Colab, has another name
    tip = "tooltip" if hasattr(ipywidgets.IntSlider, "tooltip") else "description_tooltip"
    common = {
        "value": field.default,
        "description": field.label,
        "style": {"description_width": "100px"},
        "layout": {"width": "420px"},
        tip: field.reason,
    }
    if isinstance(field.default, bool):
        return ipywidgets.Checkbox(**common)
    if name == "learning_rate":
        # front ends round to the step; at 0.004 the two digits shown are those of any start value
        return ipywidgets.FloatLogSlider(min=-6, max=-3, step=0.004, readout_format=".1e", **common)
    if isinstance(field.default, int):
        return ipywidgets.IntSlider(min=field.low, max=field.high, **common)
    return ipywidgets.FloatSlider(
        min=field.low, max=field.high, step=0.01, readout_format=".2f", **common
    )
