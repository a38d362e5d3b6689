"""Notebook 04 opened on its own, before any run exists."""

import nbformat
from nbclient import NotebookClient
from refresh import NOTEBOOKS


def test_evaluation_trains_a_run_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))
    notebook = nbformat.read(NOTEBOOKS / "04_evaluation.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cut = next(i for i, cell in enumerate(code) if "model under test is" in cell.source)
    fewer = """from helpers import widgets
widgets.DEFAULTS["num_train_epochs"] = 1
dataset["train"] = dataset["train"].select(range(64))"""
    notebook.cells = [*code[:cut], nbformat.v4.new_code_cell(fewer), *code[cut : cut + 2]]
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    printed = "".join(o.get("text", "") for o in notebook.cells[-2].outputs)
    assert "No finished run was found, so one is trained first" in printed
    assert "run small-001" in printed


def test_training_by_cells_equals_the_helper(tmp_path, monkeypatch):
    """Notebook 03 says that `fine_tune` does what its cells do; both must give the same losses."""
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))
    notebook = nbformat.read(NOTEBOOKS / "03_training_with_the_trainer.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\nnum_train_epochs, per_device_train_batch_size = 2, 8"
        if "dataset = data.load_sentences" in cell.source:
            cell.source += (
                "\nfor split in dataset: dataset[split] = dataset[split].select(range(48))"
            )
    last = next(i for i, cell in enumerate(code) if "trainer.train()" in cell.source)
    check = """from helpers.training import fine_tune
by_helper = fine_tune(dataset, checkpoint, hyperparameters, TRACK, max_length=max_length)
def logged(trainer):
    keys = ("epoch", "loss", "learning_rate", "eval_loss", "eval_macro_f1")
    return [{k: e[k] for k in keys if k in e} for e in trainer.state.log_history]
assert logged(by_helper) == logged(trainer) and len(logged(trainer)) >= 4
"""
    notebook.cells = [*code[: last + 1], nbformat.v4.new_code_cell(check)]
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
