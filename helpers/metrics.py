"""Scores, their intervals, and calibration; nothing here needs the Hub."""

from collections.abc import Callable

import datasets
import evaluate
import numpy as np
import pandas as pd
from scipy.stats import bootstrap, studentized_range
from sklearn.metrics import accuracy_score, matthews_corrcoef, precision_recall_fscore_support
from transformers import EvalPrediction


class ClassificationMetrics(evaluate.Metric):
    """Accuracy, macro precision / recall / F1, MCC, and precision / recall / F1 for each label.

    `compute(predictions=..., references=..., num_labels=...)` takes two sequences of label ids and
    returns floats in [0, 1] (MCC in [-1, 1]) under `accuracy`, `macro_precision`, `macro_recall`,
    `macro_f1` and `mcc`, and lists of `num_labels` floats under `precision`, `recall`, `f1`.
    A label that is never predicted has precision 0. Shown in notebook 04.
    """

    def _info(self) -> evaluate.MetricInfo:
        ids = {name: datasets.Value("int64") for name in ("predictions", "references")}
        return evaluate.MetricInfo(
            description=self.__doc__, citation="", features=datasets.Features(ids)
        )

    def _compute(self, predictions, references, num_labels: int) -> dict:
        precision, recall, f1, _ = precision_recall_fscore_support(
            references, predictions, labels=range(num_labels), zero_division=0
        )
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            "macro_precision": float(precision.mean()),
            "macro_recall": float(recall.mean()),
            "macro_f1": float(f1.mean()),
            "mcc": float(matthews_corrcoef(references, predictions)),
            "precision": precision.tolist(),
            "recall": recall.tolist(),
            "f1": f1.tolist(),
        }


def for_trainer(num_labels: int) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return a `compute_metrics` for the Trainer: accuracy, macro F1, MCC. Shown in notebook 03."""
    metric = ClassificationMetrics(keep_in_memory=True)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        scores = metric.compute(
            predictions=prediction.predictions.argmax(-1),
            references=prediction.label_ids,
            num_labels=num_labels,
        )
        return {name: scores[name] for name in ("accuracy", "macro_f1", "mcc")}

    return compute_metrics


def macro_f1(labels: np.ndarray, predictions: np.ndarray, axis: int = -1) -> np.ndarray | float:
    """Return the mean F1 of the labels that occur in either integer array of label ids.

    The same value as scikit-learn's `f1_score(..., average="macro")`, but along an axis of arrays
    such as (resamples, rows), so that a bootstrap takes milliseconds.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    shape = np.delete(labels.shape, axis)
    total, present = np.zeros(shape), np.zeros(shape)
    for label in np.union1d(labels, predictions):
        true, guessed = labels == label, predictions == label
        occurs = true.sum(axis) + guessed.sum(axis)
        total += 2 * (true & guessed).sum(axis) / np.maximum(occurs, 1)
        present += occurs > 0
    return (total / present)[()]


def _resampled(score: Callable[..., float], arrays: tuple, resamples=1000, level=0.95):
    return bootstrap(
        arrays, score, paired=True, method="percentile", n_resamples=resamples, batch=100, rng=42,
        confidence_level=level,
    )  # fmt: skip


def bootstrap_interval(
    score: Callable[..., float], *arrays: np.ndarray, resamples: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval (95% by default) of `score(*arrays)` over resampled rows.

    All arrays have one entry for each row of the test set and are resampled together, so two
    models' predictions can be compared on the same rows (Efron and Tibshirani, 1993, chapter 13).
    """
    interval = _resampled(score, arrays, resamples, level).confidence_interval
    return float(interval.low), float(interval.high)


def difference_interval(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, models: int = 2
) -> tuple[float, float]:
    """Return the 95% interval of macro F1 of `first` minus that of `second` on the same rows.

    The standard error comes from a bootstrap in which both models keep the same rows. With more
    than two `models` the interval is widened so that all their differences hold together with 95%
    (Tukey's range; see `scipy.stats.studentized_range`).
    """

    def difference(labels, first, second, axis=-1):
        return macro_f1(labels, first, axis) - macro_f1(labels, second, axis)

    error = _resampled(difference, (labels, first, second)).standard_error
    half = studentized_range.ppf(0.95, models, np.inf) / np.sqrt(2) * error
    middle = difference(labels, first, second)
    return float(middle - half), float(middle + half)


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Return mean confidence, accuracy and count for each non-empty bin of confidence.

    Args:
        confidence: float array (rows,), the probability of the predicted label.
        right: bool array (rows,), whether the prediction is right.
        bins: number of equally wide bins between 0 and 1.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"confidence": confidence, "accuracy": right.astype(float), "count": 1})
    return table.groupby(place).agg({"confidence": "mean", "accuracy": "mean", "count": "sum"})


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return the mean gap between confidence and accuracy, weighted by the rows in each bin.

    Arguments as for `reliability`. Source: Guo et al., 2017, arXiv:1706.04599. Notebook 04.
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, confidence - right)).sum() / len(right))
