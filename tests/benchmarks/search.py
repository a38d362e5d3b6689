"""The longer search of notebook 07: grid, random and TPE on equal budgets, then the best again.

    python tests/benchmarks/search.py

Takes about 25 minutes on two CPU cores and writes `data/search/reviews.log`, the studies that
notebook 07 reads. It may be stopped at any time; the same command goes on where it was. Every
setting is scored on validation texts; those that are trained again are scored on training texts
that were left out. The test split is not touched.
"""

import argparse
import itertools
import math
import sys
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from datasets import Dataset
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import data, environment, search, trials
from helpers.environment import ROOT
from helpers.hyperparameters import DEFAULTS
from helpers.metrics import macro_f1

SEARCHES = ("grid", "random", "tpe")
OPTIMIZERS = ["adamw_torch_fused", "adafactor", "sgd"]


def make_plan(options: argparse.Namespace) -> tuple[search.Plan, list[dict]]:
    """Return the plan, whose budget is what the grid needs, and the settings of the grid."""
    space = {
        "learning_rate": FloatDistribution(3e-5, 3e-3, log=True),
        "per_device_train_batch_size": CategoricalDistribution([8, 16, 32]),
        "num_train_epochs": IntDistribution(1, options.epochs),
        "weight_decay": FloatDistribution(0.0, 0.2),
        "hidden_dropout_prob": FloatDistribution(0.0, 0.3),
        "warmup_steps": FloatDistribution(0.0, 0.4),
        "optim": CategoricalDistribution(OPTIMIZERS),
    }
    fixed = {n: DEFAULTS[n] for n in ("weight_decay", "hidden_dropout_prob", "warmup_steps")}
    epochs = sorted({math.ceil(options.epochs * share) for share in (1 / 3, 2 / 3, 1)})
    grid = [
        fixed
        | {"learning_rate": rate, "per_device_train_batch_size": batch}
        | {"num_train_epochs": count, "optim": "adamw_torch_fused"}
        for rate, batch, count in itertools.product((5e-5, 1.5e-4, 5e-4, 1.5e-3), (16, 32), epochs)
    ]
    plan = search.Plan(
        track="small",
        train=options.train,
        choose=options.choose,
        check=options.check,
        max_words=options.max_words,
        frozen=options.frozen,
        seed=42,
        startup=options.startup,
        budget=sum(steps(setting, options.train) for setting in grid),
        space=search.space_to_json(space),
    )
    return plan, grid


def steps(setting: dict, texts: int) -> int:
    """Return the training steps of a setting."""
    batches = math.ceil(texts / setting["per_device_train_batch_size"])
    return batches * setting["num_train_epochs"]


def default_setting(plan: search.Plan) -> dict:
    """Return what notebook 03 trains with, as far as the space allows as many epochs."""
    epochs = min(DEFAULTS["num_train_epochs"], plan.distributions["num_train_epochs"].high)
    values = {name: DEFAULTS[name] for name in plan.space if name in DEFAULTS}
    return values | {"num_train_epochs": epochs, "optim": "adamw_torch_fused"}


def run_searches(path: Path, plan: search.Plan, grid: list[dict], parts: trials.Parts) -> list:
    """Run, or finish, the three searches and return their studies."""
    studies = []
    for name in SEARCHES:
        study = search.open_study(path, name, plan)
        search.recover(study)
        for setting in grid if name == "grid" else []:
            study.enqueue_trial(setting, skip_if_exists=True)
        study.set_user_attr("labels", parts.validation["label"][:])
        study.set_user_attr("device", environment.describe_device())
        search.run(study, parts)
        studies.append(study)
    return studies


