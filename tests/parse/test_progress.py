from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import open_bucket
from docpipe.checkpoint import Checkpoint
from docpipe.errors import BucketUnavailable, DocumentRefused, LimitExceeded, ParseFailed, PermanentError, WorkerLost
from docpipe.isolate import Answer, Result, Task
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.parse.formats import PDF, TEXT
from docpipe.parse.kept_pages import KeptPages
from docpipe.parse.page.element import PageContent
from docpipe.parse.page.pages import Reading
from docpipe.parse.progress import PagesProgress, WholeProgress, name_of
from docpipe.parse.spool import Lines, Spool
from docpipe.settings import load_settings
from docpipe.stage import Lost, Made


def document(object_key: str = "in/a.pdf", media_type: str = PDF) -> Document:
    return Document("key", object_key, 1, media_type, 1, "e", "", DocumentStatus.PENDING)


@pytest.fixture
def progress(tmp_path: Path) -> PagesProgress:
    settings = load_settings(home=tmp_path, workers=1, task_seconds=100, worker_output_mb=1)
    return PagesProgress(document(), tmp_path / "a.pdf", settings, Reading(PDF, True, True, 2_000), Spool(tmp_path / "pages"))


def numbers(task: Task) -> tuple[int, ...]:
    found = task.arguments[2]
    assert isinstance(found, tuple)
    return found


def answer(task: Task, total: int, *, ocr: tuple[int, ...] = (), size: int = 0) -> Result:
    read = [number for number in numbers(task) if number <= total and number not in ocr]
    lines = b"\n".join(PageContent(number, 1.0, 1.0, "text", reason="r" * size).to_line() for number in read)
    header = {"total": total, "numbers": read, "ocr": [number for number in ocr if number in numbers(task)], "warnings": []}
    return Result(task, (header, lines), None, 1.0)


def failure(task: Task, error: Exception | None = None) -> Result:
    return Result(task, None, error or LimitExceeded("too slow"), 1.0)


def follow(taken: object) -> list[Task]:
    assert isinstance(taken, list), taken
    return taken


def lines_of(assembly: Task) -> list[PageContent]:
    found = assembly.arguments[3]
    assert isinstance(found, Lines)
    return [PageContent.from_line(line) for line in found]


def test_the_first_answer_tells_how_many_ranges_there_are(progress: PagesProgress) -> None:
    (first,) = progress.begin()
    others = follow(progress.take(answer(first, 40)))
    assert [(numbers(task)[0], numbers(task)[-1]) for task in others] == [(9, 24), (25, 32), (33, 36), (37, 38), (39, 40)]
    for task in others[:0:-1]:
        assert follow(progress.take(answer(task, 40))) == []
    assert progress.standing() == "a.pdf: 24 of 40 pages"
    (assembly,) = follow(progress.take(answer(others[0], 40)))
    assert [line.number for line in lines_of(assembly)] == list(range(1, 41))
    made = progress.take(Result(assembly, ({"counts": {"pages": 40, "characters": 5}}, b"data"), None, 2.0))
    assert made == Made("key", b"data", {"pages": 40, "characters": 5}, 8.0)
    assert not progress.spool.path.exists()


@pytest.mark.parametrize(
    ("layout", "pages", "workers"), [(True, 600, 2), (False, 600, 2), (True, 5_000, 8), (False, 9, 4), (True, 600, 64)]
)
def test_the_ranges_cover_every_page_once_and_the_last_ones_are_short(tmp_path: Path, layout: bool, pages: int, workers: int) -> None:
    settings = load_settings(home=tmp_path, workers=workers, task_seconds=100)
    progress = PagesProgress(document(), tmp_path / "a.pdf", settings, Reading(PDF, layout, True, 2_000), Spool(tmp_path / "pages"))
    (first,) = progress.begin()
    ranges = [numbers(task) for task in (first, *follow(progress.take(answer(first, pages))))]
    assert [number for one in ranges for number in one] == list(range(1, pages + 1))
    sizes = [len(one) for one in ranges[1:]]
    assert sizes == sorted(sizes, reverse=True)
    fast = not layout or pages > 2_000
    assert sizes[0] <= (256 if fast else 16)
    assert sizes[-1] <= (32 if fast else 2)


