"""Short real runs of the small model: recorded, repeatable, never mixed up."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from helpers import checkpoints, data, runs, training
from helpers.environment import TutorialError
from helpers.widgets import DEFAULTS

SETTINGS = DEFAULTS | {"num_train_epochs": 2, "per_device_train_batch_size": 16}


@pytest.fixture(autouse=True)
def runs_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def dataset():
    whole = data.load_sentences("small")
    return whole.__class__({split: table.select(range(48)) for split, table in whole.items()})


def fine_tune(dataset, **changes):
    return training.fine_tune(dataset, checkpoints.get("small"), SETTINGS | changes, "small")


def losses(path):
    return [entry["eval_loss"] for entry in runs.history(path) if "eval_loss" in entry]


@pytest.fixture(scope="module")
def three_runs(dataset, tmp_path_factory):
    """Two equal runs and one with another seed, in a folder of runs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("three")
        patch.setenv("TUTORIAL_RUNS", str(folder))
        fine_tune(dataset)
        fine_tune(dataset)
        fine_tune(dataset, seed=7)
    return folder


def test_runs_are_kept_apart_and_repeat(three_runs, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(three_runs))
    first, second, other = runs.finished()
    assert [path.name for path in (first, second, other)] == ["small-001", "small-002", "small-003"]
    assert losses(first) == losses(second)
    assert losses(first) != losses(other)


def test_run_folder_holds_model_settings_and_figures(three_runs, dataset):
    path = three_runs / "small-001"
    assert not list(path.glob("checkpoint-*"))
    assert json.loads((path / "hyperparameters.json").read_text()) == SETTINGS
    figures = json.loads((path / "metrics.json").read_text())
    assert figures["low"] <= figures["macro_f1"] <= figures["high"]
    assert figures["samples_per_second"] == pytest.approx(
        figures["epochs_run"] * len(dataset["train"]) / figures["seconds"]
    )
    model = AutoModelForSequenceClassification.from_pretrained(path)
    assert model.config.id2label == dict(enumerate(data.REVIEW_LABELS))
    assert len(AutoTokenizer.from_pretrained(path)) == 30522


def test_kept_model_is_the_best_epochs(three_runs):
    state = json.loads((three_runs / "small-001" / "trainer_state.json").read_text())
    scores = [e["eval_macro_f1"] for e in state["log_history"] if "eval_macro_f1" in e]
    figures = json.loads((three_runs / "small-001" / "metrics.json").read_text())
    assert figures["macro_f1"] == pytest.approx(max(scores)) == state["best_metric"]


def test_table_and_best(three_runs, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(three_runs))
    table = runs.table()
    assert table.index.tolist() == ["small-001", "small-002", "small-003"]
    assert table.seed.tolist() == [42, 42, 7]
    assert runs.best("small").name == table.macro_f1.idxmax()
    assert runs.best("full") is None


def test_interrupted_run_is_not_listed(three_runs, tmp_path, monkeypatch):
    folder = shutil.copytree(three_runs, tmp_path / "copy")
    (folder / "small-003" / "metrics.json").unlink()
    monkeypatch.setenv("TUTORIAL_RUNS", str(folder))
    assert [path.name for path in runs.finished()] == ["small-001", "small-002"]
    assert runs.new("small").name == "small-004", "its folder is not used again"


def test_no_runs_yet():
    assert runs.finished() == [] and runs.best("small") is None and runs.table().empty


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "file"))
    with pytest.raises(TutorialError, match="TUTORIAL_RUNS"):
        runs.new("small")


def test_training_changes_the_encoder_too(three_runs):
    trained = AutoModelForSequenceClassification.from_pretrained(three_runs / "small-001")
    fresh = AutoModelForSequenceClassification.from_pretrained(checkpoints.get("small").name)
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(trained.state_dict()[name], fresh.state_dict()[name])
