"""Notebook 04 opened on its own, before any run exists; and what 11 does only in Colab."""

import os
import sys
import zipfile
from types import ModuleType

import nbformat
from nbclient import NotebookClient
from refresh import NOTEBOOKS


def test_evaluation_trains_a_run_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))
    notebook = nbformat.read(NOTEBOOKS / "04_evaluation.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cut = next(i for i, cell in enumerate(code) if "model under test is" in cell.source)
    fewer = """from helpers.hyperparameters import DEFAULTS
DEFAULTS["num_train_epochs"] = 1
dataset["train"] = dataset["train"].select(range(64))"""
    notebook.cells = [*code[:cut], nbformat.v4.new_code_cell(fewer), *code[cut : cut + 2]]
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    printed = "".join(o.get("text", "") for o in notebook.cells[-2].outputs)
    assert "No finished run was found, so one is trained first" in printed
    assert "run small-001" in printed


def test_in_colab_the_model_of_notebook_11_is_packed_and_downloaded(tmp_path, monkeypatch):
    """Run its cell with a stand-in for Colab's module, which exists nowhere else."""
    notebook = nbformat.read(NOTEBOOKS / "11_your_own_data.ipynb", as_version=4)
    (cell,) = (c for c in notebook.cells if "colab" in c.metadata.get("tags", []))
    folder, downloaded = tmp_path / "runs" / "own-001", []
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    files = ModuleType("google.colab.files")
    files.download = downloaded.append
    colab = ModuleType("google.colab")
    colab.files = files
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "a test")
    exec(cell.source, {"os": os, "folder": folder})
    assert downloaded == [f"{folder}.zip"]
    assert "own-001/config.json" in zipfile.ZipFile(downloaded[0]).namelist()
