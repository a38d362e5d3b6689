"""The files of a run: written whole or not at all, with one sentence when there is no room."""

import contextlib
import errno
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from helpers.errors import TutorialError


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn a full or locked disk into one sentence, and delete a checkpoint that was cut off.

    Args:
        path: folder of the run that the statements inside write to.

    Raises:
        TutorialError: the folder cannot be written to any more.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if not (reason := _why_not_written(error)):
            raise
        delete_incomplete(path)
        raise TutorialError(
            f"{path.name} could not be saved in {path.parent} ({reason}): make room there or allow "
            "writing, and continue with fine_tune(..., resume=True)."
        ) from None


def _why_not_written(error: Exception) -> str | None:
    if isinstance(error, OSError):
        names = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM")
        known = error.errno in [getattr(errno, name, None) for name in names]
        return error.strerror if known else None
    if found := re.search(r"I/O error: (.*?) \(os error", str(error)):  # of safetensors
        return found[1]
    return "no space left" if "inline_container" in str(error) else None  # of torch.save


def is_complete(checkpoint: Path) -> bool:
    """Return whether all files of a checkpoint were written to their ends."""
    weights = list(checkpoint.glob("*.safetensors"))
    try:
        for path in weights:
            with safe_open(path, framework="pt"):  # compares the header with the file's size
                pass
        read_json(checkpoint / "trainer_state.json", "log_history")
    except (OSError, ValueError, SafetensorError):
        return False
    saved_by_torch = (p for p in checkpoint.iterdir() if p.suffix in (".pt", ".pth"))
    return bool(weights) and all(map(zipfile.is_zipfile, saved_by_torch))


def delete_incomplete(path: Path) -> None:
    """Delete those checkpoints of a run that were cut off."""
    for checkpoint in path.glob("checkpoint-*"):
        if not is_complete(checkpoint):
            shutil.rmtree(checkpoint, ignore_errors=True)  # as where nobody may write any more


def read_json(path: Path, *needed: str) -> dict:
    """Return the object of a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is cut off, holds something else, or lacks one of the needed keys.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not content.keys() >= set(needed):
        raise ValueError(f"{path} holds no JSON object, or none with {', '.join(needed)}")
    return content


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file with one line for each key, whole or not at all.

    Raises:
        OSError: the file cannot be written.
        TypeError: a value is not one that JSON can hold.
    """
    lines = (f"  {json.dumps(k)}: {json.dumps(v, default=_plain)}" for k, v in content.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _plain(value: object) -> float | int | bool:
    if not isinstance(value, np.generic):  # a number of NumPy's
        raise TypeError(f"{type(value).__name__} is not one of JSON's types")
    return value.item()
