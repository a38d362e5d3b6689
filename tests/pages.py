"""Write what is made from the notebooks: README's table, and the pages of solutions.

    python tests/pages.py

`python tests/refresh.py` does it too, after it has run a notebook. Change the notebooks, not the
table or the pages.
"""

import re
import sys
from pathlib import Path

import nbformat
from set_repository import ROOT, badge, repository

NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"
README = ROOT / "README.md"
BEGIN = "<!-- This table is written by tests/pages.py. -->"
END = "<!-- The end of the table. -->"
HEAD = """\
| | notebook | the question it answers | in Colab | two CPU cores | GPU |
|---|---|---|---|---|---|"""
PAGE = """\
# Solutions: {name}

The exercises of [{file}](../{file}), with solutions that were run there, and what they showed.
They use what the notebook has made, so run it first.

<!-- This page is written by tests/pages.py from the notebook. -->

{exercises}
"""


def name(stem: str, notebook: nbformat.NotebookNode) -> str:
    """Return the short name of a notebook: the one in its metadata, else from its file name."""
    own = notebook.metadata.get("series", {}).get("name")
    return own or stem[3:].replace("_", " ").capitalize()


def duration(seconds: int | None) -> str:
    """Return seconds as a reader says them.

    >>> duration(17), duration(120), duration(152), duration(None)
    ('17 s', '2 min', '2 min 32 s', 'not measured yet')
    """
    if seconds is None:
        return "not measured yet"
    minutes, rest = divmod(seconds, 60)
    parts = [f"{minutes} min"] if minutes else []
    return " ".join(parts + ([f"{rest} s"] if rest or not parts else []))


def table() -> str:
    """Return README's table of notebooks, as Markdown."""
    rows, address = [HEAD], repository()
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        times = notebook.metadata.get("series", {})
        question = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        columns = [
            path.stem[:2],
            f"[{name(path.stem, notebook)}](notebooks/{path.name})",
            question,
            badge(path.name, address),
            duration(times.get("cpu_seconds")),
            duration(times.get("gpu_seconds")),
        ]
        rows.append(f"| {' | '.join(columns)} |")
    return "\n".join(rows)


def readme() -> str:
    """Return README with the table as it should be."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def solutions(path: Path) -> str:
    """Return the page of solutions of the notebook at `path`, as Markdown."""
    notebook = nbformat.read(path, as_version=4)
    parts, inside = [], False
    for cell in notebook.cells:
        text = cell.source
        if cell.cell_type == "markdown":
            if "## Exercises" in text:
                inside, text = True, text.split("## Exercises")[1]
                text = text[text.index("**1.**") :] if "**1.**" in text else ""
            if not inside:
                continue
            text, *end = text.split("## Next")
            text = re.sub(r"^\*\*(\d+)\.\*\* ", r"## Exercise \1\n\n", text, flags=re.MULTILINE)
            parts.append(re.sub(r"\]\((?!https?:|#)", "](../", text).strip())
            if end:
                break
        elif inside:
            parts.append(f"```python\n{text.strip()}\n```")
            parts += [_shown(output) for output in cell.outputs]
    exercises = "\n\n".join(part for part in parts if part)
    return PAGE.format(name=name(path.stem, notebook), file=path.name, exercises=exercises)


def _shown(output: nbformat.NotebookNode) -> str:
    """One stored output as Markdown: its text, or what its picture shows."""
    alt = output.get("metadata", {}).get("image/png", {}).get("alt")
    if alt:
        return f"Its picture shows: {alt}"
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return f"It shows\n\n```\n{text.rstrip()}\n```" if text.strip() else ""


def write() -> None:
    """Write README's table and the pages of solutions."""
    README.write_text(readme(), encoding="utf-8")
    SOLUTIONS.mkdir(exist_ok=True)
    for page in SOLUTIONS.glob("*.md"):
        page.unlink()
    for path in NOTEBOOKS.glob("*.ipynb"):
        (SOLUTIONS / f"{path.stem}.md").write_text(solutions(path), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write())
