"""All runs: begun, continued and compared. Each has a folder; `run_files` reads and writes it."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import disk, metrics, plots
from helpers.environment import ROOT
from helpers.errors import TutorialError
from helpers.labels import listed
from helpers.run_files import history, last_checkpoint, read, scores_so_far, status


def folder() -> Path:
    """Return the folder of all runs: the environment variable TUTORIAL_RUNS, else `runs/`."""
    return Path(os.environ.get("TUTORIAL_RUNS") or ROOT / "runs")


def new(track: str, hyperparameters: dict) -> Path:
    """Create the folder of the next run of a track, such as `runs/small-003`, and return it.

    Its `hyperparameters.json` is written now, so that a run that is killed can be continued.

    Raises:
        TutorialError: the folder of all runs cannot be written to, or a value is not one that JSON
            can hold; no folder is left then.
    """
    numbers = (re.fullmatch(rf"{track}-(\d+)", path.name) for path in folder().glob(f"{track}-*"))
    first = max((int(match[1]) for match in numbers if match), default=0) + 1
    path = folder() / f"{track}-{first:03d}"
    try:
        path.mkdir(parents=True)
        disk.write_json(path / "hyperparameters.json", hyperparameters)
    except (OSError, TypeError) as error:
        if isinstance(error, FileExistsError) and path.exists():  # another kernel was faster
            return new(track, hyperparameters)
        shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, TypeError):
            raise TutorialError(
                f"The hyperparameters cannot be written down, because {error}: use numbers, texts, "
                "True, False and None, or lists and dicts of them."
            ) from None
        raise TutorialError(
            f"{path} cannot be created ({error.strerror}): set the environment variable "
            "TUTORIAL_RUNS to a folder that you may write to and that has space."
        ) from None
    return path


def all_runs(track: str | None = None) -> list[Path]:
    """Return the folders of the runs of a track, or of all, oldest first."""
    paths = (path.parent for path in folder().glob("*/hyperparameters.json"))
    return sorted((p for p in paths if track in (None, p.name.rsplit("-", 1)[0])), key=_started)


def _started(path: Path) -> tuple[float, str]:
    return (path / "hyperparameters.json").stat().st_mtime, path.name


def to_resume(track: str, hyperparameters: dict) -> Path:
    """Return the newest run of a track with these hyperparameters that did not finish.

    One with a checkpoint goes before those without. Checkpoints that were cut off are deleted.

    Raises:
        TutorialError: there is none.
    """
    waiting = [p for p in all_runs(track) if status(p) in ("interrupted", "unfinished")]
    equal = [path for path in waiting if read(path, "hyperparameters") == hyperparameters]
    if equal:
        path = ([p for p in equal if last_checkpoint(p)] or equal)[-1]
        disk.delete_incomplete(path)
        return path
    known = "no run waits to be continued"
    if waiting:
        kept = read(waiting[-1], "hyperparameters")
        other = (f"{k}={kept.get(k)!r}" for k in kept | hyperparameters if
                 kept.get(k) != hyperparameters.get(k))  # fmt: skip
        known = f"{waiting[-1].name} waits, with {', '.join(other)}"
    raise TutorialError(
        f"No run of the {track} track with these hyperparameters was interrupted ({known}): "
        "leave out resume=True to start a fresh run."
    )


def table(track: str | None = None) -> pd.DataFrame:
    """Return one row for each run, of one track or of all: status, score, settings and cost.

    `macro_f1` is the best validation score, `low` and `high` the ends of its 95% bootstrap
    interval. `verdict` compares each run with the highest score on the same validation texts:
    "best" only if its lead over every other run is larger than chance can make it, otherwise
    "within noise" for it and for each run that it does not clearly beat; "worse" for the others.
    The more runs there are, the larger a lead must be. Only the luck of the texts is considered;
    how much another seed changes is not in it. Of a damaged run only the name is known.
    """
    rows = {}
    for path in all_runs(track):
        rows[path.name] = row = {"status": status(path)}
        if row["status"] == "damaged":
            row["macro_f1"] = np.nan
            continue
        row |= scores_so_far(path) if row["status"] == "unfinished" else read(path, "metrics")
        row |= read(path, "hyperparameters")
    result = pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")
    if result.empty:
        return result
    verdicts = pd.Series(_verdicts(rows), dtype=object).reindex(result.index).fillna("")
    front = [name for name in ("status", "macro_f1", "low", "high") if name in result]
    rest = [n for n in result.columns if n not in (*front, "labels", "predictions")]
    return result[front + rest].assign(verdict=verdicts)[[*front, "verdict", *rest]]


def _verdicts(rows: dict[str, dict]) -> dict[str, str]:
    """Return run -> verdict: finished runs against the best one on the same texts."""
    groups, verdicts = {}, {}
    for name, row in rows.items():
        if row["status"] == "finished" and "predictions" in row:
            groups.setdefault(tuple(row["labels"]), []).append(name)
    for labels, names in groups.items():
        top, *others = sorted(names, key=lambda name: -rows[name]["macro_f1"])
        leads = {}
        for name in others:
            first, second = (np.array(rows[n]["predictions"]) for n in (top, name))
            low, _ = metrics.difference_interval(np.array(labels), first, second, len(names))
            leads[name] = low > 0
            verdicts[name] = "worse" if leads[name] else "within noise"
        if others:
            verdicts[top] = "best" if all(leads.values()) else "within noise"
    return verdicts


def plot(*names: str, track: str | None = None) -> plots.Figure:
    """Draw the loss and score curves of runs over each other, with the settings that differ.

    Args:
        names: such as "small-001"; without names, the newest eight that are not damaged.
        track: only runs of this track.

    Raises:
        TutorialError: a run does not exist or is damaged, or there is none yet.
    """
    intact = [path for path in all_runs(track) if status(path) != "damaged"]
    paths = [folder() / name for name in names] or intact[-8:]
    for path in paths:
        if status(path) == "damaged":
            problem = "is damaged" if path.is_dir() else "does not exist"
            raise TutorialError(
                f"The run {path.name!r} in {folder()} {problem}: name one of those that are intact "
                f"({listed([p.name for p in intact])})."
            )
    if not paths:
        raise TutorialError(f"There is no run in {folder()} yet: train first.")
    settings = pd.DataFrame([read(path, "hyperparameters") for path in paths], dtype=object)
    settings = settings.map(
        lambda value: f"{value:.4g}" if isinstance(value, float) else f"{value}"
    )
    differ = settings.loc[:, settings.nunique() > 1].to_dict("records")
    labels = (
        ", ".join([path.name, *(f"{k} {v}" for k, v in row.items())])
        for path, row in zip(paths, differ or [{}] * len(paths), strict=True)
    )
    return plots.curves({label: history(p) for label, p in zip(labels, paths, strict=True)})


def best(track: str) -> Path | None:
    """Return the finished run of a track with the highest validation score, or None."""
    recorded = table(track)
    if recorded.empty or not (recorded.status == "finished").any():
        return None
    return folder() / recorded[recorded.status == "finished"].macro_f1.idxmax()
