"""Figures of what comes out: curves, confusion, intervals, reliability."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from helpers.plots.style import COLOURS, Figure, new_figure, styled


@styled
def curves(histories: Mapping[str, Sequence[dict]], footer: str = "") -> Figure:
    """Draw the loss and the validation macro F1 of runs, from the Trainer's `state.log_history`.

    `footer` is a line below the panels, such as the time that is left.
    """
    figure, (left, right) = new_figure(3, "", ncols=2)
    score, columns = "eval_macro_f1", ["epoch", "loss", "eval_loss", "eval_macro_f1"]
    top, best, lowest = None, "No validation score yet", "Loss"
    for colour, (name, history) in zip(COLOURS * len(histories), histories.items(), strict=False):
        log = pd.DataFrame(list(history), columns=columns).set_index("epoch")
        left.plot(log.loss.dropna(), color=colour)
        left.plot(log.eval_loss.dropna(), "o--", color=colour)
        right.plot(log[score].dropna(), "o-", color=colour, label=name)
        if len(histories) == 1 and log.eval_loss.notna().any():
            lowest = f"Validation loss lowest after epoch {log.eval_loss.idxmin():g}"
        if log[score].notna().any():
            at = log[score].idxmax()
            if top is None or log[score].max() > top:
                top = log[score].max()
                best = f"Best: {top:.3f} after epoch {at:g}"
            figure.alt += f"{name}: best {score} {log[score].max():.3f} after epoch {at:g}. "
    left.set(xlabel="epoch", ylabel="cross-entropy loss", title=lowest, xlim=(0, None))
    left.set_ylim(0, 1.05 * left.get_ylim()[1])
    right.set(xlabel="epoch", ylabel="validation macro F1", title=best, xlim=(0, None))
    for style, text in (("-", "training"), ("o--", "validation")):
        left.plot([], [], style, color=COLOURS[7], label=text)
    left.legend(fontsize=10)
    if len(histories) > 1:
        lines = right.get_legend_handles_labels()
        figure.legend(*lines, loc="outside lower center", ncols=2, fontsize=10)
    if footer:
        figure.supxlabel(footer, fontsize=10)
        figure.alt += footer
    return figure


@styled
def step_losses(losses: Mapping[str, Sequence[float]]) -> Figure:
    """Draw two runs' loss after each step over each other, and their difference below.

    `losses` holds two names, each with one loss for each step; the second is drawn over the first.
    """
    (first, a), (second, b) = ((name, np.asarray(values)) for name, values in losses.items())
    difference = b - a
    largest = np.abs(difference).max()
    title = f"Largest difference in {len(a)} steps: {largest:.1e}"
    if largest == 0:
        title = f"Equal to the last digit in all {len(a)} steps"
    ends = (f"{name} {v[0]:.3f}, then {v[-1]:.3f}" for name, v in ((first, a), (second, b)))
    alt = f"{title}. Training loss in the first and the last step: {'; '.join(ends)}."
    figure, (top, bottom) = new_figure(
        4, alt, nrows=2, sharex=True, gridspec_kw={"height_ratios": [2, 1]}
    )
    steps = np.arange(1, len(a) + 1)
    top.plot(steps, a, color=COLOURS[4], linewidth=6, label=first)
    top.plot(steps, b, "o-", color=COLOURS[5], markersize=3, linewidth=1, label=second)
    top.set(ylabel="training loss", title=title)
    top.legend()
    bottom.plot(steps, difference, color=COLOURS[7])
    bottom.xaxis.get_major_locator().set_params(integer=True)
    if largest == 0:
        bottom.set_ylim(-1, 1)
        bottom.set_yticks([0])
    bottom.set(xlabel="optimizer step", ylabel="difference")
    return figure


@styled
def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw counts and, in brackets, the share of the true label's row, for arrays of label ids."""
    figure, axes = new_figure(4.2, "")
    display = ConfusionMatrixDisplay.from_predictions(
        labels, predictions, labels=range(len(names)), display_labels=names,
        normalize="true", values_format=".0%", cmap="Blues", im_kw={"vmin": 0, "vmax": 1},
        colorbar=False, ax=axes,
    )  # fmt: skip
    counts = sklearn_confusion_matrix(labels, predictions, labels=range(len(names)))
    for (row, column), text in np.ndenumerate(display.text_):
        text.set_text(f"{counts[row, column]}\n({text.get_text()})")
    wrong = counts * (1 - np.eye(len(names), dtype=int))
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    title = f"Most common error: {names[row]} read as {names[column]} ({wrong.max()} texts)"
    if not wrong.any():
        title = "No errors"
    figure.suptitle(title, fontsize=12)
    axes.set(xlabel="predicted label", ylabel="true label")
    cells = (f"{names[r]} as {names[c]} {counts[r, c]}" for r, c in np.ndindex(counts.shape))
    figure.alt = f"Confusion matrix, true as predicted: {', '.join(cells)}."
    return figure