def test_pages_that_need_ocr_wait_until_it_begins(progress: PagesProgress) -> None:
    (first,) = progress.begin()
    assert follow(progress.take(answer(first, 6, ocr=(2, 6)))) == []
    tasks = progress.begin_ocr()
    assert [(numbers(task), task.arguments[3]) for task in tasks] == [((2,), "ocr"), ((6,), "ocr")]
    assert progress.begin_ocr() == []
    assert follow(progress.take(answer(tasks[0], 6))) == []
    (assembly,) = follow(progress.take(answer(tasks[1], 6)))
    assert assembly.function == "docpipe.parse.assemble.assembly:assemble"


def test_a_killed_range_is_read_page_by_page_then_plainly_then_given_up(progress: PagesProgress) -> None:
    (first,) = progress.begin()
    (alone,) = follow(progress.take(failure(first)))
    assert numbers(alone) == (1,), "how many pages there are is not known yet"
    assert alone.seconds == 25
    others = follow(progress.take(answer(alone, 3)))
    assert [numbers(task) for task in others] == [(2, 3)]
    singles = follow(progress.take(failure(others[0])))
    assert [numbers(task) for task in singles] == [(2,), (3,)]
    assert follow(progress.take(answer(singles[1], 3))) == []
    (plainly,) = follow(progress.take(failure(singles[0])))
    assert plainly.arguments[3] == "text"
    (assembly,) = follow(progress.take(failure(plainly)))
    lines = lines_of(assembly)
    assert [(line.number, line.error) for line in lines] == [(1, ""), (2, "too slow"), (3, "")]
    assert assembly.arguments[5] == {**dict.fromkeys(range(1, 9), "routed: too slow"), 2: "text: too slow", 3: "routed: too slow"}


def test_a_document_that_keeps_killing_workers_is_given_up(progress: PagesProgress) -> None:
    waiting = list(progress.begin())
    waiting += follow(progress.take(answer(waiting.pop(), 160)))
    tried = 0
    while waiting[0].function.endswith("pages:read"):
        tried += 1
        waiting += follow(progress.take(failure(waiting.pop(0))))
    assert tried <= 9 + 16 * 9, "every task that was under way, and a bounded number of others"
    lines = lines_of(waiting[0])
    assert [line.number for line in lines] == list(range(1, 161))
    assert sum(bool(line.error) for line in lines) == 152


def test_a_document_of_which_no_page_can_be_read_is_lost(progress: PagesProgress) -> None:
    (task,) = progress.begin()
    for _ in range(2):
        (task,) = follow(progress.take(failure(task)))
    outcome = progress.take(failure(task))
    assert isinstance(outcome, Lost)
    assert isinstance(outcome.error, LimitExceeded)


def over_time(taken: object) -> None:
    assert isinstance(taken, Lost), taken
    assert isinstance(taken.error, LimitExceeded)
    assert "DOCPIPE_DOCUMENT_SECONDS" in str(taken.error)


def test_a_document_whose_tasks_take_too_long_together_is_lost(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, workers=1, task_seconds=100, document_seconds=150)
    progress = PagesProgress(document(), tmp_path / "a.pdf", settings, Reading(PDF, True, True, 2_000), Spool(tmp_path / "pages"))
    (first,) = progress.begin()
    assert first.seconds == 100
    others = follow(progress.take(replace(answer(first, 19, ocr=(3,)), seconds=60.0)))
    assert [task.seconds for task in others] == [90] * 4, "no task may take more than the document has left"
    assert follow(progress.take(replace(answer(others[0], 19), seconds=60.0))) == []
    (alone, *_) = follow(progress.take(replace(failure(others[1]), seconds=20.0)))
    assert alone.seconds == 10
    taken = progress.take(replace(answer(others[2], 19), seconds=10.0))
    over_time(taken)
    assert isinstance(taken, Lost)
    assert taken.seconds == 150


def test_a_document_is_not_lost_over_time_once_it_is_done(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, document_seconds=10)
    progress = PagesProgress(document(), tmp_path / "a.pdf", settings, Reading(PDF, True, True, 2_000), Spool(tmp_path / "pages"))
    (first,) = progress.begin()
    (assembly,) = follow(progress.take(replace(answer(first, 3), seconds=4.0)))
    assert assembly.seconds == 6
    made = progress.take(Result(assembly, ({"counts": {"pages": 3}}, b"data"), None, 7.0))
    assert made == Made("key", b"data", {"pages": 3}, 11.0)


