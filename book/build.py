"""Build the series as a site from the stored outputs; no notebook is run.

    python book/build.py            writes html/book/index.html; a broken link is an error
    python book/build.py --links    asks for the addresses outside the site whether they exist

It needs  pip install -r requirements-book.txt  and, without --links, no network.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "html" / "book"
COPIED = (
    "*.md",
    "LICENSE",
    "data/**/*.md",
    "data/LICENSE",
    "tests/**/*.md",
    "notebooks/*.ipynb",
    "notebooks/images/*",
)
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")
CONTENTS = """

```{{toctree}}
:hidden:
:caption: Notebooks

{notebooks}
```

```{{toctree}}
:hidden:
:caption: Beside the notebooks

{pages}
```
"""


def anchor(heading: str) -> str:
    """Return the anchor of a heading as JupyterLab makes it, so that a link works in both."""
    return heading.replace("`", "").replace(" ", "-")


def contents(source: Path) -> str:
    """Return the table of contents of the pages in `source`, as MyST Markdown."""
    notebooks = []
    for path in sorted(source.glob("notebooks/*.ipynb")):
        series = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("series", {})
        name = series.get("name") or path.stem[3:].replace("_", " ").capitalize()
        notebooks.append(f"{path.stem[:2]} {name} <notebooks/{path.stem}>")
    pages = [path for path in sorted(source.glob("*.md")) if path.name != "index.md"]
    pages += sorted([*source.glob("data/**/*.md"), *source.glob("tests/**/*.md")])
    names = [path.relative_to(source).with_suffix("").as_posix() for path in pages]
    return CONTENTS.format(notebooks="\n".join(notebooks), pages="\n".join(names))


def prepare(source: Path) -> None:
    """Copy the pages to the folder `source`, and change the copies as a site needs it.

    README becomes the first page. A badge becomes a plain link, because its picture lies on
    another server. Solutions are folded. The fields above a dataset card are left out.
    """
    for pattern in COPIED:
        for path in ROOT.glob(pattern):
            copy = source / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    (source / "README.md").rename(source / "index.md")
    for path in [*source.rglob("*.md"), *source.rglob("*.ipynb")]:
        text = BADGE.sub(r"[Open in Colab](\1)", path.read_text(encoding="utf-8"))
        up = "../" * len(path.relative_to(source).parent.parts)
        text = text.replace(f"]({up}README.md", f"]({up}index.md")
        if path.suffix == ".md":
            text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
        else:
            text = json.dumps(_with_folded_solutions(json.loads(text)))
        path.write_text(text, encoding="utf-8")
    with (source / "index.md").open("a", encoding="utf-8") as page:
        page.write(contents(source))


def _with_folded_solutions(notebook: dict) -> dict:
    for cell in notebook["cells"]:
        if "solution" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"].append("hide-cell")
    return notebook


def main() -> int:
    """Build the site, or check the links out of it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", action="store_true", help="only check the links to other sites")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        prepare(source)
        builder, target = "html", TARGET
        if options.links:
            builder, target = "linkcheck", Path(folder) / "links"
        shutil.rmtree(target, ignore_errors=True)
        command = [sys.executable, "-m", "sphinx", "-b", builder, "-W", "--keep-going", "-n"]
        command += ["-q", "-c", ROOT / "book", "-d", Path(folder) / "read", source, target]
        status = subprocess.run(command).returncode
    if not options.links and not status:
        print(f"Open {TARGET.relative_to(ROOT) / 'index.html'} in a browser.")
    return status


if __name__ == "__main__":
    sys.exit(main())
