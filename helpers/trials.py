"""One trial of a search: a setting is trained, scored and, where that is due, stopped early.

Shown in notebook 07. This module needs the package optuna.
"""

import math
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import optuna
from datasets import Dataset, DatasetDict
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from helpers import environment
from helpers.metrics import macro_f1

SGD_FACTOR = 100  # SGD does not divide its updates by the gradient's size, as the others do


class Parts(NamedTuple):
    """What is needed to train a setting."""

    new_model: Callable[[float], PreTrainedModel]  # dropout -> a fresh model
    tokenizer: PreTrainedTokenizerBase
    train: Dataset
    validation: Dataset


class Outcome(NamedTuple):
    """What came out of a setting; score and predictions (label ids) are None without a score."""

    score: float | None
    predictions: np.ndarray | None
    steps: int
    stopped: bool
    seconds: float


class Report(TrainerCallback):
    """Score a trial after each half epoch, tell Optuna, and stop it early where that is due.

    Without a trial the model is scored once, at the end. `left` is what the budget still allows.
    """

    def __init__(self, trial: optuna.trial.BaseTrial | None = None, left: float = math.inf):
        self.trial, self.left = trial, left
        self.score, self.predictions, self.stopped = None, None, False

    def on_step_end(self, args, state, control, **kwargs):
        """Ask for an evaluation after a half epoch and at the end; stop when no step is left."""
        step, half_epoch = state.global_step, state.max_steps / args.num_train_epochs / 2
        is_last = step == state.max_steps
        is_half_epoch = step // half_epoch > (step - 1) // half_epoch
        control.should_evaluate = is_last or (self.trial is not None and is_half_epoch)
        if step >= self.left and not is_last:
            self.stopped = control.should_training_stop = True

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        """Tell Optuna the score, and ask whether the trial is worth more steps."""
        self.score = metrics["eval_macro_f1"]
        if self.trial is not None:
            self.trial.report(self.score, step=round(2 * state.epoch))  # counts half epochs
            self.trial.set_user_attr("steps", state.global_step)
            if state.global_step < state.max_steps and self.trial.should_prune():
                self.stopped = control.should_training_stop = True

    def compute_metrics(self, prediction) -> dict[str, float]:
        """Return macro F1, and remember the predicted labels."""
        self.predictions = prediction.predictions.argmax(-1)
        return {"macro_f1": float(macro_f1(prediction.label_ids, self.predictions))}


def train_setting(parts: Parts, values: dict, seed: int, report: Report | None = None) -> Outcome:
    """Train a fresh model with one setting; notebook 03 explains these lines.

    Args:
        parts: the texts, the tokenizer and the function that makes a model.
        values: arguments of `TrainingArguments`, and `hidden_dropout_prob`. With the optimizer
            "sgd" the learning rate is multiplied by `SGD_FACTOR` and the weight decay divided by
            it, which keeps their product; its momentum of 0.9 makes both ten times as strong.
        seed: of the new head, the order of the texts and the dropout.
        report: what to do while it trains; by default the score is taken once, at the end.
    """
    start, arguments, report = time.monotonic(), dict(values), report or Report()
    dropout = arguments.pop("hidden_dropout_prob")
    if arguments["optim"] == "sgd":
        arguments["learning_rate"] *= SGD_FACTOR
        arguments["weight_decay"] /= SGD_FACTOR
        arguments["optim_args"] = "momentum=0.9"
    set_seed(seed)
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model=parts.new_model(dropout),
            args=TrainingArguments(
                output_dir=folder,
                per_device_eval_batch_size=64,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=seed,
                **(environment.precision_arguments() | arguments),
            ),
            train_dataset=parts.train,
            eval_dataset=parts.validation,
            processing_class=parts.tokenizer,
            compute_metrics=report.compute_metrics,
            callbacks=[report],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        steps = trainer.state.global_step
        del trainer
    environment.free_memory()
    seconds = time.monotonic() - start
    return Outcome(report.score, report.predictions, steps, report.stopped, seconds)


def split(
    dataset: DatasetDict,
    tokenizer: PreTrainedTokenizerBase,
    train: int,
    choose: int,
    check: int,
    max_words: int,
    seed: int,
) -> DatasetDict:
    """Return tokenized texts to train on, to choose with and to check with; none is in two parts.

    Those to choose with are of the validation split; those to check with are of the training split
    and are not trained on. Both come in order of length, so that batches need little padding.

    Args:
        dataset: splits "train" and "validation" with the columns `text` and `label`.
        tokenizer: of the checkpoint.
        train: number of texts to train on, as the next two; fewer are taken where there are fewer.
        choose: number of texts to choose with.
        check: number of texts to check with.
        max_words: longer training texts are left out.
        seed: of the order in which texts are taken.
    """
    pool, validation = (dataset[s].shuffle(seed=seed) for s in ("train", "validation"))
    count = min(check, len(pool) // 2)
    rest = pool.select(range(count, len(pool)))
    short = rest.filter(lambda row: len(row["text"].split()) <= max_words)
    parts = {
        "train": short.select(range(min(train, len(short)))),
        "choose": _by_length(validation.select(range(min(choose, len(validation))))),
        "check": _by_length(pool.select(range(count))),
    }
    return DatasetDict(parts).map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=128), batched=True
    )


def _by_length(table: Dataset) -> Dataset:
    lengths = [len(text) for text in table["text"]]
    return table.select(np.argsort(lengths, kind="stable"))


def freeze(model: PreTrainedModel, share: float) -> PreTrainedModel:
    """Exclude the embeddings and a share of the encoder's layers, from below, from training."""
    layers = model.base_model.encoder.layer
    for part in [model.base_model.embeddings, *layers[: round(share * len(layers))]]:
        part.requires_grad_(False)
    return model
