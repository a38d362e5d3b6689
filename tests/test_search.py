"""Searches: exact budgets, kills and interrupts, plans that differ, and the saved studies."""

import math
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial, TrialState
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from helpers import checkpoints, data, search, trials
from helpers.environment import ROOT
from helpers.errors import TutorialError
from helpers.metrics import macro_f1

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = {
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "num_train_epochs": IntDistribution(1, 3),
    "optim": CategoricalDistribution(["adafactor", "sgd"]),
}
STEPS_PER_EPOCH = 5  # odd, so that a half epoch ends between two steps


def plan(budget: int = 60, **changes) -> search.Plan:
    values = {"track": "small", "train": 8, "choose": 4, "check": 4, "max_words": 24}
    values |= {"frozen": 0.5, "seed": 7, "startup": 2, "budget": budget}
    return search.Plan(**(values | {"space": search.space_to_json(SPACE)} | changes))


def fake_training(parts, values, seed, report):
    """Drive a report as the Trainer does; the score rises with the learning rate."""
    last = STEPS_PER_EPOCH * values["num_train_epochs"]
    args = SimpleNamespace(num_train_epochs=float(values["num_train_epochs"]))
    state, control = SimpleNamespace(max_steps=last), SimpleNamespace(should_training_stop=False)
    evaluations = 0
    for step in range(1, last + 1):
        state.global_step, state.epoch = step, step / STEPS_PER_EPOCH
        report.on_step_end(args, state, control)
        if control.should_evaluate:
            evaluations += 1
            report.predictions = np.array([0, 1])
            score = {"eval_macro_f1": 1 + math.log10(values["learning_rate"]) / 5}
            report.on_evaluate(args, state, control, metrics=score)
        if control.should_training_stop:
            break
    assert report.stopped or evaluations == (2 * args.num_train_epochs if report.trial else 1)
    return trials.Outcome(report.score, report.predictions, step, report.stopped, 0.1)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "train_setting", fake_training)
    return tmp_path / "search-small-001.log"


def ended(study: optuna.Study, state: TrialState) -> list[int]:
    return [trial.number for trial in study.get_trials(states=[state])]


@pytest.mark.parametrize("name", ["random", "tpe"])
@pytest.mark.parametrize("budget", [1, 4, 47, 150])
def test_a_search_spends_exactly_its_budget(path, name, budget):
    study = search.open_study(path, name, plan(budget))
    search.run(study, None)
    assert search.steps_used(study) == budget
    table = search.table([study])
    assert table.steps.sum() == budget and (table.search == name).all()
    assert not ended(study, TrialState.RUNNING)
    search.run(study, None)  # nothing is left to do
    assert len(search.table([study])) == len(table)


def test_the_pruner_stops_bad_trials_after_a_whole_epoch(path):
    study = search.open_study(path, "tpe", plan(100))
    for rate in (1e-2, 1e-2, 1e-5):
        study.enqueue_trial({"learning_rate": rate, "num_train_epochs": 3})
    search.run(study, None)
    third = study.trials[2]
    assert third.state == TrialState.PRUNED and third.user_attrs["steps"] == STEPS_PER_EPOCH
    assert third.intermediate_values.keys() == {1, 2}
    assert "predictions" not in third.user_attrs