@styled
def intervals(
    table: pd.DataFrame, xlabel: str, title: str, reference: float | None = None
) -> Figure:
    """Draw one dot with its interval for each row of a table with columns score, low, high."""
    rows = (f"{name} {r.score:.2f} ({r.low:.2f} to {r.high:.2f})" for name, r in table.iterrows())
    figure, axes = new_figure(1 + 0.42 * len(table), f"{title}. {xlabel}: {', '.join(rows)}.")
    errors = [table.score - table.low, table.high - table.score]
    axes.errorbar(
        table.score, table.index, xerr=np.maximum(errors, 0), fmt="o", capsize=4, color=COLOURS[0]
    )
    if reference is not None:
        axes.axvline(reference, color=COLOURS[7], linestyle=":", linewidth=1)
    axes.invert_yaxis()
    axes.margins(y=0.15)
    axes.set(xlabel=f"{xlabel} (bar: 95% interval)", title=title)
    return figure


@styled
def reliability(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw accuracy against confidence for tables from `helpers.metrics.reliability`."""
    alts = (
        f"{n}: "
        + ", ".join(
            f"confidence {r.confidence:.2f} accuracy {r.accuracy:.2f}" for r in t.itertuples()
        )
        for n, t in tables.items()
    )
    figure, axes = new_figure(3.6, f"{title}. {'; '.join(alts)}.")
    axes.plot([0, 1], [0, 1], color=COLOURS[7], linestyle=":", label="perfectly calibrated")
    for marker, (name, table) in zip("os^D", tables.items(), strict=False):
        axes.plot(table.confidence, table.accuracy, f"{marker}-", label=name)
    axes.set(
        xlabel="confidence: probability of the predicted label",
        ylabel="share that is right",
        title=title,
        xlim=(0.3, 1.02),
        ylim=(0, 1.05),
    )
    axes.legend(loc="lower right")
    return figure


@styled
def coverage(table: pd.DataFrame, chosen: float, title: str) -> Figure:
    """Draw the share of right answers against the share of texts that are answered.

    `table` has one row for each threshold (its index) with columns coverage, score, low, high;
    `chosen` is one of the thresholds.
    """
    rows = (
        f"threshold {threshold:.2f} answers {r.coverage:.2f}, right {r.score:.2f}"
        for threshold, r in table.loc[[table.index[0], chosen, table.index[-1]]].iterrows()
    )
    figure, axes = new_figure(3.4, f"{title}. {'; '.join(rows)}.")
    axes.fill_between(
        table.coverage, table.low, table.high, color=COLOURS[4], alpha=0.3, label="95% interval"
    )
    axes.plot(table.coverage, table.score, ".-", color=COLOURS[0])
    point = table.loc[chosen]
    label = f"threshold {chosen:.2f}"
    axes.plot(point.coverage, point.score, "D", color=COLOURS[5], markersize=9, label=label)
    axes.legend(loc="lower left")
    axes.set(xlabel="share of the texts that are answered", ylabel="share that is right")
    axes.set(title=title, xlim=(None, 1.02))
    return figure