def test_an_assembly_over_the_documents_time_says_so(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, document_seconds=10)
    progress = PagesProgress(document(), tmp_path / "a.pdf", settings, Reading(PDF, True, True, 2_000), Spool(tmp_path / "pages"))
    (first,) = progress.begin()
    (assembly,) = follow(progress.take(replace(answer(first, 3), seconds=4.0)))
    over_time(progress.take(replace(failure(assembly), seconds=6.0)))


@pytest.mark.parametrize(("task_seconds", "document_seconds", "limit"), [(5, 60, 5), (60, 5, 5)])
def test_a_document_read_as_a_whole_has_the_shorter_of_both_limits(
    tmp_path: Path, task_seconds: float, document_seconds: float, limit: float
) -> None:
    settings = load_settings(home=tmp_path, task_seconds=task_seconds, document_seconds=document_seconds)
    whole = WholeProgress(document(media_type=TEXT), tmp_path / "a", settings, "module:function")
    (task,) = whole.begin()
    assert task.seconds == limit
    outcome = whole.take(replace(failure(task), seconds=5.0))
    if document_seconds == limit:
        over_time(outcome)
    else:
        assert isinstance(outcome, Lost)
        assert str(outcome.error) == "too slow", "the worker's own words, which name the limit of a task"


@pytest.mark.parametrize("error", [ParseFailed("no"), DocumentRefused("no"), WorkerLost("killed")])
def test_some_errors_end_a_document_at_once(progress: PagesProgress, error: Exception) -> None:
    (task,) = progress.begin()
    outcome = progress.take(failure(task, error))
    assert outcome == Lost("key", error, 1.0)


def test_pages_that_grow_too_large_together_are_lost(progress: PagesProgress) -> None:
    (task,) = progress.begin()
    outcome = progress.take(answer(task, 16, size=200_000))
    assert isinstance(outcome, Lost)
    assert "DOCPIPE_WORKER_OUTPUT_MB" in str(outcome.error)


@pytest.mark.parametrize(
    "lie",
    [
        ({}, b""),
        ({"total": "x", "numbers": [1], "ocr": [], "warnings": []}, b"{}"),
        ({"total": 5, "numbers": [99], "ocr": [], "warnings": []}, b"{}"),
        ({"total": 5, "numbers": [1, 2], "ocr": [], "warnings": []}, b"{}"),
        ({"total": 5, "numbers": 7, "ocr": [], "warnings": []}, b""),
        ({"total": 2, "numbers": [1], "ocr": [], "warnings": []}, b"{}"),
        ({"total": 1, "numbers": [], "ocr": [1, 1], "warnings": []}, b""),
        ({"total": 0, "numbers": [], "ocr": [], "warnings": []}, b""),
        ({"total": -3, "numbers": [], "ocr": [], "warnings": []}, b""),
        ({"total": math.inf, "numbers": [], "ocr": [], "warnings": []}, b""),
    ],
)
def test_a_worker_that_lies_costs_its_document_alone(progress: PagesProgress, lie: Answer) -> None:
    (task,) = progress.begin()
    outcome = progress.take(Result(task, lie, None, 1.0))
    assert isinstance(outcome, Lost)
    assert type(outcome.error) is PermanentError


def test_a_page_that_waits_for_ocr_again_is_a_lie(progress: PagesProgress) -> None:
    (task,) = progress.begin()
    assert follow(progress.take(answer(task, 1, ocr=(1,)))) == []
    (again,) = progress.begin_ocr()
    assert isinstance(progress.take(answer(again, 1, ocr=(1,))), Lost)


def test_a_number_of_pages_beyond_reason_is_a_limit(progress: PagesProgress) -> None:
    (task,) = progress.begin()
    outcome = progress.take(answer(task, 2**31 - 1))
    assert isinstance(outcome, Lost)
    assert isinstance(outcome.error, LimitExceeded)


