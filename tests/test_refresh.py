"""What `tests/refresh.py` stores, without running a notebook."""

import nbformat
import pytest
import refresh


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A notebook that prints; running it takes no time and is said to take 93.4 seconds."""
    cells = [
        nbformat.v4.new_code_cell("print(1)", id="a"),
        nbformat.v4.new_code_cell("assert True", id="b", metadata={"tags": ["solution"]}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["series"] = {"name": "A name", "cpu_seconds": 5}

    def run(notebook, folder) -> float:
        notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="1\n")]
        return 93.4

    monkeypatch.setattr(refresh, "run", run)
    nbformat.write(notebook, tmp_path / "99_name.ipynb")
    return tmp_path / "99_name.ipynb"


@pytest.mark.parametrize(("cores", "stored"), [(2, 93), (8, 5)])
def test_time_is_stored_where_there_are_two_cores(path, monkeypatch, cores, stored):
    monkeypatch.setattr(refresh, "_cores", lambda: cores)
    assert refresh.execute(path) == 93.4
    notebook = nbformat.read(path, as_version=4)
    expected = {"name": "A name", "cpu_seconds": stored, "gpu_seconds": None}
    assert notebook.metadata.series == expected
    assert notebook.cells[0].outputs[0].text == "1\n"
    assert notebook.cells[1].metadata == {"tags": ["solution"], **refresh.FOLDED}


def test_a_gpu_gives_its_time_and_no_outputs(path):
    refresh.execute(path, "gpu")
    notebook = nbformat.read(path, as_version=4)
    assert (notebook.metadata.series.cpu_seconds, notebook.metadata.series.gpu_seconds) == (5, 93)
    assert notebook.cells[0].outputs == []
