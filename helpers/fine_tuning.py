"""Everything between a checkpoint and a recorded run, in one call."""

from collections.abc import Sequence
from numbers import Integral

from datasets import DatasetDict
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from helpers import environment, metrics, run_files, runs
from helpers.checkpoints import Checkpoint
from helpers.checks import check_hyperparameters, check_splits
from helpers.errors import TutorialError
from helpers.progress import LiveCurves
from helpers.training import record, train


def new_model(
    checkpoint: Checkpoint,
    names: Sequence[str],
    dropout: float | None = None,
    max_length: int = 128,
) -> PreTrainedModel:
    """Return the pretrained encoder with a new head for the labels `names`. Shown in notebook 03.

    `dropout` is a share from 0 to below 1, used for the activations and for attention, which is
    then computed in the way that trains faster here, for texts of up to `max_length` tokens.
    Without it the model stays as it comes, with its own dropout and the library's attention.
    """
    changes = {}
    if dropout is not None:
        changes = {
            "hidden_dropout_prob": dropout,
            "attention_probs_dropout_prob": dropout,
            "attn_implementation": environment.attention_implementation(max_length),
        }
    return AutoModelForSequenceClassification.from_pretrained(
        checkpoint.name,
        revision=checkpoint.revision,
        use_safetensors=True,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        **changes,
    )


def fine_tune(
    dataset: DatasetDict,
    checkpoint: Checkpoint,
    hyperparameters: dict,
    track: str,
    max_length: int = 128,
    resume: bool = False,
) -> Trainer:
    """Fine-tune a fresh copy of a checkpoint, record the run under `runs/`, return its Trainer.

    Notebook 03 does each of these steps in a cell of its own and explains it.

    Args:
        dataset: splits "train" and "validation" with the columns `text` and `label`.
        checkpoint: from `helpers.checkpoints.get`.
        hyperparameters: such as `HyperparameterForm.values`: arguments of `TrainingArguments`, and
            `hidden_dropout_prob` (by default 0.0; it is used for attention too), `train_share`,
            `freeze_embeddings` (by default True) and `freeze_encoder`.
        track: "small" or "full", the name under which the run is kept.
        max_length: longest input in tokens; the rest of a text is cut off.
        resume: continue the newest interrupted run with these hyperparameters from the end of its
            last whole epoch, instead of starting a new one.

    Raises:
        Interrupted: the kernel was interrupted; the run so far is recorded.
        TutorialError: a hyperparameter or the data cannot be used (then no folder is made), the
            run cannot be saved, or `resume` is set and no such run waits.
    """
    check_hyperparameters(hyperparameters)
    check_splits(dataset)
    environment.free_memory()
    arguments = dict(hyperparameters)
    dropout = arguments.pop("hidden_dropout_prob", 0.0)
    train_share = arguments.pop("train_share", 1.0)
    freeze_embeddings = arguments.pop("freeze_embeddings", True)
    freeze_encoder = arguments.pop("freeze_encoder", False)
    defaults = {"logging_steps": 10, "per_device_eval_batch_size": 64}

    try:
        training_arguments = TrainingArguments(
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model="macro_f1",
            restore_callback_states_from_checkpoint=True,
            train_sampling_strategy="group_by_length",
            logging_first_step=True,
            report_to="none",
            disable_tqdm=True,  # LiveCurves says how far it is
            **(environment.precision_arguments() | defaults | arguments),
        )
    except (TypeError, ValueError) as error:  # before a folder is made
        reason = str(error).splitlines()[0].rstrip(".")
        raise TutorialError(
            f"These hyperparameters cannot be used ({reason}): correct or leave out the one that "
            "is named."
        ) from None

    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name, revision=checkpoint.revision)
    positions = tokenizer.model_max_length
    if not isinstance(max_length, Integral) or not 3 <= max_length <= positions:
        raise TutorialError(
            f"The argument max_length is {max_length!r}: write a whole number of tokens from 3 to "
            f"{positions}, as many as this checkpoint has positions."
        )
    encoded = dataset.map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=max_length),
        batched=True,
        keep_in_memory=True,  # a cache on disk would need room there
    )
    train_set = encoded["train"]
    if train_share < 1:
        try:
            parts = train_set.train_test_split(
                train_size=train_share, stratify_by_column="label", seed=42
            )
        except ValueError:
            raise TutorialError(
                f"The hyperparameter train_share is {train_share}: {len(train_set)} texts cannot "
                "be divided so that each part has every label, so write 1.0 or add texts."
            ) from None
        train_set = parts["train"]
    settings = hyperparameters | {"max_length": max_length}
    folder = runs.to_resume(track, settings) if resume else runs.new(track, settings)
    training_arguments.output_dir = str(folder)
    names = dataset["train"].features["label"].names

    def model_init():
        model = new_model(checkpoint, names, dropout, max_length)
        if freeze_embeddings or freeze_encoder:
            model.base_model.embeddings.requires_grad_(False)
        if freeze_encoder:
            model.base_model.encoder.requires_grad_(False)
        return model

    trainer = Trainer(
        model_init=model_init,
        args=training_arguments,
        train_dataset=train_set,
        eval_dataset=encoded["validation"],
        processing_class=tokenizer,
        compute_metrics=metrics.for_trainer(len(names)),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=2), LiveCurves()],
    )
    trainer.remove_callback(PrinterCallback)
    train(trainer, resume_from_checkpoint=run_files.last_checkpoint(folder) if resume else None)
    record(trainer)
    return trainer