@given(data=st.data())
def test_every_document_ends_whatever_its_workers_do(data: st.DataObject) -> None:
    """Any order of answers, crashes, kills, lies and pages for OCR: an end, within a bounded number of tasks, with every page in it."""
    total, workers = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 3))
    with TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder), workers=workers, task_seconds=100)
        progress = PagesProgress(document(), Path("a.pdf"), settings, Reading(PDF, True, True, 2_000), Spool(Path(folder, "pages")))
        waiting, done = list(progress.begin()), 0
        taken: object = None
        while not isinstance(taken, Made | Lost):
            if not waiting:
                waiting = list(progress.begin_ocr())
            assert waiting, "a document without a task and without an end hangs its run"
            task = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            done += 1
            assert done < 2_000
            if task.function.endswith(":assemble"):
                assert not waiting
                assert sorted(line.number for line in lines_of(task)) == list(range(1, total + 1))
                taken = progress.take(Result(task, ({"counts": {"pages": total}}, b"data"), None, 1.0))
                break
            fate = data.draw(st.sampled_from(["answer", "answer", "answer", "ocr", "too slow", "crash", "lie", "killed"]))
            if fate == "ocr" and task.arguments[3] == "routed":
                taken = progress.take(
                    answer(task, total, ocr=tuple(number for number in numbers(task) if number % 3 == 0 and number <= total))
                )
            elif fate in ("answer", "ocr"):
                taken = progress.take(answer(task, total))
            elif fate == "lie":
                taken = progress.take(Result(task, ({"total": total, "numbers": [0], "ocr": [], "warnings": []}, b"{}"), None, 1.0))
            else:
                kinds = {"too slow": LimitExceeded(fate), "crash": PermanentError(fate), "killed": WorkerLost(fate)}
                taken = progress.take(failure(task, kinds[fate]))
            if not isinstance(taken, Made | Lost):
                waiting += follow(taken)
        assert not Path(folder, "pages").exists()


@pytest.mark.parametrize("header", [{}, {"counts": 3}, {"counts": {"pages": "many"}}, {"counts": {"pages": math.inf}}])
def test_counts_that_make_no_sense_are_an_error(tmp_path: Path, header: dict[str, object]) -> None:
    whole = WholeProgress(document(media_type=TEXT), tmp_path / "a", load_settings(home=tmp_path), "module:function")
    (task,) = whole.begin()
    outcome = whole.take(Result(task, (header, b""), None, 1.0))
    assert isinstance(outcome, Lost)


@pytest.mark.parametrize(("object_key", "name"), [("a/b/c.pdf", "c.pdf"), ("c.pdf", "c.pdf"), ("a/b/", "b"), ("/", "key")])
def test_name(object_key: str, name: str) -> None:
    assert name_of(document(object_key)) == name


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    settings = load_settings(home=tmp_path)
    return ArtifactStore(open_bucket(settings.artifacts_url, settings))


def kept(progress: PagesProgress, store: ArtifactStore, *, begun: bool, **settings: object) -> PagesProgress:
    """The document with a checkpoint, and nothing read yet."""
    checkpoint = Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=begun)
    changed = progress.settings.model_copy(update={"checkpoint_seconds": 2.0, **settings})
    spool = Spool(progress.spool.path.with_name(f"pages {begun}"))
    return PagesProgress(progress.document, progress.source, changed, progress.reading, spool, checkpoint)


def test_an_attempt_after_a_kill_reads_the_other_pages_alone(progress: PagesProgress, store: ArtifactStore) -> None:
    killed = kept(progress, store, begun=False)
    tasks = follow(killed.take(answer(killed.begin()[0], 40)))
    # A second of work each: after the second one it is worth it, after the third it is not.
    for task in tasks[:2]:
        killed.take(answer(task, 40))
    read = {*range(1, 9), *numbers(tasks[0])}
    resumed = kept(progress, store, begun=True)
    others = list(resumed.begin())
    assert [number for task in others for number in numbers(task)] == [number for number in range(1, 41) if number not in read]
    assert resumed.standing() == f"a.pdf: {len(read)} of 40 pages"
    for task in others[:-1]:
        follow(resumed.take(answer(task, 40)))
    (assembly,) = follow(resumed.take(answer(others[-1], 40)))
    assert [page.number for page in lines_of(assembly)] == list(range(1, 41))


def test_an_attempt_that_finds_all_pages_puts_them_together(progress: PagesProgress, store: ArtifactStore) -> None:
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    (assembly,) = follow(killed.take(answer(killed.begin()[0], 5)))
    (again,) = kept(progress, store, begun=True).begin()
    assert [page.number for page in lines_of(again)] == [1, 2, 3, 4, 5]
    assert again.function == assembly.function
    assert again.arguments[4:] == assembly.arguments[4:]


