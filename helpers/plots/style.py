"""The style of all figures: colour-blind safe, 700 px wide, with alternative text."""

import base64
import html
import io

import matplotlib
from matplotlib.figure import Figure as MatplotlibFigure
from PIL import Image

# Okabe and Ito's palette
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555"]
STYLE = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a review is a dollar sign
}
styled = matplotlib.rc_context(STYLE)


class Figure(MatplotlibFigure):
    """A matplotlib figure that a notebook stores as a PNG, with alternative text (`figure.alt`).

    The text stands in the output's metadata under "image/png", key "alt", and as the output's plain
    text, which is what a terminal shows. JupyterLab 4.6 and nbconvert 7.17 do not read "alt" yet.
    """

    alt = ""

    def _repr_mimebundle_(self, include=None, exclude=None):
        drawn, png = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        # 256 colours are plenty for a chart and keep the notebook's file small
        Image.open(drawn).convert("RGB").quantize(256).save(png, format="png", optimize=True)
        picture = base64.b64encode(png.getvalue()).decode()
        return {"image/png": picture, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def to_html(self) -> str:
        """Return an `img` element, for an HTML widget."""
        png = self._repr_mimebundle_()[0]["image/png"]
        return (
            f'<img alt="{html.escape(self.alt)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{png}">'
        )


def new_figure(height: float, alt: str, **subplots):
    """Return a figure 7 inches (700 px) wide and `height` inches high, and its axes."""
    figure = Figure(figsize=(7, height), dpi=100, layout="constrained")
    figure.alt = alt
    return figure, figure.subplots(**subplots)
