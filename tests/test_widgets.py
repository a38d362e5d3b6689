"""The form of hyperparameters without a front end."""

import pytest
from transformers import TrainingArguments

from helpers.environment import TutorialError
from helpers.widgets import DEFAULTS, FIELDS, HyperparameterForm, defaults


def test_form_holds_its_defaults_and_fits_the_training_arguments():
    form = HyperparameterForm()
    assert form.values == pytest.approx(DEFAULTS)
    arguments = TrainingArguments(**form.values, use_cpu=True)
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
    form.children[-1].click()
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
        ("learning_rate", float("nan")),
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


def test_every_control_is_labelled_and_explained():
    for slider, field in zip(HyperparameterForm().children, FIELDS.values(), strict=False):
        assert slider.description == field.label
        assert slider.tooltip == field.reason
