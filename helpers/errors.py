"""The error that is meant for the reader."""


class TutorialError(Exception):
    """A mistake that the reader can repair. A notebook shows its one sentence, not a traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython calls this instead of formatting frames
        return [f"{type(self).__name__}: {self}"]
