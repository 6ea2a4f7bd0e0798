"""Files from an attacker: whatever happens, every document gets an outcome and the workers go on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docpipe.errors import DocpipeError
from docpipe.isolate import Result, Task, WorkerPool
from docpipe.parse import formats
from docpipe.parse.page.pages import Reading
from docpipe.settings import load_settings
from docpipe.stage import Lost, Made
from tests.parse import samples
from tests.parse.conftest import item, run

BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return samples.report(tmp_path_factory.mktemp("report") / "a.pdf", pages=1).read_bytes()


def read(pool: WorkerPool, data: bytes) -> Result:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.pdf"
        path.write_bytes(data)
        reading = Reading(formats.PDF, layout=True, ocr=False, layout_max_pages=100)
        (result,) = pool.run([Task("a", "docpipe.parse.page.pages:read", (str(path), reading, tuple(range(1, 17)), "routed"), 60)])
    return result


@BOUNDED
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=200))
def test_flipped_bytes(worker_pool: WorkerPool, report: bytes, changes: list[tuple[float, int]]) -> None:
    data = bytearray(report)
    for place, value in changes:
        data[int(place * len(data))] = value
    result = read(worker_pool, bytes(data))
    assert result.answer is not None or isinstance(result.error, DocpipeError)


@BOUNDED
@given(share=st.floats(0, 1))
def test_truncated(worker_pool: WorkerPool, report: bytes, share: float) -> None:
    result = read(worker_pool, report[: int(share * len(report))])
    assert result.answer is not None or isinstance(result.error, DocpipeError)


@pytest.mark.parametrize(
    "kids",
    [
        b"<</Type/Pages/Count 1/Kids[2 0 R]>>",
        b"<</Type/Pages/Count 2147483647/Kids[]>>",
        b"<</Type/Pages/Count -5/Kids[3 0 R]>>",
        b"<</Type/Pages/Count 1/Kids 2 0 R>>",
    ],
)
def test_page_trees_that_lie(worker_pool: WorkerPool, kids: bytes) -> None:
    data = (
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n"
        + kids
        + b"\nendobj\ntrailer\n<</Size 3/Root 1 0 R>>\n%%EOF\n"
    )
    result = read(worker_pool, data)
    assert result.answer is not None or isinstance(result.error, DocpipeError)


def test_a_batch_with_a_killer_in_it(tmp_path: Path) -> None:
    """A page that eats all memory, in the middle of a batch."""
    config = load_settings(home=tmp_path, workers=2, task_seconds=20, worker_memory_mb=1_024, ocr=False, layout=False)
    # As many instructions as a page may have, and 5 GB of memory for its letters.
    greedy = b"BT /F 1 Tf\n" + b"(word and word and word and word and word and word and word) Tj\n" * 490_000 + b"ET"
    paths = [samples.plain(tmp_path / f"{name}.pdf", [samples.LOREM]) for name in ("a", "b", "c")]
    paths.insert(1, samples.raw(tmp_path / "greedy.pdf", [greedy]))
    outcomes = run(config, [item(path, formats.PDF) for path in paths])
    assert isinstance(outcomes.pop("greedy.pdf"), Lost)
    assert all(isinstance(outcome, Made) for outcome in outcomes.values())
