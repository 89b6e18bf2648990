"""Every notebook is fit to be read on GitHub, compared by nbval and translated cell by cell. Needs no cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = [path for path in sorted(NOTEBOOKS.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
VARIES = "nbval-ignore-output"  # the tag of a cell whose output may differ from run to run
KNOWN_TAGS = {VARIES}
_MOST_BYTES = 1_500_000

_VARYING = {
    "an address": r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|\b127\.0\.0\.1\b|localhost:\d",
    "a pod's name": r"\b[a-z][a-z0-9-]*-[0-9a-f]{6,10}-[a-z0-9]{5}\b",
    "a uid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "a digest or an object's address": r"sha256:|\b0x[0-9a-f]{6,}\b",
    "a time": r"\b\d{1,2}:\d{2}:\d{2}\b|\b\d{4}-\d{2}-\d{2}T",
    "an age": r"(?m)\s(\d+m)?\d+s\s*$",
}
_PLACE = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|tmp|work|opt|var|mnt)/[\w.-]+")


@pytest.fixture(params=PATHS, ids=lambda path: str(path.relative_to(NOTEBOOKS)))
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def notebook(path: Path) -> Any:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(output: Any) -> str:
    """All text of an output, in every form that it is saved in but a picture."""
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [value for kind, value in output.get("data", {}).items() if not kind.startswith("image/") and isinstance(value, str)]
    return "\n".join(parts)


def test_there_are_notebooks() -> None:
    assert PATHS


def test_format_is_valid_and_has_cell_ids(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)


def test_cell_ids_are_names(notebook: Any) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert [
        name for name in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or re.match(r"[0-9a-f]{8}", name)
    ] == []


def test_begins_with_one_title(notebook: Any) -> None:
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert sum(bool(re.match(r"# ", line)) for source in prose for line in source.splitlines()) == 1


def test_says_what_to_do_to_learn_and_to_need(notebook: Any) -> None:
    opening = notebook.cells[0].source
    assert [part for part in ("do", "learn", "need") if f"What you'll {part}" not in opening] == []


def test_no_cell_is_empty(notebook: Any) -> None:
    assert [cell.id for cell in notebook.cells if not cell.source.strip()] == []


def test_was_run_once_from_top_to_bottom(notebook: Any) -> None:
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_has_no_errors(notebook: Any) -> None:
    assert [cell.id for cell in code(notebook) for output in cell.outputs if output.output_type == "error"] == []


def test_every_check_passed(notebook: Any) -> None:
    checks = [cell for cell in code(notebook) if cell.id.startswith("check-")]
    assert checks
    assert [cell.id for cell in checks if not any("✔" in text(output) for output in cell.outputs)] == []


def test_every_assert_explains_itself(notebook: Any) -> None:
    import ast

    silent = [
        (cell.id, ast.unparse(node))
        for cell in code(notebook)
        if cell.id.startswith("check-")
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Assert) and node.msg is None
    ]
    assert silent == []


def test_tags_are_known(notebook: Any) -> None:
    assert {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])} <= KNOWN_TAGS


def test_facts_do_not_vary(notebook: Any) -> None:
    varying = [
        (cell.id, what, found.group())
        for cell in code(notebook)
        if VARIES not in cell.metadata.get("tags", [])
        for output in cell.outputs
        for what, pattern in _VARYING.items()
        if (found := re.search(pattern, text(output)))
    ]
    assert varying == []


def test_no_path_of_the_authors_machine(notebook: Any) -> None:
    places = [
        (cell.id, _PLACE.findall(cell.source)) for cell in code(notebook) if _PLACE.search(cell.source.replace("/tmp/pid", ""))
    ]
    places += [
        (cell.id, _PLACE.findall(text(output)))
        for cell in code(notebook)
        for output in cell.outputs
        if _PLACE.search(text(output))
    ]
    assert places == []


def test_pictures_are_saved_with_words(notebook: Any) -> None:
    pictures = [
        output
        for cell in code(notebook)
        for output in cell.outputs
        if any(kind.startswith("image/") for kind in output.get("data", {}))
    ]
    assert [output for output in pictures if len(output.data.get("text/plain", "")) < 20] == []


def test_nothing_private_in_the_metadata(notebook: Any) -> None:
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags"}


def test_is_small_enough_for_github_to_show(path: Path) -> None:
    assert path.stat().st_size < _MOST_BYTES
