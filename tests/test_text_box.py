"""The live text box: what it shows for a text, as widgets and as plain text."""

import pytest

from helpers import packages, plots
from helpers.errors import TutorialError
from helpers.text_box import TextBox

ODD = "<script>alert(1)</script> $x^2$"


def look(text):
    share = len(text) % 10 / 10
    return {"negative": 1 - share, ODD: share}, f"answer to {text}", plots.token_strip([text, "b"])


def test_a_new_text_renews_everything():
    box = TextBox(look, "1234")
    assert box.probabilities == {"negative": 0.6, ODD: 0.4}
    box.text.value = "123"
    assert box.probabilities == {"negative": 0.7, ODD: 0.3}
    assert box.answer.value == "answer to 123"
    assert "0.30" in repr(box) and box._repr_mimebundle_()["text/plain"] == repr(box)


def test_html_in_a_text_stays_text():
    box = TextBox(look, ODD)
    assert "<script" not in box._picture.value
    box.text.value = '"><img src=x>'
    assert box._picture.value.count("<") == 1


def test_an_empty_text_is_not_classified():
    box = TextBox(look, "  ")
    assert box.probabilities == {} and "Type a text" in repr(box)
    box.text.value = "123"
    box.text.value = ""
    assert not box._bars.children and box._picture.value == ""


def test_a_missing_package_is_one_sentence():
    packages.require("json", "numpy")
    with pytest.raises(TutorialError, match="pip install no_such_package ") as error:
        packages.require("no_such_package", "json")
    assert "\n" not in str(error.value)


def test_a_missing_package_is_installed_where_that_is_allowed(monkeypatch):
    calls = []
    monkeypatch.setattr(packages, "_may_install", True)
    monkeypatch.setattr(packages, "pip_install", lambda *args, **named: calls.append((args, named)))
    packages.require("json")
    assert not calls
    monkeypatch.setattr(packages, "tested_versions", lambda: {"no_such_package": "1.2"})
    packages.require("json", "no_such_package")
    assert calls == [((["no_such_package==1.2"],), {"may_change": ["no_such_package"]})]
