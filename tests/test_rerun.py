"""Notebook 03 again: all cells twice, with other settings, from the command line."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from refresh import NOTEBOOKS

from helpers import run_files, runs

PATH = NOTEBOOKS / "03_training_with_the_trainer.ipynb"


@pytest.fixture(autouse=True)
def runs_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))


def code_cells(path: Path, settings: str = "", **rows: int) -> list:
    """Return the code of a notebook with other settings, and so many rows of the named splits."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\n" + settings
        if "dataset = data.load_sentences" in cell.source:
            for split, count in rows.items():
                cell.source += f"\ndataset[{split!r}] = dataset[{split!r}].select(range({count}))"
    return cells


def execute(cells: list) -> None:
    cells = [nbformat.v4.new_code_cell(cell.source) for cell in cells]  # ids of their own
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": PATH.parent}}).execute()


def losses(name: str) -> list[tuple]:
    keys = ("epoch", "loss", "learning_rate", "eval_loss", "eval_macro_f1")
    history = run_files.history(runs.folder() / name)
    return [tuple(entry.get(key) for key in keys) for entry in history]


def test_papermill_fills_in_the_settings_and_run_all_twice_gives_two_equal_runs(tmp_path):
    """From the command line; then all cells two times in one kernel, as a reader runs them."""
    prepared = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--prepare-only", PATH.name, str(prepared)]
    values = {"learning_rate": "2e-4", "compare": "False"}
    values |= {"train_share": "0.1", "num_train_epochs": "1"}
    for name, value in values.items():
        command += ["-p", name, value]
    done = subprocess.run(command, cwd=PATH.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

    cells = code_cells(prepared, validation=60)
    execute(cells + cells)
    table = runs.table()
    assert table.index.tolist() == ["small-001", "small-002"]
    assert table[["learning_rate", "train_share"]].to_numpy().tolist() == [[2e-4, 0.1]] * 2
    assert losses("small-001") == losses("small-002")
    assert table.verdict.tolist() == ["within noise"] * 2


def test_training_by_cells_equals_the_helper():
    """Notebook 03 says that `fine_tune` does what its cells do; both must give the same losses."""
    check = nbformat.v4.new_code_cell(
        "from helpers.fine_tuning import fine_tune\n"
        "fine_tune(dataset, checkpoint, hyperparameters, TRACK, max_length=max_length)"
    )
    cells = []
    for settings, rows in (
        ("per_device_train_batch_size, freeze_embeddings = 8, False", {"train": 48}),
        ("train_share, hidden_dropout_prob, freeze_encoder = 0.1, 0.2, True", {}),
    ):
        code = code_cells(PATH, settings + "\nnum_train_epochs = 2", validation=48, **rows)
        last = next(i for i, cell in enumerate(code) if "record(trainer)" in cell.source)
        skip = ("NotebookProgressCallback", "scores = [")
        cells += [cell for cell in code[: last + 1] if not any(s in cell.source for s in skip)]
        cells.append(check)
    execute(cells)
    for by_cells, by_helper in (("small-001", "small-002"), ("small-003", "small-004")):
        assert losses(by_cells) == losses(by_helper) and len(losses(by_cells)) >= 4
    assert losses("small-001") != losses("small-003")
