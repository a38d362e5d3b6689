"""The pages around the notebooks: what is generated is up to date, and links lead somewhere."""

import json
import re
from urllib.parse import unquote

import nbformat
import pages
import pytest
from refresh import NOTEBOOKS
from set_repository import ROOT

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
TEXTS = [
    *(page for pattern in ("*.md", "data/**/*.md", "tests/**/*.md") for page in ROOT.glob(pattern)),
    *NOTEBOOKS.glob("solutions/*.md"),
    *PATHS,
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
TERM = re.compile(r"^\*\*(.+?)\*\*: .+\. .*\[.+\]\((notebooks/.+?)#(.+?)\)$", flags=re.MULTILINE)


def prose(path) -> str:
    """The Markdown of a file without its code."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def headings(path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor of a heading in JupyterLab; book/conf.py gives the same to the site."""
    return heading.replace("`", "").replace(" ", "-")


def test_table_in_readme_is_made_from_the_notebooks():
    assert pages.readme() == pages.README.read_text(encoding="utf-8"), "run tests/pages.py"


@pytest.mark.parametrize(
    ("seconds", "text"), [(17, "17 s"), (120, "2 min"), (152, "2 min 32 s"), (0, "0 s")]
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert pages.duration(seconds) == text
    assert pages.duration(None) == "not measured yet"


def test_solutions_are_made_from_the_notebooks():
    for path in PATHS:
        page = pages.SOLUTIONS / f"{path.stem}.md"
        assert page.read_text(encoding="utf-8") == pages.solutions(path), "run tests/pages.py"
        exercises = re.findall(r"^\*\*\d+\.\*\*", prose(path), flags=re.MULTILINE)
        assert page.read_text(encoding="utf-8").count("## Exercise ") == len(exercises)
    assert {page.stem for page in pages.SOLUTIONS.iterdir()} == {path.stem for path in PATHS}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(path):
    for target in LINK.findall(prose(path)):
        if re.match(r"https?://", target):
            continue
        name, _, fragment = unquote(target).partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), target
        assert not fragment or fragment in map(anchor, headings(linked)), target


def section(path, fragment: str) -> str:
    """All text below one heading of a notebook, code included, up to the next heading."""
    text, inside = "", False
    for cell in nbformat.read(path, as_version=4).cells:
        code = cell.cell_type == "code"
        for line in cell.source.splitlines():
            heading = not code and re.match(r"#+ (.+)", line)
            inside = anchor(heading[1]) == fragment if heading else inside
            text += f"{line}\n" if inside else ""
    return text


def test_glossary_explains_terms_where_they_are_used():
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    entries = TERM.findall(text)
    assert 50 <= len(entries) == len(re.findall(r"^\*\*", text, flags=re.MULTILINE))
    for term, name, fragment in entries:
        assert term.strip("`").lower() in section(ROOT / name, fragment).lower(), (term, fragment)
    terms = [re.sub(r"[^a-z0-9]", "", term.lower()) for term, _, _ in entries]
    assert terms == sorted(set(terms)), "each term once, in alphabetical order"


def test_copies_for_the_site_need_no_other_server(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book")
    import build

    build.prepare(tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for path in PATHS:
        assert f"<notebooks/{path.stem}>" in index
        copy = json.loads((tmp_path / "notebooks" / path.name).read_text(encoding="utf-8"))
        for cell in copy["cells"]:
            tags = cell["metadata"].get("tags", [])
            assert ("solution" in tags) == ("hide-cell" in tags)
            assert "![Open in Colab]" not in "".join(cell["source"])
    assert "![Open in Colab]" not in index and "(README.md" not in index
    assert not (tmp_path / "data" / "README.md").read_text(encoding="utf-8").startswith("---")
    assert build.anchor("What `[UNK]` costs") == anchor("What `[UNK]` costs")
