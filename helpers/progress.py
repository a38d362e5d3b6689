"""How far a training run or a search is: in place in a notebook, lines of text elsewhere."""

import os
import time

import ipywidgets
from IPython import get_ipython
from IPython.display import Pretty, display
from transformers import TrainerCallback, TrainerState

from helpers import plots


class LiveCurves(TrainerCallback):
    """Draw loss and validation score while a notebook trains, with the time that is left.

    In a terminal, and under pytest, it prints a line for each evaluation instead. Drawing takes
    at most a twentieth of the time. Shown in notebook 03.
    """

    def on_train_begin(self, args, state, control, **kwargs):
        """Start a new figure, so that a second run leaves the first one's alone."""
        self.begin, self.first_step = time.monotonic(), state.global_step
        self.next_drawing = 0.0
        self.show, self.training = _place_for_figure(), True

    def on_log(self, args, state, control, **kwargs):
        """Redraw or print when something was logged, and always when the training has ended."""
        if not self.training:
            return
        entry = state.log_history[-1]
        ended = "train_runtime" in entry
        left = "" if ended else self._time_left(state)
        if self.show is None:
            if "eval_loss" in entry:
                print(_line(entry, state, left))
        elif ended or time.monotonic() > self.next_drawing:
            start = time.monotonic()
            self.show(plots.curves({"this run": state.log_history}, footer=left))
            self.next_drawing = time.monotonic() + 20 * (time.monotonic() - start)

    def on_train_end(self, args, state, control, **kwargs):
        """Leave the picture as it is when the model is evaluated again later."""
        self.training = False

    def _time_left(self, state: TrainerState) -> str:
        done = max(state.global_step - self.first_step, 1)
        seconds = (time.monotonic() - self.begin) / done * (state.max_steps - state.global_step)
        left = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        return f"step {state.global_step} of {state.max_steps}, about {left} left"


class SearchProgress:
    """Show how much of a search's budget is spent, and the best score so far. Notebook 07.

    Args:
        study: of Optuna.
        budget: of training steps.
        spent: steps that earlier sessions have used.
    """

    def __init__(self, study, budget: int, spent: int = 0):
        self.study, self.budget, self.first = study, budget, spent
        self.begin, self.show = time.monotonic(), _place_for_figure()
        self.update(spent)

    def update(self, spent: int) -> None:
        """Redraw the bar, or print a line, with the number of steps that are used by now."""
        seconds = time.monotonic() - self.begin
        finished = [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]
        scored = [t for t in finished if t.state.name == "COMPLETE"]
        filled = round(20 * min(spent / self.budget, 1))
        parts = [f"{self.study.study_name:<7}[{'#' * filled}{'.' * (20 - filled)}] "]
        parts[0] += f"{spent} of {self.budget} steps"
        parts += [f"{len(finished)} trial{'s' * (len(finished) != 1)}"]
        if scored:
            best = max(scored, key=lambda trial: trial.value)
            parts += [f"best {best.value:.3f} (trial {best.number})"]
        if spent >= self.budget:
            parts += [f"{seconds:.0f} s"]
        elif spent > self.first:
            left = seconds / (spent - self.first) * (self.budget - spent)
            parts += [f"about {left:.0f} s left"]
        line = ", ".join(parts)
        self.show(Pretty(line)) if self.show else print(line)


def _line(entry: dict, state: TrainerState, left: str) -> str:
    losses = [e["loss"] for e in state.log_history if "loss" in e]
    parts = [f"epoch {entry['epoch']:.3g} of {state.num_train_epochs}"]
    parts += [f"training loss {losses[-1]:.3f}"] if losses else []
    parts += [f"validation loss {entry['eval_loss']:.3f}"]
    parts += [f"macro F1 {entry['eval_macro_f1']:.3f}"] if "eval_macro_f1" in entry else []
    return ", ".join([*parts, left])


def _place_for_figure():
    """Return a function that shows a figure or text in place of the one before; None: print."""
    shell = get_ipython()
    if not hasattr(shell, "kernel") or "PYTEST_CURRENT_TEST" in os.environ:
        return None
    if shell.kernel.get_parent().get("header", {}).get("msg_type") == "comm_msg":
        return _widget_place()
    return display(Pretty(""), display_id=True).update


def _widget_place():
    """Return a function that shows figures in a widget, for the callback of a button.

    JupyterLab passes updates of a display to cells, but not into an output widget.
    """
    area = ipywidgets.HTML()
    display(area)

    def show(figure: plots.Figure) -> None:
        area.value = figure.to_html()

    return show
