"""Scores against scikit-learn's and against cases that can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from transformers import EvalPrediction

from helpers import metrics


def compute(predictions, references, num_labels):
    metric = metrics.ClassificationMetrics(keep_in_memory=True)
    return metric.compute(predictions=predictions, references=references, num_labels=num_labels)


def test_scores_by_hand():
    scores = compute([0, 1, 2, 1], [0, 1, 1, 1], 3)
    assert scores["accuracy"] == 0.75
    assert scores["precision"] == [1, 1, 0]
    assert scores["recall"] == pytest.approx([1, 2 / 3, 0])
    assert scores["macro_f1"] == pytest.approx((1 + 0.8 + 0) / 3)


def test_perfect_and_constant_predictions():
    assert compute([0, 1, 2], [0, 1, 2], 3)["mcc"] == 1
    assert compute([1, 1, 1], [0, 1, 2], 3)["mcc"] == 0


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_macro_f1_agrees_with_scikit_learn(pairs):
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))
    expected = f1_score(labels, predictions, average="macro", labels=range(4), zero_division=0)
    assert compute(predictions, labels, 4)["macro_f1"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_fast_macro_f1_agrees_with_scikit_learn_along_any_axis(pairs):
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))
    expected = f1_score(labels, predictions, average="macro", zero_division=0)
    assert metrics.macro_f1(labels, predictions) == pytest.approx(expected)
    both = np.stack([labels, labels]), np.stack([predictions, labels])
    assert metrics.macro_f1(*both, axis=-1) == pytest.approx([expected, 1])
    assert metrics.macro_f1(*(table.T for table in both), axis=0) == pytest.approx([expected, 1])


def test_trainer_metrics_take_logits():
    logits = np.array([[2.0, 0.1], [0.3, 0.4], [1.0, 0.0]])
    prediction = EvalPrediction(predictions=logits, label_ids=np.array([0, 1, 1]))
    assert metrics.for_trainer(2)(prediction)["accuracy"] == pytest.approx(2 / 3)


def test_interval_covers_the_score_and_repeats():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    predictions = np.where(rng.random(200) < 0.8, labels, 1 - labels)
    low, high = metrics.bootstrap_interval(metrics.macro_f1, labels, predictions)
    assert low < metrics.macro_f1(labels, predictions) < high
    assert 0.08 < high - low < 0.16  # about 4 x sqrt(0.8 x 0.2 / 200) = 0.11
    assert (low, high) == metrics.bootstrap_interval(metrics.macro_f1, labels, predictions)


def test_interval_of_a_difference_uses_the_same_rows():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    good = np.where(rng.random(300) < 0.8, labels, 1 - labels)
    assert metrics.difference_interval(labels, good, good) == (0, 0)
    better = np.where(np.arange(300) < 30, labels, good)  # about six errors fewer
    low, high = metrics.difference_interval(labels, better, good)
    assert 0 < low < high < 0.06
    single = metrics.bootstrap_interval(metrics.macro_f1, labels, good)
    assert single[0] < metrics.macro_f1(labels, better) < single[1], "unpaired it would be noise"


def test_calibration_error_by_hand():
    confidence, right = np.array([0.95, 0.95, 0.65, 0.65]), np.array([True, True, True, False])
    assert metrics.expected_calibration_error(confidence, right) == pytest.approx(
        0.5 * 0.05 + 0.5 * 0.15
    )
    table = metrics.reliability(confidence, right)
    assert table["count"].tolist() == [2, 2]
    assert table.accuracy.tolist() == [0.5, 1.0]


def test_calibrated_probabilities_have_a_small_error():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    right = rng.random(20_000) < confidence
    assert metrics.expected_calibration_error(confidence, right) < 0.02
    assert metrics.expected_calibration_error(np.ones(20_000), right) > 0.2
