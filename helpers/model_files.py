"""What a folder with a model must hold, and must not, before anything is loaded from it."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from helpers.disk import read_json
from helpers.errors import TutorialError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# keys of a config.json that make a library do more than read numbers -> what that is
UNSAFE_KEYS = {
    "auto_map": "wants to run code of its own",
    "transformers_weights": "names another file for the weights, which may be a pickle",
}


def check(folder: Path) -> None:
    """Refuse what `from_pretrained` would run, guess or explain at length.

    Raises:
        TutorialError: a file is missing or damaged, the weights are not in one safetensors file, or
            the folder is an adapter or wants to run code of its own.
    """
    again = "save model and tokenizer there again with save_pretrained"
    if (folder / "adapter_config.json").exists():
        raise TutorialError(
            f"{folder} holds an adapter, which names a model to load from elsewhere: call "
            "merge_and_unload() on the adapted model and save what it returns."
        )
    if not (folder / "config.json").is_file():
        raise TutorialError(f"{folder} has no config.json: {again}.")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise TutorialError(f"{folder} has no tokenizer (tokenizer.json): {again}.")
    for path in sorted(folder.glob("*config.json")):
        try:
            config = read_json(path)
        except (OSError, ValueError):
            raise TutorialError(f"{path} is damaged or cut off: {again}.") from None
        for key, wish in UNSAFE_KEYS.items():
            if key in config:
                raise TutorialError(
                    f"{path} {wish} ({key}), which is not done here: use a model whose classes are "
                    "part of Transformers, saved with save_pretrained."
                )
    weights = folder / "model.safetensors"
    pickles = [p for p in sorted(folder.iterdir()) if p.suffix in PICKLES and "args" not in p.name]
    if not weights.exists() and (folder / "model.safetensors.index.json").exists():
        raise TutorialError(
            f"{folder} holds a model in several files, which an index names: save it as one with "
            'save_pretrained(..., max_shard_size="100GB").'
        )
    if not weights.exists() and pickles:
        raise TutorialError(
            f"{pickles[0]} is a pickle, which can run any code when it is loaded: ask for the "
            "weights as model.safetensors."
        )
    if not weights.exists():
        raise TutorialError(f"{folder} has no weights (model.safetensors): {again}.")
    try:
        with safe_open(weights, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise TutorialError(f"{weights} is damaged or cut off ({error}): {again}.") from None
