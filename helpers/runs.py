"""Runs on disk: one folder each, made by the Trainer, plus two small JSON files."""

import json
import os
from pathlib import Path

import pandas as pd

from helpers.environment import ROOT, TutorialError


def folder() -> Path:
    """Return the folder of all runs: the environment variable TUTORIAL_RUNS, else `runs/`."""
    return Path(os.environ.get("TUTORIAL_RUNS") or ROOT / "runs")


def new(track: str) -> Path:
    """Create the folder of the next run of a track, such as `runs/small-003`, and return it.

    Raises:
        TutorialError: the folder of all runs cannot be written to.
    """
    numbers = [int(path.name[-3:]) for path in folder().glob(f"{track}-[0-9][0-9][0-9]")]
    path = folder() / f"{track}-{max(numbers, default=0) + 1:03d}"
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise TutorialError(
            f"{path} cannot be created ({error.strerror}): set the environment variable "
            "TUTORIAL_RUNS to a folder that you may write to."
        ) from None
    return path


def save(trainer, hyperparameters: dict, metrics: dict) -> None:
    """Write a finished run into the Trainer's `output_dir`: best model, state, two JSON files."""
    trainer.save_model()  # with load_best_model_at_end this is the best epoch's model
    trainer.save_state()
    path = Path(trainer.args.output_dir)
    for name, content in (("hyperparameters", hyperparameters), ("metrics", metrics)):
        (path / f"{name}.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def finished() -> list[Path]:
    """Return the folders of the finished runs, oldest first; `metrics.json` is written last."""
    return sorted(
        (path.parent for path in folder().glob("*/metrics.json")),
        key=lambda path: (path / "metrics.json").stat().st_mtime,
    )


def table() -> pd.DataFrame:
    """Return one row for each finished run: its hyperparameters, then its metrics."""
    rows = {
        path.name: _json(path, "hyperparameters") | _json(path, "metrics") for path in finished()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def history(path: Path) -> list[dict]:
    """Return the Trainer's `log_history` of a run: one dict for each logged step or evaluation."""
    return _json(path, "trainer_state")["log_history"]


def best(track: str, score: str = "macro_f1") -> Path | None:
    """Return the finished run of a track with the best validation score, or None."""
    runs = [path for path in finished() if _json(path, "metrics").get("track") == track]
    return max(runs, key=lambda path: _json(path, "metrics")[score], default=None)


def _json(path: Path, name: str) -> dict:
    return json.loads((path / f"{name}.json").read_text(encoding="utf-8"))
