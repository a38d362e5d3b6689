"""Searches for hyperparameters: counted in training steps, kept on disk, continued after a kill.

    python -m helpers.search runs/search-small-001.log tpe

goes on with the study "tpe" of that file in a process of its own. Notebook 07 shows and explains
`open_study`, `recover` and `run`. This module needs the package optuna.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from transformers import AutoTokenizer

from helpers import checkpoints, data, environment, runs, trials
from helpers.errors import TutorialError
from helpers.fine_tuning import new_model
from helpers.labels import listed
from helpers.progress import SearchProgress


@dataclass(frozen=True)
class Plan:
    """What all trials of a study share. The study keeps it, so that any process can go on."""

    track: str
    train: int  # texts to train on
    choose: int  # validation texts that score the trials
    check: int  # texts that no trial sees, for the settings that are trained again
    max_words: int  # longer training texts are left out
    frozen: float  # share of the encoder's layers, from below, that are not trained
    seed: int
    startup: int  # trials at random before TPE and its pruner begin
    budget: int  # training steps of each study
    space: dict[str, str]  # hyperparameter -> distribution, as JSON

    @classmethod
    def of(cls, study: optuna.Study) -> "Plan":
        """Return the plan that a study keeps."""
        return cls(**study.user_attrs["plan"])

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the space as Optuna's objects."""
        return {name: json_to_distribution(text) for name, text in self.space.items()}


def space_to_json(space: dict[str, BaseDistribution]) -> dict[str, str]:
    """Return a space in the form that a `Plan` holds."""
    return {name: distribution_to_json(distribution) for name, distribution in space.items()}


def new_path(track: str, go_on: bool = False) -> Path:
    """Return the path of the next journal of a track, such as `runs/search-small-001.log`.

    With `go_on` it is the newest one that exists, if there is one.
    """
    runs.folder().mkdir(parents=True, exist_ok=True)
    ends = (path.stem.rsplit("-")[-1] for path in runs.folder().glob(f"search-{track}-*.log"))
    taken = [int(end) for end in ends if end.isdigit()]
    number = max(taken, default=0) + (0 if go_on and taken else 1)
    return runs.folder().resolve() / f"search-{track}-{number:03d}.log"


def journal(path: Path) -> JournalStorage:
    """Return the storage in a journal file, which is created if it does not exist."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


def open_study(path: Path, name: str, plan: Plan | None = None) -> optuna.Study:
    """Open the study "grid", "random" or "tpe" of a journal file, or begin it with a plan."""
    storage = journal(path)
    if plan is None and name not in optuna.get_all_study_names(storage):
        raise TutorialError(f"{path} has no study {name!r}: begin one with a plan.")
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )
    if "plan" not in study.user_attrs:
        study.set_user_attr("plan", asdict(plan))
    kept = Plan.of(study)
    check_plan(plan or kept, kept)
    seed = kept.seed + len(study.trials)  # the same seed would draw the same settings again
    study.sampler, study.pruner = RandomSampler(seed=seed), NopPruner()
    if name == "tpe":
        study.sampler = TPESampler(seed=seed + 1, n_startup_trials=kept.startup)
        study.pruner = MedianPruner(n_startup_trials=kept.startup, n_warmup_steps=2)
    return study


def check_plan(plan: Plan, kept: Plan) -> None:
    """Refuse to mix trials that cannot be compared.

    Raises:
        TutorialError: the plan is not the one that the study keeps.
    """
    if different := [f for f in asdict(plan) if getattr(plan, f) != getattr(kept, f)]:
        raise TutorialError(
            f"This study was begun with other settings ({listed(different)}), and trials of two "
            "kinds cannot be compared: set them back, or begin a new study."
        )


def recover(study: optuna.Study) -> list[int]:
    """Mark trials that a killed process left behind as failed, and queue their settings again.

    Call it only while no other process works on the study. Returns the numbers of the trials.
    """
    lost = study.get_trials(states=(TrialState.RUNNING,))
    for trial in lost:
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return [trial.number for trial in lost]


def steps_used(study: optuna.Study) -> int:
    """Return the training steps of all trials so far: finished, stopped, failed and running."""
    return sum(t.user_attrs.get("steps", 0) for t in study.get_trials(deepcopy=False))


def run(study: optuna.Study, parts: trials.Parts) -> None:
    """Ask for a setting, train it, tell its score; again until the budget of steps is spent."""
    plan = Plan.of(study)
    progress = SearchProgress(study, plan.budget, steps_used(study))
    while (left := plan.budget - steps_used(study)) > 0:
        trial = study.ask(plan.distributions)
        try:
            report = trials.Report(trial, left)
            outcome = trials.train_setting(parts, trial.params, plan.seed, report)
        except BaseException:  # an interrupt, too
            study.tell(trial, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
            raise
        trial.set_user_attr("steps", outcome.steps)
        trial.set_user_attr("seconds", round(outcome.seconds, 2))
        if outcome.stopped:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr("predictions", outcome.predictions.tolist())
            study.tell(trial, outcome.score)
        progress.update(steps_used(study))


def table(studies: Sequence[optuna.Study]) -> pd.DataFrame:
    """Return one row for each trial that was begun, in the order of each study.

    A failed trial has no `score`, only a completed one `predictions`; `curve`: half epoch -> score.
    """
    rows = []
    for study in studies:
        for trial in study.get_trials(deepcopy=False):
            if trial.state == TrialState.WAITING:
                continue
            row = {"search": study.study_name, "trial": trial.number}
            row |= {"state": trial.state.name.lower(), "score": trial.value}
            row |= {name: trial.user_attrs.get(name, 0) for name in ("steps", "seconds")}
            row |= trial.params | {"curve": trial.intermediate_values}
            rows.append(row | {"predictions": trial.user_attrs.get("predictions")})
    return pd.DataFrame(rows).astype({"score": float})


def load(plan: Plan) -> trials.Parts:
    """Load what the cells of notebook 07 load, for a process that has nothing but the plan."""
    checkpoint = checkpoints.get(plan.track)
    dataset = data.load_sentences(plan.track)
    names = dataset["train"].features["label"].names
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.name, revision=checkpoint.revision)
    sizes = plan.train, plan.choose, plan.check, plan.max_words, plan.seed
    texts = trials.split(dataset, tokenizer, *sizes)

    def model_of_trial(dropout: float):
        return trials.freeze(new_model(checkpoint, names, dropout), plan.frozen)

    return trials.Parts(model_of_trial, tokenizer, texts["train"], texts["choose"])


def main() -> None:
    """Go on with the study that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("journal", type=Path, help="such as runs/search-small-001.log")
    parser.add_argument("study", choices=("grid", "random", "tpe"))
    options = parser.parse_args()
    environment.set_up()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(options.journal, options.study)
    for number in recover(study):
        print(f"Trial {number} was cut off; its setting is tried again.")
    run(study, load(Plan.of(study)))


if __name__ == "__main__":
    main()
