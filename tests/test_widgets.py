"""The form of hyperparameters without a front end."""

import contextlib

import pytest
from transformers import BertConfig, TrainingArguments

from helpers.errors import TutorialError
from helpers.hyperparameters import DEFAULTS, FIELDS, defaults
from helpers.widgets import HyperparameterForm


def test_form_holds_its_defaults_and_fits_the_training_arguments():
    form = HyperparameterForm()
    assert form.values == DEFAULTS
    values = dict(form.values)
    for_model = {"hidden_dropout_prob": values.pop("hidden_dropout_prob")}
    assert BertConfig(**for_model).hidden_dropout_prob == 0.0
    assert (values.pop("train_share"), values.pop("freeze_encoder")) == (1, False)
    assert values.pop("freeze_embeddings") is True
    arguments = TrainingArguments(**values, use_cpu=True)
    assert arguments.learning_rate == pytest.approx(DEFAULTS["learning_rate"])
    assert arguments.warmup_steps == DEFAULTS["warmup_steps"]


def test_a_larger_model_starts_with_a_lower_learning_rate():
    assert defaults("small") == DEFAULTS
    full = HyperparameterForm(**defaults("full")).values
    assert full["learning_rate"] < DEFAULTS["learning_rate"]
    assert full["seed"] == DEFAULTS["seed"]


def test_start_values_and_reset():
    form = HyperparameterForm(num_train_epochs=2)
    form.set(num_train_epochs=7, weight_decay=0.1)
    assert form.values["num_train_epochs"] == 7
    buttons(form)["Reset"].click()
    assert form.values == pytest.approx(DEFAULTS | {"num_train_epochs": 2})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", -1e-4),
        ("learning_rate", 0.1),
        ("per_device_train_batch_size", 0),
        ("num_train_epochs", 0),
        ("warmup_steps", 500),
        ("weight_decay", -0.1),
        ("seed", -1),
        ("learning_rate", float("inf")),
        ("hidden_dropout_prob", 0.9),
        ("train_share", 0),
        ("train_share", 1.5),
    ],
)
def test_values_out_of_range_are_refused_and_change_nothing(name, value):
    form = HyperparameterForm()
    with pytest.raises(TutorialError, match=name) as caught:
        form.set(**{"weight_decay": 0.2, name: value})
    assert "outside" in str(caught.value) and "\n" not in str(caught.value)
    assert form.values == pytest.approx(DEFAULTS)


def test_unknown_name_is_refused():
    with pytest.raises(TutorialError, match="'lr'.*learning_rate"):
        HyperparameterForm(lr=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("learning_rate", "1e-4", "no number"),
        ("learning_rate", float("nan"), "no number"),
        ("learning_rate", None, "no number"),
        ("seed", True, "no number"),
        ("num_train_epochs", 2.5, "whole number"),
        ("freeze_encoder", 1, "True or False"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name, value, problem):
    with pytest.raises(TutorialError, match=f"{name} is .*{problem}"):
        HyperparameterForm(**{name: value})


def controls(form):
    return dict(zip(FIELDS, form.children, strict=False))


def buttons(form):
    return {button.description: button for button in form.children[len(FIELDS)].children}


def test_every_control_is_labelled_and_explained():
    for name, control in controls(HyperparameterForm()).items():
        assert control.description == FIELDS[name].label
        assert control.tooltip == FIELDS[name].reason


def test_a_moved_slider_gives_the_value_that_it_shows():
    form = HyperparameterForm(learning_rate=1.234e-4)
    assert form.values["learning_rate"] == 1.234e-4, "typed values are kept exactly"
    controls(form)["learning_rate"].value = 10**-3.85
    assert form.values["learning_rate"] == 1.4e-4
    controls(form)["train_share"].value = 0.9699999999999999
    assert form.values["train_share"] == 0.97
    form.set(learning_rate=1.25e-4)
    assert form.values["learning_rate"] == 1.25e-4


def test_train_button_calls_the_function_with_the_values():
    form, calls = HyperparameterForm(num_train_epochs=3), []
    train = buttons(form)["Train"]
    assert train.disabled, "there is nothing to call yet"
    form.on_train(lambda values: calls.append((values, train.disabled)))
    form.set(seed=7)
    train.click()
    assert calls == [(DEFAULTS | {"num_train_epochs": 3, "seed": 7}, True)]
    assert not train.disabled


def test_train_button_works_again_after_an_error():
    def fail(values):
        raise TutorialError("no")

    form = HyperparameterForm()
    form.on_train(fail)
    with contextlib.suppress(TutorialError):  # a notebook shows it below the button
        buttons(form)["Train"].click()
    assert not buttons(form)["Train"].disabled


def test_without_a_front_end_the_form_is_text():
    text = HyperparameterForm(learning_rate=3e-5)._repr_mimebundle_()["text/plain"]
    assert len(text.splitlines()) == len(FIELDS)
    assert "learning rate     3e-05    (1e-06 to 0.001)" in text