def run_again(
    path: Path, plan: search.Plan, winners: dict[str, dict], parts: trials.Parts, check: Dataset,
    seeds: range,
) -> optuna.Study:  # fmt: skip
    """Train each setting with each seed and score it on texts that no search has seen."""
    again = optuna.create_study(
        storage=search.journal(path), study_name="again", direction="maximize", load_if_exists=True
    )
    again.set_user_attr("labels", check["label"][:])
    done = {(t.user_attrs["setting"], t.user_attrs["seed"]) for t in again.trials}
    for (name, values), seed in itertools.product(winners.items(), seeds):
        if (name, seed) in done:
            continue
        outcome = trials.train_setting(parts._replace(validation=check), values, seed)
        attributes = {"setting": name, "seed": seed, "steps": outcome.steps}
        attributes |= {"seconds": round(outcome.seconds, 2)}
        attributes |= {"predictions": outcome.predictions.tolist()}
        again.add_trial(
            create_trial(
                params=values, distributions=plan.distributions, value=outcome.score,
                user_attrs=attributes,
            )
        )  # fmt: skip
        print(f"{name}, seed {seed}: macro F1 {outcome.score:.3f} on new texts", flush=True)
    return again


def compact(studies: list[optuna.Study], path: Path) -> None:
    """Write finished studies to a new journal, one line for each trial."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    storage = search.journal(path)
    for study in studies:
        copy = optuna.create_study(
            storage=storage, study_name=study.study_name, direction="maximize"
        )
        for name, value in study.user_attrs.items():
            copy.set_user_attr(name, value)
        for trial in study.get_trials():
            if trial.state != TrialState.WAITING:
                trial.system_attrs = {}
                copy.add_trial(trial)


def main() -> None:
    """Run everything and print one table of the searches and one of the settings trained again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=480, help="texts to train on")
    parser.add_argument("--choose", type=int, default=300, help="texts that score the trials")
    parser.add_argument("--check", type=int, default=450, help="texts for the repetitions")
    parser.add_argument("--max-words", type=int, default=40, help="of a training text")
    parser.add_argument("--frozen", type=float, default=0.0, help="share of frozen layers")
    parser.add_argument("--epochs", type=int, default=4, help="at most")
    parser.add_argument("--startup", type=int, default=8, help="random trials before TPE")
    parser.add_argument("--seeds", type=int, default=5, help="of the repetitions")
    parser.add_argument("--journal", type=Path, default=ROOT / "runs" / "search-long.log")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "search" / "reviews.log")
    options = parser.parse_args()
    environment.set_up()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.journal.parent.mkdir(parents=True, exist_ok=True)
    plan, grid = make_plan(options)
    parts = search.load(plan)
    studies = run_searches(options.journal, plan, grid, parts)

    table = search.table(studies)
    complete = table[table.state == "complete"].sort_values("score", ascending=False)
    best = complete.drop_duplicates(list(plan.space)).head(3)
    by_name = {study.study_name: study for study in studies}
    winners = {
        f"{row.search} {row.trial}": by_name[row.search].trials[row.trial].params
        for row in best.itertuples()
    }
    winners["default"] = default_setting(plan)
    sizes = plan.train, plan.choose, plan.check, plan.max_words, plan.seed
    check = trials.split(data.load_sentences(plan.track), parts.tokenizer, *sizes)["check"]
    seeds = range(1, options.seeds + 1)
    again = run_again(options.journal, plan, winners, parts, check, seeds)
    compact([*studies, again], options.out)

    groups = table.groupby("search", sort=False)
    shown = groups.agg(trials=("trial", "size"), steps=("steps", "sum"), seconds=("seconds", "sum"))
    shown["completed"] = groups.state.agg(lambda states: (states == "complete").sum())
    shown["best"] = complete.groupby("search").score.max()
    print(shown.round(3).to_string())
    labels = np.array(again.user_attrs["labels"])
    rows = [
        (t.user_attrs["setting"], macro_f1(labels, t.user_attrs["predictions"]))
        for t in again.trials
    ]
    scores = pd.DataFrame(rows, columns=["setting", "f1"]).groupby("setting", sort=False).f1
    print(scores.agg(["count", "mean", "std", "min", "max"]).round(3).to_string())
    print(f"{options.out.name}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
