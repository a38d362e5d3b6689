"""Short real runs of the small model: recorded, repeatable, never mixed up."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from helpers import checkpoints, data, metrics, plots, run_files, runs
from helpers.errors import TutorialError
from helpers.fine_tuning import fine_tune as whole_fine_tune
from helpers.fine_tuning import new_model
from helpers.hyperparameters import DEFAULTS

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
    return whole_fine_tune(dataset, checkpoints.get("small"), SETTINGS | changes, "small")


def losses(path):
    return [entry["eval_loss"] for entry in run_files.history(path) if "eval_loss" in entry]


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


def test_progress_is_lines_of_text_where_nothing_is_drawn(dataset, capsys):
    fine_tune(dataset)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2, "one for each epoch"
    figures = r"training loss \d\.\d{3}, validation loss \d\.\d{3}, macro F1 \d\.\d{3}"
    assert re.fullmatch(rf"epoch 1 of 2, {figures}, step 3 of 6, about \d+ s left", lines[0])
    assert re.fullmatch(rf"epoch 2 of 2, {figures}, step 6 of 6, about 0 s left", lines[1])


def test_runs_are_kept_apart_and_repeat(three_runs, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(three_runs))
    first, second, other = runs.all_runs()
    assert [path.name for path in (first, second, other)] == ["small-001", "small-002", "small-003"]
    assert losses(first) == losses(second)
    assert losses(first) != losses(other)


def test_run_folder_holds_model_settings_and_figures(three_runs, dataset):
    path = three_runs / "small-001"
    assert not list(path.glob("checkpoint-*"))
    assert json.loads((path / "hyperparameters.json").read_text()) == SETTINGS | {"max_length": 128}
    figures = json.loads((path / "metrics.json").read_text())
    assert figures["low"] <= figures["macro_f1"] <= figures["high"]
    assert figures["samples_per_second"] == pytest.approx(
        figures["epochs_run"] * len(dataset["train"]) / figures["seconds"], rel=0.01
    )
    assert len(figures["labels"]) == len(figures["predictions"]) == len(dataset["validation"])
    model = AutoModelForSequenceClassification.from_pretrained(path)
    assert model.config.id2label == dict(enumerate(data.REVIEW_LABELS))
    assert len(AutoTokenizer.from_pretrained(path)) == 30522


def test_recorded_rows_come_in_the_order_of_the_split(three_runs, dataset):
    # the Trainer's own evaluation with group_by_length reorders them, with each seed differently
    for path in sorted(three_runs.iterdir()):
        figures = json.loads((path / "metrics.json").read_text())
        assert figures["labels"] == dataset["validation"]["label"][:]


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


def test_a_run_without_figures_is_unfinished(three_runs, tmp_path, monkeypatch):
    folder = shutil.copytree(three_runs, tmp_path / "copy")
    (folder / "small-003" / "metrics.json").unlink()
    monkeypatch.setenv("TUTORIAL_RUNS", str(folder))
    assert runs.table().status.tolist() == ["finished", "finished", "unfinished"]
    assert runs.best("small").name != "small-003"
    assert runs.new("small", {}).name == "small-004", "its folder is not used again"


def test_no_runs_yet():
    assert runs.all_runs() == [] and runs.best("small") is None and runs.table().empty
    with pytest.raises(TutorialError, match="no run"):
        runs.plot()


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "file"))
    with pytest.raises(TutorialError, match="TUTORIAL_RUNS"):
        runs.new("small", {})


def test_training_changes_the_encoder_too(three_runs):
    trained = AutoModelForSequenceClassification.from_pretrained(three_runs / "small-001")
    fresh = AutoModelForSequenceClassification.from_pretrained(checkpoints.get("small").name)
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(trained.state_dict()[name], fresh.state_dict()[name])


def test_more_than_999_runs(runs_folder):
    (runs_folder / "small-1203").mkdir(parents=True)
    assert runs.new("small", {}).name == "small-1204"
    assert runs.new("full", {}).name == "full-001"


def test_plot_names_what_differs(three_runs, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(three_runs))
    figure = runs.plot()
    assert isinstance(figure, plots.Figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "small-001, seed 42",
        "small-002, seed 42",
        "small-003, seed 7",
    ]
    assert "seed" not in runs.plot("small-001", "small-002").alt
    with pytest.raises(TutorialError, match="small-009"):
        runs.plot("small-009")


@pytest.mark.parametrize(
    ("frozen", "trained"),
    [
        ({"freeze_encoder": True}, {"pooler", "classifier"}),
        ({}, {"encoder", "pooler", "classifier"}),
        ({"freeze_embeddings": False}, {"embeddings", "encoder", "pooler", "classifier"}),
    ],
)
def test_share_dropout_and_frozen_parts(dataset, frozen, trained):
    trainer = fine_tune(
        dataset, train_share=0.5, hidden_dropout_prob=0.3, num_train_epochs=1, **frozen
    )
    assert len(trainer.train_dataset) == len(dataset["train"]) // 2
    assert trainer.model.config.hidden_dropout_prob == 0.3
    fresh = AutoModelForSequenceClassification.from_pretrained(checkpoints.get("small").name)
    changed = {
        name.split(".")[1] if name.startswith("bert.") else "classifier"
        for name, weights in trainer.model.state_dict().items()
        if not torch.equal(weights.cpu(), fresh.state_dict().get(name, torch.empty(0)))
    }
    assert changed == trained


def write_run(name, predictions, labels=None, status="finished"):
    """Put a run without a model on record, as `record` writes it."""
    labels = labels or [0, 1] * 100
    path = runs.folder() / name
    path.mkdir(parents=True)
    (path / "hyperparameters.json").write_text("{}")
    score = float(metrics.macro_f1(labels, predictions))
    figures = {"status": status, "macro_f1": score, "seconds": 1.0}
    rows = {"labels": labels, "predictions": predictions}
    (path / "metrics.json").write_text(json.dumps(figures | rows))


def wrong(count):
    """Return predictions for the labels 0, 1, 0, 1, ... of which the first `count` are wrong."""
    return [(i + (i < count)) % 2 for i in range(200)]


@pytest.mark.parametrize(
    ("errors", "verdicts"),
    [
        ([20], [""]),
        ([20, 20], ["within noise", "within noise"]),
        ([20, 22], ["within noise", "within noise"]),
        ([20, 60], ["best", "worse"]),
        ([20, 22, 60], ["within noise", "within noise", "worse"]),
    ],
)
def test_a_run_is_best_only_beyond_the_noise(errors, verdicts):
    for i, count in enumerate(errors, start=1):
        write_run(f"small-{i:03d}", wrong(count))
    assert runs.table().verdict.tolist() == verdicts


def test_the_more_runs_the_larger_a_lead_must_be():
    write_run("small-001", wrong(20))
    write_run("small-002", wrong(27))
    assert runs.table().verdict.tolist() == ["best", "worse"]
    for i in range(3, 9):
        write_run(f"small-{i:03d}", wrong(40 + i))
    assert runs.table().verdict.tolist()[:2] == ["within noise", "within noise"]


def test_verdicts_compare_equal_texts_and_finished_runs_only():
    write_run("small-001", wrong(20))
    write_run("small-002", wrong(60))
    write_run("small-003", wrong(0), status="interrupted")
    write_run("full-001", wrong(1)[:100], labels=[0, 1] * 50)
    write_run("full-002", wrong(2)[:100], labels=[0, 1] * 50)
    assert runs.table().verdict.to_dict() == {
        "small-001": "best",
        "small-002": "worse",
        "small-003": "",
        "full-001": "within noise",
        "full-002": "within noise",
    }
    assert runs.best("small").name == "small-001"


def test_settings_that_are_no_numbers_are_plotted_too(three_runs, tmp_path, monkeypatch):
    folder = shutil.copytree(three_runs, tmp_path / "copy")
    monkeypatch.setenv("TUTORIAL_RUNS", str(folder))
    changed = SETTINGS | {"lr_scheduler_type": "cosine", "optim_args": None}
    (folder / "small-002" / "hyperparameters.json").write_text(json.dumps(changed))
    assert "lr_scheduler_type cosine" in runs.plot().alt


def test_looking_at_runs_deletes_no_checkpoint(runs_folder):
    path = runs.new("small", {})
    being_written = path / "checkpoint-8"
    being_written.mkdir()
    assert runs.table().status.tolist() == ["unfinished"] and being_written.exists()
    assert runs.to_resume("small", {}) == path and not being_written.exists()


def test_a_run_with_a_checkpoint_is_continued_before_one_without(runs_folder):
    first = runs.new("small", {"seed": 1})
    (first / "checkpoint-8").mkdir()
    (first / "checkpoint-8" / "trainer_state.json").write_text('{"log_history": []}')
    save_file({}, first / "checkpoint-8" / "model.safetensors")
    runs.new("small", {"seed": 1})
    assert runs.to_resume("small", {"seed": 1}) == first
    with pytest.raises(TutorialError, match="small-002 waits, with seed=1"):
        runs.to_resume("small", {"seed": 2})


def test_unknown_hyperparameters_make_no_run(dataset, runs_folder):
    with pytest.raises(TutorialError, match="'lr'"):
        fine_tune(dataset, lr=1e-4)
    with pytest.raises(TutorialError, match="cannot be used"):
        fine_tune(dataset, lr_scheduler_type="wavy")
    assert not runs_folder.exists()


def test_a_new_model_without_dropout_given_is_as_it_comes():
    checkpoint = checkpoints.get("small")
    as_it_comes = new_model(checkpoint, ("a", "b")).config
    assert (as_it_comes.hidden_dropout_prob, as_it_comes._attn_implementation) == (0.1, "sdpa")
    assert as_it_comes.id2label == {0: "a", 1: "b"}
    given = new_model(checkpoint, ("a", "b"), dropout=0.3).config
    assert given.hidden_dropout_prob == given.attention_probs_dropout_prob == 0.3
