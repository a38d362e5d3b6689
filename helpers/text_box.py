"""A box to type a text into, which shows what a classifier makes of it."""

from collections.abc import Callable

import ipywidgets

from helpers.plots import Figure

Look = Callable[[str], tuple[dict[str, float], str, Figure]]


class TextBox(ipywidgets.VBox):
    """A line of text, the answer, one bar for each label and a figure; Enter renews all of them.

    Shown in notebook 10. Without a front end, `box.text.value = "..."` does what typing does.

    Args:
        look: function of a text that returns the probability of each label, the answer in words,
            and a figure.
        text: what stands in the box at first.
    """

    def __init__(self, look: Look, text: str):
        self._look = look
        wide = ipywidgets.Layout(width="98%")
        self.text = ipywidgets.Text(value=text, continuous_update=False, layout=wide)
        self.answer = ipywidgets.Label()  # shows its value as text, never as HTML
        self.probabilities: dict[str, float] = {}
        self._bars, self._picture = ipywidgets.VBox(), ipywidgets.HTML()
        super().__init__([self.text, self.answer, self._bars, self._picture])
        self.text.observe(lambda _: self._renew(), "value")
        self._renew()

    def _renew(self) -> None:
        if not self.text.value.strip():
            self.probabilities, self.answer.value = {}, "Type a text and press Enter."
            self._bars.children, self._picture.value = (), ""
            return
        self.probabilities, self.answer.value, figure = self._look(self.text.value)
        self._bars.children = [_bar(*item) for item in self.probabilities.items()]
        self._picture.value = figure.to_html()

    def _repr_mimebundle_(self, **options) -> dict:
        return super()._repr_mimebundle_(**options) | {"text/plain": repr(self)}

    def __repr__(self) -> str:  # what a reader sees where the box cannot be shown
        lines = [self.text.value, self.answer.value]
        return "\n".join(lines + [f"{name:12}{p:.2f}" for name, p in self.probabilities.items()])


def _bar(name: str, probability: float) -> ipywidgets.Widget:
    bar = ipywidgets.FloatProgress(value=probability, min=0, max=1, description=name)
    return ipywidgets.HBox([bar, ipywidgets.Label(f"{probability:.2f}")])