def test_random_search_has_no_pruner(path):
    study = search.open_study(path, "random", plan(200))
    search.run(study, None)
    assert len(ended(study, TrialState.PRUNED)) <= 1  # the one that the budget cut off


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_an_interrupt_fails_the_trial_and_the_search_goes_on(path, name, monkeypatch):
    study = search.open_study(path, name, plan())

    def interrupted(parts, values, seed, report):
        if report.trial.number == 2:
            report.trial.set_user_attr("steps", 3)
            raise KeyboardInterrupt
        return fake_training(parts, values, seed, report)

    monkeypatch.setattr(trials, "train_setting", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.run(study, None)
    monkeypatch.setattr(trials, "train_setting", fake_training)
    study = search.open_study(path, name)
    search.run(study, None)
    assert ended(study, TrialState.FAIL) == [2]
    assert search.steps_used(study) == 60
    settings = [tuple(t.params.values()) for t in study.trials if t.state != TrialState.FAIL]
    assert len(set(settings)) == len(settings), "the sampler began again with its first draws"


def test_a_killed_trial_is_failed_and_tried_again(path):
    study = search.open_study(path, "tpe", plan())
    trial = study.ask(SPACE)
    trial.set_user_attr("steps", 4)
    study = search.open_study(path, "tpe")  # another process
    assert search.recover(study) == [0]
    assert search.recover(study) == []
    search.run(study, None)
    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[1].params == study.trials[0].params
    assert search.steps_used(study) == 60


def test_another_plan_is_refused(path):
    search.open_study(path, "tpe", plan())
    assert search.Plan.of(search.open_study(path, "tpe", plan())) == plan()
    with pytest.raises(TutorialError, match="'frozen'"):
        search.open_study(path, "tpe", plan(frozen=0.0))
    with pytest.raises(TutorialError, match="begin one with a plan"):
        search.open_study(path, "random")


def test_journals_are_numbered(tmp_path, monkeypatch):
    monkeypatch.setenv("TUTORIAL_RUNS", str(tmp_path / "runs"))
    first = search.new_path("small", go_on=True)
    assert first.name == "search-small-001.log"
    search.open_study(first, "tpe", plan())
    (first.parent / "search-small-notes.log").touch()
    assert search.new_path("small").name == "search-small-002.log"
    assert search.new_path("small", go_on=True) == first
    assert search.new_path("full").name == "search-full-001.log"


def test_progress_says_how_far_it_is(path, capsys):
    study = search.open_study(path, "random", plan())
    search.run(study, None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("random [....................] 0 of 60 steps, 0 trials")
    assert "s left" in lines[1]
    assert "[####################] 60 of 60 steps" in lines[-1] and "best 0." in lines[-1]


@pytest.mark.parametrize("optimizer", ["adamw_torch_fused", "adafactor", "sgd"])
def test_a_setting_is_trained(optimizer):
    checkpoint = checkpoints.get("small")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name)
    texts = trials.split(data.load_sentences("small"), tokenizer, 12, 9, 6, 12, 1)
    assert {part: len(table) for part, table in texts.items()} == {
        "train": 12, "choose": 9, "check": 6,
    }  # fmt: skip
    assert max(len(text.split()) for text in texts["train"]["text"]) <= 12
    created = []

    def new_model(dropout):
        model = AutoModelForSequenceClassification.from_pretrained(
            checkpoint.name, num_labels=3, hidden_dropout_prob=dropout
        )
        created.append((model, {name: w.clone() for name, w in model.state_dict().items()}))
        return trials.freeze(model, 0.5)

    values = {"learning_rate": 1e-3, "per_device_train_batch_size": 4, "num_train_epochs": 1}
    values |= {"weight_decay": 0.1, "warmup_steps": 0.0, "hidden_dropout_prob": 0.2}
    values |= {"optim": optimizer}
    parts = trials.Parts(new_model, tokenizer, texts["train"], texts["choose"])
    outcome = trials.train_setting(parts, values, 1, trials.Report(FixedTrial(values)))
    assert outcome.steps == 3 and not outcome.stopped
    assert outcome.score == macro_f1(texts["choose"]["label"][:], outcome.predictions)
    model, before = created[0]
    changed = {n for n, value in model.state_dict().items() if not value.equal(before[n].to(value))}
    assert {"classifier.weight", "bert.encoder.layer.5.output.dense.weight"} <= changed
    assert not any("embeddings" in name or "layer.2." in name for name in changed)


def test_the_saved_studies_are_what_notebook_07_says():
    storage = search.journal(ROOT / "data" / "search" / "reviews.log")
    studies = [optuna.load_study(study_name=n, storage=storage) for n in ("grid", "random", "tpe")]
    plans = [search.Plan.of(study) for study in studies]
    assert plans[0] == plans[1] == plans[2]
    table = search.table(studies)
    assert (table.groupby("search").steps.sum() == plans[0].budget).all()
    labels = np.array(studies[0].user_attrs["labels"])
    for row in table[table.state == "complete"].itertuples():
        assert row.score == pytest.approx(macro_f1(labels, np.array(row.predictions)))
    again = optuna.load_study(study_name="again", storage=storage)
    seeds = {}
    for trial in again.trials:
        seeds.setdefault(trial.user_attrs["setting"], []).append(trial.user_attrs["seed"])
    assert "default" in seeds and len(seeds) == 4
    assert all(used == list(range(1, 1 + len(used))) for used in seeds.values())
