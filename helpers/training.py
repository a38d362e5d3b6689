"""The steps of notebook 03 as one function, for notebooks that need a fine-tuned model."""

import shutil
import time
from pathlib import Path

from datasets import DatasetDict
from IPython.display import display
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from helpers import environment, metrics, plots, runs
from helpers.checkpoints import Checkpoint


def fine_tune(
    dataset: DatasetDict,
    checkpoint: Checkpoint,
    hyperparameters: dict,
    track: str,
    max_length: int = 128,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> Trainer:
    """Fine-tune a fresh copy of a checkpoint, record the run under `runs/`, return its Trainer.

    Notebook 03 does each of these steps in a cell of its own and explains it.

    Args:
        dataset: splits "train" and "validation" with the columns `text` and `label`.
        checkpoint: from `helpers.checkpoints.get`.
        hyperparameters: keyword arguments of `TrainingArguments`.
        track: "small" or "full", the name under which the run is kept.
        max_length: longest input in tokens; the rest of a text is cut off.
        callbacks: more callbacks, such as `LiveCurves()`.
    """
    environment.free_memory()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name, revision=checkpoint.revision)
    encoded = dataset.map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=max_length), batched=True
    )
    names = dataset["train"].features["label"].names

    def model_init():
        return AutoModelForSequenceClassification.from_pretrained(
            checkpoint.name,
            revision=checkpoint.revision,
            use_safetensors=True,
            num_labels=len(names),
            id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
        )

    trainer = Trainer(
        model_init=model_init,
        args=TrainingArguments(
            output_dir=runs.new(track),
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="macro_f1",
            train_sampling_strategy="group_by_length",
            logging_steps=10,
            per_device_eval_batch_size=64,
            report_to="none",
            **environment.precision_arguments(),
            **hyperparameters,
        ),
        train_dataset=encoded["train"],
        eval_dataset=encoded["validation"],
        processing_class=tokenizer,
        compute_metrics=metrics.for_trainer(len(names)),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=2), *callbacks],
    )
    trainer.train()
    record(trainer, hyperparameters, track)
    return trainer


def record(trainer: Trainer, hyperparameters: dict, track: str) -> dict:
    """Keep the best model and the figures of a trained run in its folder; return the figures.

    The interval is a bootstrap over the validation rows. Checkpoints are deleted: they also hold
    the optimizer's state, twice the size of the model, which a finished run no longer needs.
    """
    peak = environment.peak_memory()
    prediction = trainer.predict(trainer.eval_dataset)
    labels, guesses = prediction.label_ids, prediction.predictions.argmax(-1)
    low, high = metrics.bootstrap_interval(metrics.macro_f1, labels, guesses)
    seconds = next(e["train_runtime"] for e in trainer.state.log_history if "train_runtime" in e)
    figures = {
        "track": track,
        "macro_f1": metrics.macro_f1(labels, guesses),
        "low": low,
        "high": high,
        "epochs_run": trainer.state.epoch,
        "seconds": seconds,
        "samples_per_second": trainer.state.epoch * len(trainer.train_dataset) / seconds,
        "peak_memory_mib": peak,
        "device": environment.describe_device(),
    }
    runs.save(trainer, hyperparameters, figures)
    for path in Path(trainer.args.output_dir).glob("checkpoint-*"):
        shutil.rmtree(path)
    return figures


class LiveCurves(TrainerCallback):
    """Draw the loss and the validation score while a notebook trains, at most once a second."""

    def __init__(self):
        self.handle, self.drawn = None, 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        """Start a new figure, so that a second run leaves the first one's alone."""
        self.handle = None

    def on_log(self, args, state, control, **kwargs):
        """Redraw when something was logged, and always when the training has ended."""
        ended = "train_runtime" in state.log_history[-1]
        if ended or time.monotonic() - self.drawn > 1:
            figure = plots.curves({"this run": state.log_history})
            if self.handle is None:
                self.handle = display(figure, display_id=True)
            else:
                self.handle.update(figure)
            self.drawn = time.monotonic()