def test_the_end_tells_of_the_earlier_attempt(progress: PagesProgress, store: ArtifactStore) -> None:
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    for task in follow(killed.take(answer(killed.begin()[0], 30)))[:2]:
        killed.take(answer(task, 30))
    resumed = kept(progress, store, begun=True)
    tasks = list(resumed.begin())
    read = len(resumed.spool)
    for task in tasks[:-1]:
        follow(resumed.take(answer(task, 30)))
    (assembly,) = follow(resumed.take(answer(tasks[-1], 30)))
    made = resumed.take(Result(assembly, ({"counts": {"pages": 30}}, b"data"), None, 1.0))
    assert isinstance(made, Made)
    assert made.counts == {"pages": 30, "kept_pages": read}
    # A second for each task of both attempts, and one for the assembly.
    assert made.seconds == 3 + len(tasks) + 1


def test_a_document_has_its_time_once(progress: PagesProgress, store: ArtifactStore) -> None:
    """However often its runs are killed."""
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5, document_seconds=3.5)
    for task in follow(killed.take(answer(killed.begin()[0], 60)))[:2]:
        killed.take(answer(task, 60))
    resumed = kept(progress, store, begun=True, document_seconds=3.5)
    lost = resumed.take(answer(resumed.begin()[0], 60))
    assert isinstance(lost, Lost)
    assert "DOCPIPE_DOCUMENT_SECONDS" in str(lost.error)


def test_pages_whose_task_failed_are_tried_again(progress: PagesProgress, store: ArtifactStore) -> None:
    """What the artifact says of them must not be lost with the attempt."""
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    (task,) = killed.begin()
    (single,) = follow(killed.take(failure(task)))
    for task in follow(killed.take(answer(single, 30))):
        killed.take(answer(task, 30))
    resumed = kept(progress, store, begun=True)
    assert [number for task in resumed.begin() for number in numbers(task)] == list(range(1, 9))


def test_pages_wait_for_ocr_again(progress: PagesProgress, store: ArtifactStore) -> None:
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    assert follow(killed.take(answer(killed.begin()[0], 6, ocr=(2, 5)))) == []
    resumed = kept(progress, store, begun=True)
    (task,) = resumed.begin()
    assert numbers(task) == (2, 5)
    assert follow(resumed.take(answer(task, 6, ocr=(2, 5)))) == []
    assert [numbers(task) for task in resumed.begin_ocr()] == [(2,), (5,)]


def test_a_store_that_is_away_costs_no_page(
    progress: PagesProgress, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> bool:
        raise BucketUnavailable("timeout")

    one = kept(progress, store, begun=True, checkpoint_seconds=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(store, "exists", away)
        patch.setattr(store, "save", away)
        tasks = follow(one.take(answer(one.begin()[0], 30)))
        assert "not all that was kept" in caplog.text
        assert "not kept for the case of a kill" in caplog.text
    for task in tasks[:-1]:
        one.take(answer(task, 30))
    (assembly,) = follow(one.take(answer(tasks[-1], 30)))
    assert [page.number for page in lines_of(assembly)] == list(range(1, 31))
    # Those that could not be kept were kept the next time.
    (again,) = kept(progress, store, begun=True).begin()
    assert [page.number for page in lines_of(again)] == list(range(1, 31))


def test_what_makes_no_sense_is_read_anew(progress: PagesProgress, store: ArtifactStore, caplog: pytest.LogCaptureFixture) -> None:
    Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=False).add(b'{"total": 0')
    (task,) = kept(progress, store, begun=True).begin()
    assert numbers(task)[0] == 1
    assert "not all that was kept" in caplog.text


def piece(number: int, total: int = 40) -> bytes:
    return KeptPages(total, (), 1.0, {number: PageContent(number, 1.0, 1.0, "text").to_line()}).to_bytes()


@pytest.mark.parametrize("nonsense", [b"nonsense", b"[" * 100_000, piece(3, 41), piece(3, 200_001), piece(3, 10**12)], ids=range(5))
def test_one_piece_without_sense_costs_its_own_pages_alone(
    progress: PagesProgress, store: ArtifactStore, caplog: pytest.LogCaptureFixture, nonsense: bytes
) -> None:
    killed = Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=False)
    for one in (piece(1), nonsense, piece(2)):
        killed.add(one)
    resumed = kept(progress, store, begun=True)
    assert [number for task in resumed.begin() for number in numbers(task)] == list(range(3, 41))
    assert "not all that was kept" in caplog.text


def test_a_number_of_pages_beyond_reason_is_not_taken_over(progress: PagesProgress, store: ArtifactStore) -> None:
    Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=False).add(piece(1, 10**12))
    (task,) = kept(progress, store, begun=True).begin()
    assert numbers(task) == tuple(range(1, 9))


