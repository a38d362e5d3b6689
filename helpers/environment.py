"""What this machine is and what follows from it: track, precision, memory."""

import gc
import logging
import os
import platform
import sys
from importlib import metadata

import datasets
import pandas as pd
import psutil
import torch
import transformers

from helpers import packages
from helpers.errors import TutorialError

ROOT = packages.ROOT
TRACKS = ("small", "full")


def set_up() -> None:
    """Print versions, device and memory, and turn off the loading bars that clutter saved outputs.

    The report that Transformers logs for a new classification head is left out here, because
    notebook 02 shows and explains it. All other messages and warnings stay.
    """
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    # otherwise `load_dataset("csv", ...)` tells a server that the CSV reader was used
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    pd.set_option("display.html.use_mathjax", False)  # a dollar sign in a review is a dollar sign
    logging.getLogger("transformers.modeling_utils").addFilter(_is_no_load_report)
    names = ("torch", "transformers", "datasets", "evaluate")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    print(f"Python {platform.python_version()}, {versions}")
    print(f"Device: {describe_device()}")
    different = {
        name: version
        for name, version in packages.tested_versions().items()
        if packages.installed(name) not in ((), packages.numbers(version))
    }
    if different:
        print("Tested with other versions:", ", ".join(f"{n} {v}" for n, v in different.items()))


def _is_no_load_report(record: logging.LogRecord) -> bool:
    return "LOAD REPORT" not in record.getMessage()


def describe_device() -> str:
    """Return one line on the device that the Trainer will use, with its memory in GiB."""
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return f"{card.name}, {card.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        return "Apple GPU (MPS)"
    memory = psutil.virtual_memory().total / 2**30
    return f"CPU, {torch.get_num_threads()} threads, {memory:.0f} GiB"


def choose_track(track: str = "auto") -> str:
    """Return "small" or "full": the environment variable TUTORIAL_TRACK, else the argument.

    "auto" stands for "full" where there is a CUDA GPU and for "small" elsewhere.

    Raises:
        TutorialError: the name is not one of "auto", "small", "full".
    """
    track = os.environ.get("TUTORIAL_TRACK") or track
    if track == "auto":
        return "full" if torch.cuda.is_available() else "small"
    if track not in TRACKS:
        raise TutorialError(
            f'TRACK is {track!r}, which is no track: use "auto", "small" or "full".'
        )
    return track


def precision_arguments() -> dict[str, bool]:
    """Return the keyword arguments of `TrainingArguments` that fit this machine's precision."""
    if torch.cuda.is_available():
        return precision_for("cuda", capability=torch.cuda.get_device_capability())
    if torch.backends.mps.is_available():
        return precision_for("mps")
    features = getattr(torch.cpu, "get_capabilities", dict)()
    return precision_for("cpu", cpu_bf16=any(features.get(f) for f in ("avx512_bf16", "amx_bf16")))


def precision_for(
    device: str, capability: tuple[int, int] = (0, 0), cpu_bf16: bool = False
) -> dict[str, bool]:
    """Return the precision arguments for a "cuda", "mps" or "cpu" device.

    bf16 needs compute capability 8.0: older cards (a T4 is 7.5) only emulate it, so they get fp16.
    CPUs get bf16 where they have instructions for it; `Trainer` wants `use_cpu` said with it.
    """
    if device == "cuda":
        return {"bf16": True} if capability >= (8, 0) else {"fp16": True}
    if device == "cpu":
        return {"use_cpu": True, "bf16": cpu_bf16, "dataloader_pin_memory": False}
    return {"dataloader_pin_memory": False}


def attention_implementation(max_length: int = 128) -> str:
    """Return the `attn_implementation` that trains fastest here, for texts of so many tokens.

    On a CPU that is "eager" below 256 tokens: without dropout, "sdpa" takes a fused kernel there,
    whose backward pass is slow for short texts (notebook 09; `tests/benchmarks/speed.py steps`).
    """
    on_gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    return "sdpa" if on_gpu or max_length >= 256 else "eager"


def free_memory() -> None:
    """Collect models that nothing refers to any more, and give their GPU memory back."""
    gc.collect()
    torch.cuda.empty_cache()  # without a GPU nothing happens


def peak_memory() -> float:
    """Return the most memory used so far, in MiB: the GPU's, or without one this process's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource  # Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KiB on Linux
