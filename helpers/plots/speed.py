"""Figures of how fast something is."""

import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from helpers.plots.style import COLOURS, Figure, new_figure, styled


@styled
def ladder(table: pd.DataFrame, xlabel: str, title: str) -> Figure:
    """Draw one bar for each rung on a log scale, with its spread and its factor over the first.

    `table` has a row for each rung, the first one on top, with columns speed, low, high (all above
    zero).
    """
    factors = [f"× {x:.2f}" if x < 10 else f"× {x:.0f}" for x in table.speed / table.speed.iloc[0]]
    rows = (
        f"{name} {r.speed:.3g} ({r.low:.3g} to {r.high:.3g}), {factor}"
        for (name, r), factor in zip(table.iterrows(), factors, strict=True)
    )
    figure, axes = new_figure(1 + 0.42 * len(table), f"{title}. {xlabel}: {'; '.join(rows)}.")
    places = range(len(table))
    axes.barh(places, table.speed, height=0.65, color=COLOURS[4])
    spread = [table.speed - table.low, table.high - table.speed]
    axes.errorbar(table.speed, places, xerr=spread, fmt="none", ecolor=COLOURS[7], capsize=3)
    for place, high, factor in zip(places, table.high, factors, strict=True):
        axes.annotate(
            factor, (high, place), (6, 0), textcoords="offset points", va="center", fontsize=10
        )
    axes.set_yticks(places, table.index)
    axes.set_xscale("log")
    axes.set_xlim(table.low.min() / 2, table.high.max() * 3)
    axes.xaxis.set_major_formatter("{x:g}")
    if table.high.max() > 30 * table.low.min():  # else there are too few labels without them
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.xaxis.set_minor_formatter("{x:g}")
    axes.invert_yaxis()
    axes.set(xlabel=f"{xlabel} (log scale; line: lowest to highest)", title=title)
    return figure
