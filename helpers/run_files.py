"""The files of one run: what the Trainer wrote into its folder, and two small JSON files beside."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
from transformers import Trainer

from helpers import disk


def save(trainer: Trainer, figures: dict) -> None:
    """Write a run into the Trainer's `output_dir`: best model, state, and `metrics.json` last."""
    path = Path(trainer.args.output_dir)
    part = path / "model.part"
    with disk.saving(path):
        try:
            trainer.save_model(str(part))  # with load_best_model_at_end the best epoch's model
            trainer.state.save_to_json(str(part / "trainer_state.json"))
            for file in part.iterdir():
                file.replace(path / file.name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        disk.write_json(path / "metrics.json", figures)


def status(path: Path) -> str:
    """Return "finished", "interrupted" (stopped by hand), "unfinished" (killed, or running) or
    "damaged" (a JSON file is cut off, or lacks what `record` writes).
    """
    try:
        read(path, "hyperparameters")
        if (path / "trainer_state.json").exists():
            read(path, "trainer_state", "log_history")
        if not (path / "metrics.json").exists():
            return "unfinished"
        figures = read(path, "metrics", "macro_f1", "seconds")
    except (OSError, ValueError):
        return "damaged"
    labels, predictions = (figures.get(name) or [] for name in ("labels", "predictions"))
    return figures.get("status", "finished") if len(labels) == len(predictions) else "damaged"


def seconds_so_far(path: Path) -> float:
    """Return the seconds of training that an interrupted run has on record, else 0."""
    return read(path, "metrics")["seconds"] if status(path) == "interrupted" else 0.0


def last_checkpoint(path: Path) -> Path | None:
    """Return the newest complete checkpoint of a run."""
    complete = [p for p in path.glob("checkpoint-*") if disk.is_complete(p)]
    return max(complete, key=lambda p: int(p.name.split("-")[1]), default=None)


def history(path: Path) -> list[dict]:
    """Return the Trainer's `log_history` of a run: one dict for each logged step or evaluation."""
    for source in filter(None, (path, last_checkpoint(path))):
        with contextlib.suppress(OSError, ValueError):
            return read(source, "trainer_state", "log_history")["log_history"]
    return []


def scores_so_far(path: Path) -> dict:
    """Return the best score and the number of evaluations of a run without `metrics.json`."""
    scores = [entry["eval_macro_f1"] for entry in history(path) if "eval_macro_f1" in entry]
    return {"macro_f1": max(scores, default=np.nan), "epochs_run": len(scores)}


def read(path: Path, name: str, *needed: str) -> dict:
    """Return a JSON file of a run; a ValueError says that it is damaged or lacks a needed key."""
    return disk.read_json(path / f"{name}.json", *needed)