def test_a_store_that_refuses_the_pieces_costs_no_page(
    progress: PagesProgress, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> bool:
        raise PermanentError("The object store refused the request")

    monkeypatch.setattr(store, "exists", refused)
    monkeypatch.setattr(store, "save", refused)
    one = kept(progress, store, begun=True, checkpoint_seconds=0.5)
    (assembly,) = follow(one.take(answer(one.begin()[0], 5)))
    assert [page.number for page in lines_of(assembly)] == [1, 2, 3, 4, 5]
    assert "not all that was kept" in caplog.text
    assert "not kept for the case of a kill" in caplog.text


def test_what_is_kept_at_once_lies_in_memory_in_small_pieces(
    progress: PagesProgress, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docpipe.parse.progress._PIECE_BYTES", 1_000)
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    killed.take(answer(killed.begin()[0], 8, size=300))
    pieces = list(Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=True).pieces())
    found = [list(KeptPages.from_bytes(one).lines) for one in pieces]
    assert [number for one in found for number in one] == list(range(1, 9))
    assert max(map(len, found)) == 2
    (assembly,) = kept(progress, store, begun=True).begin()
    assert [page.number for page in lines_of(assembly)] == list(range(1, 9))


def test_a_store_that_goes_away_between_two_pieces_gets_the_others_later(
    progress: PagesProgress, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docpipe.parse.progress._PIECE_BYTES", 1)
    save, saved = store.save, [0]

    def once(*arguments: Any) -> None:
        saved[0] += 1
        if saved[0] == 3:
            raise BucketUnavailable("timeout")
        save(*arguments)

    monkeypatch.setattr(store, "save", once)
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    for task in follow(killed.take(answer(killed.begin()[0], 10))):
        killed.take(answer(task, 10))
    pieces = Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=True).pieces()
    assert [number for one in pieces for number in KeptPages.from_bytes(one).lines] == list(range(1, 11))


def test_a_worker_that_warns_without_end_fills_neither_memory_nor_store(progress: PagesProgress, store: ArtifactStore) -> None:
    killed = kept(progress, store, begun=False, checkpoint_seconds=0.5)
    (task,) = killed.begin()
    said = answer(task, 8)
    assert said.answer
    header, body = said.answer
    killed.take(replace(said, answer=(header | {"warnings": ["w" * 10_000] * 2_000}, body)))
    (piece,) = Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=True).pieces()
    assert len(piece) < 1_000_000
    (assembly,) = kept(progress, store, begun=True).begin()
    assert assembly.arguments[4] == ("w" * 500,) * 1_000


@given(data=st.data())
def test_every_page_is_there_however_often_its_document_is_killed(data: st.DataObject) -> None:
    """Attempts that end anywhere, with workers that answer, are killed or find pages for OCR: the last one has every page."""
    total = data.draw(st.integers(1, 60))
    with TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder), workers=2, task_seconds=100, checkpoint_seconds=data.draw(st.sampled_from([0.5, 2.5])))
        store = ArtifactStore(open_bucket(settings.artifacts_url, settings))
        for attempt in range(kills := data.draw(st.integers(1, 4)) + 1):
            checkpoint = Checkpoint(store, StageName.PARSED_PAGES, "key", "f1", begun=attempt > 0)
            spool = Spool(Path(folder, f"pages {attempt}"))
            progress = PagesProgress(document(), Path("a.pdf"), settings, Reading(PDF, True, True, 2_000), spool, checkpoint)
            left: float = math.inf if attempt == kills - 1 else data.draw(st.integers(0, 12))
            waiting = list(progress.begin())
            while left:
                waiting = waiting or list(progress.begin_ocr())
                task = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
                if task.function.endswith(":assemble"):
                    break
                left -= 1
                fate = data.draw(st.sampled_from(["answer", "answer", "answer", "ocr", "too slow"]))
                if fate == "too slow" and left < math.inf:
                    taken = progress.take(failure(task))
                else:
                    scans = tuple(number for number in numbers(task) if number % 3 == 0 and number <= total)
                    taken = progress.take(answer(task, total, ocr=scans if fate == "ocr" and task.arguments[3] == "routed" else ()))
                if isinstance(taken, Lost):
                    break
                waiting += follow(taken)
        assert task.function.endswith(":assemble")
        assert [(line.number, line.error) for line in lines_of(task)] == [(number, "") for number in range(1, total + 1)]
