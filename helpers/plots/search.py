"""Figures of a search for hyperparameters. The tables of trials are those of `helpers.search`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.hyperparameters import FIELDS
from helpers.plots.style import COLOURS, Figure, new_figure, styled

LABELS = {name: field.label for name, field in FIELDS.items()} | {"optim": "optimizer"}
SCORE = "validation macro F1"


@styled
def trial_curves(trials: pd.DataFrame) -> Figure:
    """Draw the score of each trial after each half epoch, in one panel for each search.

    A cross is a trial that was stopped, a dot one that was completed.
    """
    names, title = trials.search.unique(), "No trial was completed"
    if len(complete := trials[trials.state == "complete"]):
        row = complete.loc[complete.score.idxmax()]
        title = f"Best of {len(trials)} trials: {row.score:.3f} ({row.search}, trial {row.trial})"
    figure, axes = new_figure(
        3.2, f"{title}. ", ncols=len(names), sharex=True, sharey=True, squeeze=False
    )
    for axis, colour, name in zip(axes[0], COLOURS * len(names), names, strict=False):
        group = trials[trials.search == name]
        for row in group.itertuples():
            if row.curve:
                epochs, scores = [half / 2 for half in row.curve], list(row.curve.values())
                is_complete = row.state == "complete"
                axis.plot(epochs, scores, color=colour, alpha=1 if is_complete else 0.45)
                axis.plot(epochs[-1], scores[-1], "o" if is_complete else "x", color=colour)
        stopped = (group.state != "complete").sum()
        axis.set(xlabel="epochs", title=f"{name}: {len(group)} trials")
        figure.alt += f"{name}: {len(group)} trials, {stopped} of them not completed. "
    axes[0, 0].set(
        ylabel=SCORE, xlim=(0, 0.55 * trials.curve.map(lambda c: max(c, default=2)).max())
    )
    figure.suptitle(title, fontsize=12)
    return figure


@styled
def best_so_far(trials: pd.DataFrame, budget: int) -> Figure:
    """Draw the best score of a completed trial against the training steps that were spent."""
    ends, names = {}, trials.search.unique()
    figure, axes = new_figure(3.4, "")
    for colour, style, name in zip(COLOURS, ["-", "--", "-.", ":"], names, strict=False):
        group = trials[trials.search == name].sort_values("trial")
        best = group.score.where(group.state == "complete").cummax().ffill()
        steps, best = [*group.steps.cumsum(), budget], [*best, best.iloc[-1]]
        axes.step(steps, best, style, where="post", color=colour, linewidth=2, label=name)
        ends[name] = best[-1]
    listed = ", ".join(f"{name} {score:.3f}" for name, score in ends.items())
    title = f"After {budget} training steps each: {listed}"
    figure.alt = f"Best score so far against training steps. {title}."
    axes.set(xlabel="training steps spent, stopped trials included", ylabel=f"best {SCORE}")
    axes.set(title=title, xlim=(0, 1.01 * budget))
    axes.legend(loc="lower right")
    return figure


@styled
def rate_against_score(trials: pd.DataFrame) -> Figure:
    """Draw score against learning rate, by optimizer; hollow marks are stopped trials."""
    best = trials.loc[trials.score.where(trials.state == "complete").idxmax()]
    title = f"The best trial used {best.optim} with a learning rate of {best.learning_rate:.1e}"
    figure, axes = new_figure(3.6, f"Score against learning rate. {title}. ")
    for colour, marker, name in zip(COLOURS, "os^D", sorted(trials.optim.unique()), strict=False):
        for is_complete in (True, False):
            group = trials[(trials.optim == name) & ((trials.state == "complete") == is_complete)]
            axes.plot(
                group.learning_rate, group.score, marker, color=colour,
                fillstyle="full" if is_complete else "none",
                label=_short(name) if is_complete else None,
            )  # fmt: skip
            if is_complete and len(group):
                figure.alt += f"{name}: {group.score.min():.2f} to {group.score.max():.2f}. "
    axes.set(xscale="log", xlabel="learning rate (log scale)", ylabel=SCORE, title=title)
    axes.legend(title="hollow: stopped", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@styled
def parallel_coordinates(trials: pd.DataFrame, names: Sequence[str], top: int = 5) -> Figure:
    """Draw each completed trial as a line through its hyperparameters and its score.

    The best `top` trials are drawn thick and in colour, over the others. The learning rate has a
    log scale.
    """
    trials = trials[trials.state == "complete"].sort_values("score")
    places = pd.DataFrame({name: _place(trials[name])[0] for name in names})
    places["score"] = _place(trials.score)[0]
    ends = (f"{LABELS.get(n, n)} {_range(trials[n].tail(top))}" for n in names)
    title = f"The best {min(top, len(trials))} of {len(trials)} completed trials are drawn thick"
    figure, axes = new_figure(4, f"{title}; they have {', '.join(ends)}.")
    rows = places.to_numpy()
    for row in rows[:-top]:
        axes.plot(row, color="#CCCCCC", linewidth=1, antialiased=False)  # smooth: a large file
    for row, colour in zip(rows[-top:], COLOURS * top, strict=False):
        axes.plot(row, color=colour, linewidth=3)
    for column, name in enumerate([*names, "score"]):
        axes.axvline(column, color=COLOURS[7], linewidth=1)
        for height, text in _place(trials[name])[1].items():
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
            axes.text(column, height, text, fontsize=9, ha="center", va="center", bbox=box)
    axes.set(ylim=(-0.07, 1.07), yticks=[], title=title)
    axes.set_xticks(range(len(names) + 1), [*(LABELS.get(n, n) for n in names), "score"])
    axes.tick_params(axis="x", rotation=20, length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def _place(values: pd.Series) -> tuple[np.ndarray, dict[float, str]]:
    """Return a height from 0 to 1 for each value, and the labels of some heights."""
    kinds = sorted(values.unique())
    if len(kinds) <= 6 and values.name != "score":  # a few choices stand at equal distances
        heights = {kind: i / max(len(kinds) - 1, 1) for i, kind in enumerate(kinds)}
        return values.map(heights).to_numpy(), {h: _short(k) for k, h in heights.items()}
    is_rate = values.name == "learning_rate"
    numbers = np.log(values) if is_rate else values
    low, high = numbers.min(), numbers.max()
    labels = {0.0: values.min(), 1.0: values.max()}
    heights = ((numbers - low) / ((high - low) or 1)).to_numpy()
    return heights, {h: f"{v:.0e}" if is_rate else f"{v:.2f}" for h, v in labels.items()}


def _short(kind) -> str:
    if isinstance(kind, str):
        return kind.removesuffix("_torch_fused")
    return f"{kind:.0e}" if 0 < kind < 0.005 else f"{kind:g}"


def _range(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values):
        return f"{values.min():.2g} to {values.max():.2g}"
    return " and ".join(sorted(set(map(_short, values))))


@styled
def importances(table: pd.DataFrame) -> Figure:
    """Draw the importance of each hyperparameter beside what shuffled scores reach by luck.

    The index of `table` are hyperparameters; its columns `importance` and `luck`, the 95% point of
    shuffled scores.
    """
    table = table.sort_values("importance")
    labels = [LABELS.get(name, name) for name in table.index]
    clear = [LABELS.get(name, name) for name in table.index[table.importance > table.luck]][::-1]
    title = f"More than luck: {', '.join(clear)}" if clear else "Nothing stands out from luck"
    rows = (f"{n} {r.importance:.2f} (luck {r.luck:.2f})" for n, r in table[::-1].iterrows())
    figure, axes = new_figure(0.9 + 0.38 * len(table), f"{title}. Importances: {', '.join(rows)}.")
    axes.barh(labels, table.importance, color=COLOURS[0], height=0.6)
    axes.plot(table.luck, labels, "|", color=COLOURS[5], markersize=18, markeredgewidth=3)
    axes.plot([], [], "|", color=COLOURS[5], markeredgewidth=3, label="reached by luck (95%)")
    axes.legend(loc="lower right")
    axes.set(xlabel="share of the importance", title=title)
    return figure


@styled
def repeats(table: pd.DataFrame, searched: pd.Series | None = None, title: str = "") -> Figure:
    """Draw the scores of settings (index) under several seeds (columns), with their means.

    `searched` holds the score of each setting in the search that found it.
    """
    rows = (
        f"{name} mean {row.mean():.3f}, seeds {row.min():.3f} to {row.max():.3f}"
        for name, row in table.iterrows()
    )
    figure, axes = new_figure(1.1 + 0.5 * len(table), f"{title}. {'; '.join(rows)}.")
    heights = np.arange(len(table))
    axes.plot(table.to_numpy(), heights, "o", color=COLOURS[0], alpha=0.7)
    axes.plot(table.mean(axis=1), heights, "|", color=COLOURS[0], markersize=22, markeredgewidth=3)
    axes.plot([], [], "o", color=COLOURS[0], label="new seed, new texts (bar: mean)")
    if searched is not None:
        marks = {"color": COLOURS[5], "markersize": 8, "label": "in the search"}
        axes.plot(searched.reindex(table.index), heights, "D", **marks)
        figure.alt += f" In the search: {', '.join(f'{v:.3f}' for v in searched)}."
    axes.set_yticks(heights, table.index)
    axes.invert_yaxis()
    axes.margins(y=0.3)
    axes.set(xlabel="macro F1", title=title)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
