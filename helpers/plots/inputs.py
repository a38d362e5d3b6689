"""Figures of what goes into the model: tokens, padding, lengths, parameters, schedule."""

from collections.abc import Mapping, Sequence
from functools import cache

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Rectangle

from helpers.plots.style import COLOURS, Figure, new_figure, styled

LINE = 72  # characters in one line of a token strip


@cache
def _drawable(text: str) -> str:
    """Return the text with an empty box for each character that the font cannot draw."""
    font = get_font(findfont("monospace"))
    return "".join(c if font.get_char_index(ord(c)) else "\u25af" for c in text)


@styled
def token_strip(
    tokens: Sequence[str],
    words: Sequence[int | None] | None = None,
    below: Sequence | None = None,
    scores: Sequence[float] | None = None,
    title: str = "",
) -> Figure:
    """Draw tokens as boxes, with a value such as the id under each.

    The boxes are coloured by word (`words`, None for special tokens), or by score from orange
    (below zero) over white to blue (above zero).
    """
    places, line, column = [], 0, 0
    for token, value in zip(tokens, below or tokens, strict=True):
        width = max(len(token), len(str(value)) if below else 0) + 1.2
        if column + width > LINE:
            line, column = line + 1, 0
        places.append((line, column, width))
        column += width + 0.4
    figure, axes = new_figure(
        0.55 + 0.55 * (line + 1), f"{title or 'Text'} as tokens: {' '.join(tokens)}"
    )
    axes.set(xlim=(-0.5, LINE), ylim=(-line - 0.75, 0.6), title=title)
    axes.axis("off")
    limit = max((abs(s) for s in scores), default=1) or 1 if scores is not None else 1
    for i, (token, (line, column, width)) in enumerate(zip(tokens, places, strict=True)):
        if scores is not None:
            colour, opacity = COLOURS[0 if scores[i] > 0 else 1], 0.75 * abs(scores[i]) / limit
        else:
            word = words[i] if words is not None else i
            colour, opacity = (COLOURS[7], 0.2) if word is None else (COLOURS[word % 6], 0.35)
        box = Rectangle((column, -line - 0.22), width, 0.44, edgecolor="#999999", linewidth=0.5)
        box.set_facecolor((colour, opacity))
        axes.add_patch(box)
        text = {"ha": "center", "va": "center", "family": "monospace"}
        axes.text(column + width / 2, -line, _drawable(token), fontsize=11, **text)
        if below:
            axes.text(
                column + width / 2, -line - 0.4, str(below[i]), fontsize=8, color="#555555", **text
            )
    return figure


@styled
def padding(masks: Mapping[str, np.ndarray]) -> Figure:
    """Draw attention masks (rows, length) over each other: real tokens blue, padding grey."""
    wasted = {name: 1 - mask.mean() for name, mask in masks.items()}
    alt = "; ".join(f"{name}: {share:.0%} padding" for name, share in wasted.items())
    figure, axes = new_figure(
        1.5 * len(masks) + 0.3, alt, nrows=len(masks), sharex=True, squeeze=False
    )
    longest = max(mask.shape[1] for mask in masks.values())
    colours = matplotlib.colors.ListedColormap(["#D9D9D9", COLOURS[0]])
    for ax, (name, mask) in zip(axes[:, 0], masks.items(), strict=True):
        extent = (0, mask.shape[1], mask.shape[0], 0)
        ax.imshow(
            mask,
            cmap=colours,
            vmin=0,
            vmax=1,
            aspect="auto",
            extent=extent,
            interpolation="nearest",
        )
        ax.set(title=f"{name}: {wasted[name]:.0%} of the positions are padding")
        ax.set(ylabel="sentence", xlim=(0, longest))
    axes[-1, 0].set_xlabel("position in the sequence (blue: token, grey: padding)")
    return figure


@styled
def length_histogram(lengths: Sequence[int], max_length: int) -> Figure:
    """Draw how long the texts are, in tokens, and what `max_length` cuts off."""
    lengths = np.asarray(lengths)
    cut = (lengths > max_length).mean()
    title = f"{1 - cut:.1%} of the texts fit into {max_length} tokens"
    alt = f"Histogram of {len(lengths)} lengths. {title}; the median is {np.median(lengths):.0f}."
    figure, axes = new_figure(3, alt)
    axes.hist(lengths, bins=np.arange(0, max(lengths.max(), max_length) + 3, 2), color=COLOURS[0])
    axes.axvline(max_length, color=COLOURS[5], linestyle="--")
    axes.text(
        max_length,
        axes.get_ylim()[1] * 0.95,
        f" max_length = {max_length}",
        va="top",
        ha="right",
        rotation=90,
        color=COLOURS[5],
    )
    axes.set(title=title, xlabel="length in tokens, with [CLS] and [SEP]", ylabel="texts")
    return figure


@styled
def parameter_bars(parts: pd.DataFrame) -> Figure:
    """Draw one stacked bar for each model (row) from its parts (columns), in millions."""
    totals = parts.sum(axis=1)
    alt = "Parameters in millions: " + "; ".join(f"{m} {t:.1f}" for m, t in totals.items())
    figure, axes = new_figure(1.2 + 0.5 * len(parts), alt)
    left = np.zeros(len(parts))
    for part in parts:
        axes.barh(parts.index, parts[part], left=left, label=part)
        left += parts[part].to_numpy()
    for y, total in enumerate(totals):
        axes.text(total, y, f" {total:.1f} M", va="center")
    axes.set(xlabel="parameters in millions", xlim=(0, totals.max() * 1.15))
    axes.set_title("Most parameters are in the encoder and the word embeddings", pad=26)
    axes.invert_yaxis()
    axes.legend(
        ncols=len(parts.columns), loc="lower left", bbox_to_anchor=(0, 0.98), fontsize=10,
        columnspacing=1, handlelength=1, handletextpad=0.4, borderaxespad=0.2,
    )  # fmt: skip
    return figure


@styled
def schedule(rates: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the learning rate of each step for one or more named schedules."""
    alt = "; ".join(
        f"{name}: highest {max(r):.1e} at step {np.argmax(r)}" for name, r in rates.items()
    )
    figure, axes = new_figure(2.8, f"Learning rate over the steps. {alt}")
    for name, values in rates.items():
        axes.plot(values, label=name)
    axes.yaxis.set_major_formatter("{x:.1e}")
    axes.set(xlabel="optimizer step", ylabel="learning rate", title="Warm up, then decay to zero")
    axes.legend()
    return figure
