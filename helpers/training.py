"""Training with safety nets, and the record of a run."""

import contextlib
import pickle
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import TrainOutput

from helpers import disk, environment, metrics, run_files
from helpers.errors import TutorialError


class Interrupted(TutorialError):
    """Training was stopped by hand; the run so far is kept. Ends "run all" like an error."""


def train(trainer: Trainer, resume_from_checkpoint: Path | None = None) -> TrainOutput:
    """Call `trainer.train()`, with two safety nets: for too little memory and for interrupts.

    A batch that does not fit is halved and the run starts afresh; the gradients of the smaller
    batches are added up, so that an update still sees as many texts. (`auto_find_batch_size` of
    TrainingArguments changes the number of texts for each update, and keeps the weights.)

    An interrupt ends the training after the step at hand and records the run as interrupted. A
    second interrupt stops at once; what the last whole epoch saved is left.

    Rows are evaluated in the order of the dataset, also where training groups them by length.

    Raises:
        Interrupted: the kernel was interrupted.
        TutorialError: the run cannot be saved, as on a full disk, or the checkpoint to continue
            from holds an object that could run code.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    # BERT's head ignores the number of texts that the Trainer hands it to divide by, so the Trainer
    # must average added batches itself (github.com/huggingface/transformers/issues/47688)
    trainer.model_accepts_loss_kwargs = False
    # grouping by length would also change the order of the rows that `predict` returns
    trainer._get_eval_sampler = SequentialSampler
    trainer.was_interrupted = False
    stop = _StopAfterStep()
    trainer.add_callback(stop)
    try:
        with stop.listening(), disk.saving(Path(trainer.args.output_dir)):
            result = _train_with_smaller_batches(trainer, resume_from_checkpoint)
    except pickle.UnpicklingError:  # PyTorch loads numbers and nothing else
        raise TutorialError(
            f"{resume_from_checkpoint} was not loaded, because one of its files could run code of "
            "its own: delete this folder and continue with fine_tune(..., resume=True)."
        ) from None
    finally:
        trainer.remove_callback(stop)
    trainer.first_epoch = stop.first_epoch  # above 0 for a run that was continued
    if stop.requested:
        record(trainer, status="interrupted")
        trainer.was_interrupted = True
        state, folder = trainer.state, Path(trainer.args.output_dir)
        advice = "start it again"
        if run_files.last_checkpoint(folder):
            advice = "with the same settings, fine_tune(..., resume=True) continues it"
        raise Interrupted(
            f"Stopped after step {state.global_step} of {state.max_steps}. The model so far is in "
            f"{folder.name}: {advice}."
        )
    return result


def _train_with_smaller_batches(trainer: Trainer, resume_from_checkpoint) -> TrainOutput:
    arguments = trainer.args
    update = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
    while True:
        size = arguments.per_device_train_batch_size
        try:
            return trainer.train(resume_from_checkpoint=resume_from_checkpoint)
        except RuntimeError as error:
            if size == 1 or not should_reduce_batch_size(error):
                raise
        # outside of `except`, where the error would keep the tensors of the failed step alive
        smaller = next(n for n in range(size // 2, 0, -1) if update % n == 0)
        print(
            f"Out of memory with batches of {size}: starting again with batches of {smaller}, "
            f"{update // smaller} of them for each update."
        )
        arguments.per_device_train_batch_size = smaller
        arguments.gradient_accumulation_steps = update // smaller
        arguments.per_device_eval_batch_size = max(1, arguments.per_device_eval_batch_size // 2)
        trainer._train_batch_size = arguments.train_batch_size  # the Trainer copies it once
        if resume_from_checkpoint is None:
            _delete_checkpoints(arguments.output_dir)
        _release(trainer)


class _StopAfterStep(TrainerCallback):
    """Turn the first interrupt into the end of training after the step at hand."""

    requested, first_epoch = False, 0.0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take over the interrupt signal, which only the main thread may do."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _request(self, number, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def on_train_begin(self, args, state, control, **kwargs):
        self.first_epoch = state.epoch or 0.0

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop |= self.requested

    on_evaluate = on_step_end

    def on_epoch_end(self, args, state, control, **kwargs):
        if self.requested and abs(state.epoch - round(state.epoch)) > 1e-6:
            # a checkpoint in the middle of an epoch could not be continued in the same order
            control.should_evaluate = control.should_save = False


def record(trainer: Trainer, status: str = "finished") -> dict:
    """Keep the best model and the figures of a run in its folder; return the figures.

    The interval is a bootstrap over the validation rows. The checkpoints of a finished run are
    deleted: they also hold the optimizer's state, twice the size of the model.

    Raises:
        TutorialError: the training was interrupted, and that is on record already; there was no
            training; or the run cannot be saved.
    """
    if status == "finished" and getattr(trainer, "was_interrupted", False):
        raise TutorialError(
            "This training was stopped and is on record as interrupted: continue it with "
            "fine_tune(..., resume=True), or train again."
        )
    seconds = [e["train_runtime"] for e in trainer.state.log_history if "train_runtime" in e]
    if not seconds:
        raise TutorialError(
            "This Trainer has not trained, so there is nothing to record: call train(trainer) "
            "before record(trainer)."
        )
    peak = environment.peak_memory()
    prediction = trainer.predict(trainer.eval_dataset)
    labels, guesses = prediction.label_ids, prediction.predictions.argmax(-1)
    low, high = metrics.bootstrap_interval(metrics.macro_f1, labels, guesses)
    epochs = trainer.state.epoch - getattr(trainer, "first_epoch", 0)
    figures = {
        "status": status,
        "macro_f1": metrics.macro_f1(labels, guesses),
        "low": low,
        "high": high,
        "epochs_run": trainer.state.epoch,
        "seconds": seconds[-1] + run_files.seconds_so_far(Path(trainer.args.output_dir)),
        "samples_per_second": epochs * len(trainer.train_dataset) / seconds[-1],
        "peak_memory_mib": peak,
        "device": environment.describe_device(),
        "gradient_accumulation_steps": trainer.args.gradient_accumulation_steps,
    }
    rows = {"labels": labels.tolist(), "predictions": guesses.tolist()}
    run_files.save(trainer, figures | rows)
    if status == "finished":
        _delete_checkpoints(trainer.args.output_dir)
    _release(trainer)
    return figures


def _delete_checkpoints(folder: str) -> None:
    for path in Path(folder).glob("checkpoint-*"):
        shutil.rmtree(path)


def _release(trainer: Trainer) -> None:
    """Give up the optimizer's state and what Accelerate holds; the model stays."""
    trainer.optimizer = trainer.lr_scheduler = None
    trainer.accelerator.free_memory()
    environment.free_memory()
