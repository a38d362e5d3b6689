"""Notebook 03 again: all cells twice, with other settings, from the command line."""

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from refresh import NOTEBOOKS

from helpers import runs

PATH = NOTEBOOKS / "03_training_with_the_trainer.ipynb"
SMALL = "train_share, num_train_epochs, compare = 0.1, 1, False"


@pytest.fixture(autouse=True)
def runs_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))


def code_cells(settings: str, **rows: int) -> list:
    """Return the code of notebook 03 with other settings, and so many rows of the named splits."""
    cells = [c for c in nbformat.read(PATH, as_version=4).cells if c.cell_type == "code"]
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\n" + settings
        if "dataset = data.load_sentences" in cell.source:
            for split, count in rows.items():
                cell.source += f"\ndataset[{split!r}] = dataset[{split!r}].select(range({count}))"
    return cells


def execute(cells: list) -> None:
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": PATH.parent}}).execute()


def losses(name: str) -> list[tuple]:
    keys = ("epoch", "loss", "learning_rate", "eval_loss", "eval_macro_f1")
    return [tuple(entry.get(key) for key in keys) for entry in runs.history(runs.folder() / name)]


def test_run_all_twice_gives_two_equal_runs():
    cells = code_cells(SMALL, validation=60)
    again = [nbformat.v4.new_code_cell(cell.source) for cell in cells]
    execute(cells + again)  # in one kernel, as a reader does it
    assert runs.table().index.tolist() == ["small-001", "small-002"]
    assert losses("small-001") == losses("small-002")
    assert runs.table().verdict.tolist() == ["within noise"] * 2


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        (
            "per_device_train_batch_size, num_train_epochs, freeze_embeddings = 8, 2, False",
            {"train": 48},
        ),
        (
            "train_share, hidden_dropout_prob, freeze_encoder = 0.1, 0.2, True\n"
            "num_train_epochs = 2",
            {},
        ),
    ],
)
def test_training_by_cells_equals_the_helper(settings, rows):
    """Notebook 03 says that `fine_tune` does what its cells do; both must give the same losses."""
    code = code_cells(settings, validation=48, **rows)
    last = next(i for i, cell in enumerate(code) if "record(trainer)" in cell.source)
    check = """from helpers.fine_tuning import fine_tune
fine_tune(dataset, checkpoint, hyperparameters, TRACK, max_length=max_length)"""
    skip = ("NotebookProgressCallback", "scores = [")
    cells = [cell for cell in code[: last + 1] if not any(text in cell.source for text in skip)]
    execute([*cells, nbformat.v4.new_code_cell(check)])
    assert losses("small-001") == losses("small-002") and len(losses("small-001")) >= 4


def test_papermill_fills_in_the_settings(tmp_path):
    command = [sys.executable, "-m", "papermill", PATH.name, str(tmp_path / "out.ipynb")]
    values = {"learning_rate": "2e-4", "compare": "False"}
    values |= {"train_share": "0.1", "num_train_epochs": "1"}
    for name, value in values.items():
        command += ["-p", name, value]
    done = subprocess.run(command, cwd=PATH.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    table = runs.table()
    assert [table[name].tolist() for name in ("learning_rate", "train_share")] == [[2e-4], [0.1]]
