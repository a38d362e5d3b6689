"""Every figure of the series; each function returns a `Figure` that shows itself."""

from helpers.plots.inputs import length_histogram, padding, parameter_bars, schedule, token_strip
from helpers.plots.results import (
    confusion_matrix,
    coverage,
    curves,
    intervals,
    reliability,
    step_losses,
)
from helpers.plots.style import Figure

__all__ = [
    "Figure",
    "confusion_matrix",
    "coverage",
    "curves",
    "intervals",
    "length_histogram",
    "padding",
    "parameter_bars",
    "reliability",
    "schedule",
    "step_losses",
    "token_strip",
]
