"""What every committed notebook must look like."""

import copy
import re
import statistics
from pathlib import Path

import nbformat
import pytest
from refresh import METADATA, NOTEBOOKS, PICTURES, TIMES, normalise, picture

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
README = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_readme_are_those_of_the_notebooks(name):
    assert (NOTEBOOKS / "images" / name).read_bytes() == picture(name), "run tests/refresh.py"
    assert f"](notebooks/images/{name})" in README


def test_notebook_is_valid_and_normalised(path, notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    metadata = dict(notebook.metadata)
    assert metadata.pop("series", {}).keys() <= {"name", *TIMES}
    assert metadata == METADATA
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    clean = normalise(copy.deepcopy(notebook))
    assert clean == notebook, "run  python tests/refresh.py --clean"
    assert path.stat().st_size < 300_000


def test_notebook_was_run_once_from_top_to_bottom(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_stored_outputs_have_no_noise(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
            assert not re.search(r"/(home|root|work|tmp|Users)/", text), text


def test_every_picture_has_alternative_text(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 20


def test_cells_are_short(notebook):
    lengths = sorted(len(lines(cell)) for cell in code_cells(notebook))
    assert lengths[-1] <= 25
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 16
    assert statistics.median(lengths) <= 9


def test_prose_introduces_code(notebook):
    kinds = "".join(cell.cell_type[0] for cell in notebook.cells)
    assert kinds.startswith("mm") or kinds.startswith("mc")
    assert "ccc" not in kinds, "at most two code cells in a row"


def test_headings_are_in_order(notebook):
    text = re.sub(r"```.*?```", "", prose(notebook), flags=re.DOTALL)
    headings = re.findall(r"^(#+) (.+)$", text, flags=re.MULTILINE)
    levels = [len(marks) for marks, _ in headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    titles = [title for _, title in headings]
    assert titles[-3:] == ["Summary", "Exercises", "Next"]
    for title in titles:  # sentence case: no capital after the first word, names excepted
        for word in title.split()[1:]:
            word = word.strip(",.?:`")
            assert word[0].islower() or not word[0].isalpha() or word in NAMES, title


NAMES = {
    "BERT", "BERT-base", "BERT-large", "GPU", "I", "LoRA", "WordPiece", "F1", "CSV", "Dataset",
    "Trainer", "CPU", "GPUs", "Ray",
}  # fmt: skip


def test_links_lead_somewhere(path, notebook):
    for target in re.findall(r"\]\(([^)#]+)\)", prose(notebook)):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_first_code_cell_is_the_same_everywhere(notebook):
    assert code_cells(notebook)[0].source == code_cells(nbformat.read(PATHS[0], 4))[0].source


def test_settings_cell_is_tagged(notebook):
    tagged = [c for c in code_cells(notebook) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] is code_cells(notebook)[1]
    assert 'TRACK = "auto"' in tagged[0].source


def test_each_exercise_has_a_solution_that_asserts(notebook):
    solutions = [c for c in code_cells(notebook) if "solution" in c.metadata.get("tags", [])]
    exercises = re.findall(r"^\*\*\d+\.\*\*", prose(notebook), flags=re.MULTILINE)
    assert len(solutions) == len(exercises) >= 3
    assert all("assert " in cell.source for cell in solutions)


def test_some_outputs_are_compared(notebook):
    tags = [tag for cell in code_cells(notebook) for tag in cell.metadata.get("tags", [])]
    assert "nbval-check-output" in tags
    assert not {"nbval-skip", "raises-exception"} & set(tags)


def test_nothing_is_fetched_from_the_shell(notebook):
    for cell in code_cells(notebook):
        source = re.sub(r"\A%%writefile (-a )?[\w.]+\n", "", cell.source)  # no shell, no network
        assert not re.search(r"^\s*[!%]", source, flags=re.MULTILINE)
        assert "trust_remote_code" not in cell.source
        assert "import *" not in cell.source
