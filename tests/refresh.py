"""Execute notebooks from the first cell to the last and store them with clean outputs.

    python tests/refresh.py                 all notebooks
    python tests/refresh.py 03 04           those whose names start so
    python tests/refresh.py --clean         store what `normalise` changes, run nothing
    python tests/refresh.py --check         only report what `normalise` would change
    python tests/refresh.py --gpu 03        on a machine with a GPU: store the time it takes there

Stored notebooks keep outputs and counts; what differs from run to run for no reason is removed.
Then everything that is made from notebooks is written anew: README's pictures and table, and the
pages of solutions. The time is stored where the process has two CPU cores, as README promises; on
a machine with more,  taskset -c 0,1 python tests/refresh.py  gives it two.
"""

import argparse
import base64
import copy
import os
import sys
import time
from pathlib import Path

import nbformat
import pages
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TIMES = {"cpu_seconds": None, "gpu_seconds": None}  # None: not measured yet
FOLDED = {
    "jupyter": {"source_hidden": True, "outputs_hidden": True},  # for JupyterLab
    "cellView": "form",  # for Colab
}
# README's pictures: file name -> notebook and the beginning of the picture's alternative text
PICTURES = {
    "curves.png": ("03_training_with_the_trainer", "this run: best"),
    "confusion_matrix.png": ("04_evaluation", "Confusion matrix"),
    "ladder.png": ("04_evaluation", "Fine-tuning against"),
    "words.png": ("04_evaluation", "What pushed"),
    "speed.png": ("09_faster_training", "Together the rungs"),
}
ADVICE = "not clean: run  python tests/refresh.py --clean"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove widget state, timings and live widget views in place; return the notebook.

    Hosting sites refuse notebooks whose widget state is incomplete, and a stored widget view
    without its state shows nothing, so only the text that stands for the widget stays.

    What we store about a notebook, under the key `series`, is kept. Solutions are folded, so
    that a reader meets the exercise first.
    """
    series = TIMES | notebook.metadata.get("series", {})
    notebook.metadata = nbformat.from_dict(METADATA | {"series": series})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.update(nbformat.from_dict(FOLDED))
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
            output.pop("transient", None)
    return notebook


def run(notebook: nbformat.NotebookNode, folder: Path) -> float:
    """Run a notebook in place, in a fresh kernel in `folder`, and return the seconds."""
    start = time.monotonic()
    # coalescing keeps two prints of one cell from being stored now as one output, now as two
    client = NotebookClient(
        notebook,
        timeout=1200,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    )
    client.execute()
    return time.monotonic() - start


def execute(path: Path, device: str = "cpu") -> float:
    """Run a notebook, store it and its time, and return the seconds.

    With `device="gpu"` only the time is stored; the outputs stay those of the CPU.
    """
    stored = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(stored)
    seconds = run(notebook, path.parent)
    kept = normalise(notebook if device == "cpu" else stored)
    if device == "gpu" or _cores() == 2:
        kept.metadata.series[f"{device}_seconds"] = round(seconds)
    nbformat.write(kept, path)
    return seconds


def _cores() -> int | None:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _has_gpu() -> bool:
    import torch  # slow, and needed for this question only

    return torch.cuda.is_available()


def picture(name: str) -> bytes:
    """Return the PNG of README's picture `name` from the stored outputs of its notebook.

    Raises:
        LookupError: the notebook has no picture whose alternative text begins so.
    """
    stem, beginning = PICTURES[name]
    for cell in nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells:
        for output in cell.get("outputs", []):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if alt.startswith(beginning):
                return base64.b64decode(output.data["image/png"])
    raise LookupError(f"{stem}.ipynb has no picture with the alternative text {beginning!r} ...")


def main() -> int:
    """Refresh, clean or check the notebooks named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of file names; none: all notebooks")
    parser.add_argument("--check", action="store_true", help="change nothing, only report")
    parser.add_argument("--clean", action="store_true", help="normalise, but run nothing")
    parser.add_argument("--gpu", action="store_true", help="store the time on a GPU, nothing else")
    options = parser.parse_args()
    os.environ["TUTORIAL_TRACK"] = "small"  # what is stored is always the small track
    if not options.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif not _has_gpu():
        parser.error("there is no CUDA GPU here, or a build of PyTorch that cannot use it")
    status = 0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if options.names and not path.name.startswith(tuple(options.names)):
            continue
        if options.check or options.clean:
            stored = nbformat.read(path, as_version=4)
            clean = normalise(copy.deepcopy(stored))
            same = nbformat.writes(stored) == nbformat.writes(clean)
            if options.clean and not same:
                nbformat.write(clean, path)
            status |= options.check and not same
            print(f"{path.name}: {'clean' if same else 'cleaned' if options.clean else ADVICE}")
        else:
            seconds = execute(path, "gpu" if options.gpu else "cpu")
            print(f"{path.name}: {seconds:.0f} s", flush=True)
    if not options.check:
        (NOTEBOOKS / "images").mkdir(exist_ok=True)
        for name in PICTURES:
            (NOTEBOOKS / "images" / name).write_bytes(picture(name))
        pages.write()
    return status


if __name__ == "__main__":
    sys.exit(main())
