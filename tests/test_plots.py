"""Every figure: 700 px wide, a PNG with alternative text, and any text drawn as it is."""

import base64
import struct
import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest

from helpers import metrics, plots

HISTORY = [
    {"epoch": 0.5, "loss": 1.1},
    {"epoch": 1.0, "eval_loss": 1.0, "eval_macro_f1": 0.5},
    {"epoch": 2.0, "eval_loss": 0.9, "eval_macro_f1": 0.6},
]
ODD = "<b>$5^ & \\frac{1}{2}</b> _x_ %s {y}"
TABLE = pd.DataFrame({"score": [0.3, 0.7], "low": [0.2, 0.6], "high": [0.4, 0.8]}, [ODD, "b"])
MASK = np.array([[1, 1, 0], [1, 1, 1]])
TRIALS = pd.DataFrame(
    {
        "search": [ODD, ODD, "tpe", "tpe"],
        "trial": [0, 1, 0, 1],
        "state": ["complete", "pruned", "complete", "fail"],
        "score": [0.5, 0.3, 0.6, np.nan],
        "steps": [20, 10, 40, 5],
        "learning_rate": [1e-4, 3e-3, 5e-4, 1e-5],
        "num_train_epochs": [1, 2, 2, 1],
        "optim": ["sgd", "adamw_torch_fused", ODD, "sgd"],
        "curve": [{1: 0.4, 2: 0.5}, {1: 0.3}, {1: 0.5, 2: 0.4, 3: 0.6, 4: 0.6}, {}],
    }
)
FIGURES = {
    "token_strip": lambda: plots.token_strip(
        ["[CLS]", "$5", "##^", ODD] * 20,
        words=[None, 0, 0, 1] * 20,
        below=list(range(80)),
        title=ODD,
    ),
    "scores": lambda: plots.token_strip(["a", ODD], scores=[-1.0, 0.5], title=ODD),
    "no_scores": lambda: plots.token_strip(["a", "b"], scores=[0.0, 0.0]),
    "padding": lambda: plots.padding({ODD: MASK, "512": np.pad(MASK, ((0, 0), (0, 509)))}),
    "length_histogram": lambda: plots.length_histogram([3, 9, 12, 40], 32),
    "parameter_bars": lambda: plots.parameter_bars(
        pd.DataFrame({"encoder": [10.0, 85.0], "head": [0.1, 0.2]}, ["small", ODD])
    ),
    "schedule": lambda: plots.schedule({ODD: [0, 1e-4, 0]}),
    "coverage": lambda: plots.coverage(
        TABLE.set_axis([0.5, 0.6]).assign(coverage=[1, 0.4]), chosen=0.6, title=ODD
    ),
    "trial_curves": lambda: plots.trial_curves(TRIALS),
    "trial_curves_of_failures": lambda: plots.trial_curves(TRIALS.tail(1)),
    "best_so_far": lambda: plots.best_so_far(TRIALS, 45),
    "rate_against_score": lambda: plots.rate_against_score(TRIALS),
    "parallel_coordinates": lambda: plots.parallel_coordinates(
        TRIALS, ["learning_rate", "num_train_epochs", "optim"]
    ),
    "parallel_coordinates_of_many": lambda: plots.parallel_coordinates(
        pd.concat([TRIALS.assign(learning_rate=rate) for rate in np.geomspace(1e-5, 1e-3, 9)]),
        ["learning_rate", "optim"],
    ),
    "importances": lambda: plots.importances(
        pd.DataFrame({"importance": [0.7, 0.3], "luck": [0.4, 0.4]}, ["learning_rate", ODD])
    ),
    "repeats": lambda: plots.repeats(
        pd.DataFrame([[0.5, 0.6], [0.4, 0.5]], [ODD, "b"]), pd.Series([0.7, 0.6], [ODD, "b"]), ODD
    ),
    "repeats_alone": lambda: plots.repeats(pd.DataFrame([[0.5, 0.6]], ["a"])),
    "curves": lambda: plots.curves({ODD: HISTORY, "b": HISTORY}),
    "step_losses": lambda: plots.step_losses({ODD: [1.1, 0.9], "b": [1.1, 0.8]}),
    "step_losses_equal": lambda: plots.step_losses({"a": [1.1, 0.9], ODD: [1.1, 0.9]}),
    "curves_of_nothing": lambda: plots.curves({"a": []}),
    "confusion_matrix": lambda: plots.confusion_matrix(
        np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), ["a", ODD]
    ),
    "intervals": lambda: plots.intervals(TABLE, "macro F1", ODD, reference=0.5),
    "ladder": lambda: plots.ladder(
        pd.DataFrame({"speed": [2.0, 300], "low": [1.9, 250], "high": [2.0, 320]}, [ODD, "b"]),
        "texts per second",
        ODD,
    ),
    "reliability": lambda: plots.reliability(
        {ODD: metrics.reliability(np.array([0.5, 0.9]), np.array([True, False]))}, ODD
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name):
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[name]()
        data, metadata = figure._repr_mimebundle_()
    png = base64.b64decode(data["image/png"])
    width, height = struct.unpack(">II", png[16:24])
    assert width == 700 and 100 < height < 1600
    assert metadata["image/png"]["alt"] == figure.alt
    assert name.startswith("curves_of") or len(figure.alt) > 10
    assert dict(matplotlib.rcParams) == before, "the style must not leak"


def test_the_best_so_far_outlasts_a_trial_that_was_not_completed():
    assert "tpe 0.600" in plots.best_so_far(TRIALS, 45).alt  # its last trial failed


def test_text_is_drawn_as_text():
    figure = plots.token_strip([ODD])
    assert ODD in [text.get_text() for text in figure.axes[0].texts]
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)


def test_confusion_matrix_shows_counts_and_rates():
    figure = plots.confusion_matrix(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), ["no", "yes"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2\n(67%)", "1\n(33%)", "0\n(0%)", "1\n(100%)"]
    assert "no read as yes (1 texts)" in figure.get_suptitle()


def test_confusion_matrix_without_errors_or_without_a_label():
    same = np.array([0, 0, 1])
    figure = plots.confusion_matrix(same, same, ["a", "b", "never"])
    assert "No errors" in figure.get_suptitle()
