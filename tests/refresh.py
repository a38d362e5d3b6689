"""Execute notebooks from the first cell to the last and store them with clean outputs.

    python tests/refresh.py                 all notebooks
    python tests/refresh.py 03 04           those whose names start so
    python tests/refresh.py --check         only report what `normalise` would change

Stored notebooks keep outputs and counts; what differs from run to run for no reason is removed.
"""

import argparse
import base64
import copy
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# README's pictures: file name -> notebook and the beginning of the picture's alternative text
PICTURES = {
    "curves.png": ("03_training_with_the_trainer", "this run: best"),
    "confusion_matrix.png": ("04_evaluation", "Confusion matrix"),
    "ladder.png": ("04_evaluation", "Fine-tuning against"),
    "words.png": ("04_evaluation", "What pushed"),
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove widget state, timings and live widget views in place; return the notebook.

    Hosting sites refuse notebooks whose widget state is incomplete, and a stored widget view
    without its state shows nothing, so only the text that stands for the widget stays.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
            output.pop("transient", None)
    return notebook


def execute(path: Path) -> float:
    """Run a notebook in a fresh kernel, in its own folder, store it, and return the seconds."""
    notebook = nbformat.read(path, as_version=4)
    start = time.monotonic()
    # coalescing keeps two prints of one cell from being stored now as one output, now as two
    client = NotebookClient(
        notebook,
        timeout=1200,
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    client.execute()
    seconds = time.monotonic() - start
    nbformat.write(normalise(notebook), path)
    return seconds


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
    """Refresh or check the notebooks named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of file names; none: all notebooks")
    parser.add_argument("--check", action="store_true", help="change nothing, only report")
    options = parser.parse_args()
    status = 0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if options.names and not path.name.startswith(tuple(options.names)):
            continue
        if options.check:
            stored = nbformat.read(path, as_version=4)
            same = nbformat.writes(stored) == nbformat.writes(normalise(copy.deepcopy(stored)))
            status |= not same
            print(f"{path.name}: {'clean' if same else 'not clean: run tests/refresh.py'}")
        else:
            print(f"{path.name}: {execute(path):.0f} s", flush=True)
    if not options.check:
        (NOTEBOOKS / "images").mkdir(exist_ok=True)
        for name in PICTURES:
            (NOTEBOOKS / "images" / name).write_bytes(picture(name))
    return status


if __name__ == "__main__":
    sys.exit(main())
