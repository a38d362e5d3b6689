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
from helpers.plots.search import (
    best_so_far,
    importances,
    parallel_coordinates,
    rate_against_score,
    repeats,
    trial_curves,
)
from helpers.plots.speed import ladder
from helpers.plots.style import Figure
