"""A look at all documents in small steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from docpipe.artifacts import ArtifactStore
from docpipe.bucket import open_bucket
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.reconcile import reconcile
from docpipe.settings import Settings
from docpipe.stage import Stage
from docpipe.stage_run import StageRun
from docpipe.staleness import Scan, due, look_further, recipes_hash
from tests.small_stages import small_stages
from tests.stages import LineStage

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEYS = [f"d{number}" for number in range(7)]


@pytest.fixture
def ledger(settings: Callable[..., Settings]) -> Iterator[Ledger]:
    """One in which seven documents are indexed."""
    made = settings()
    bucket = open_bucket(made.bucket_url, made)
    with Ledger.open(made.ledger_url) as opened:
        for key in KEYS:
            bucket.write(key, b"one line\nanother")
        reconcile(bucket, opened, made)
        artifacts = ArtifactStore(open_bucket(made.artifacts_url, made))
        for stage in before():
            list(StageRun(stage, opened, artifacts, bucket, made, "run").run(KEYS))
        yield opened


def before() -> tuple[Stage, ...]:
    return tuple(small_stages({}).values())


def after() -> tuple[Stage, ...]:
    return tuple((small_stages({}) | {StageName.CHUNKS: LineStage(words=7)}).values())


def scan_all(ledger: Ledger, stages: tuple[Stage, ...], page: int, most: int) -> tuple[list[list[str]], Scan]:
    scan, pages = Scan(recipes_hash(stages), after=""), list[list[str]]()
    while not scan.is_over:
        scan, stale = look_further(ledger, stages, scan, page, most)
        pages.append(stale)
    return pages, scan


def test_nothing_is_stale_where_nothing_changed(ledger: Ledger) -> None:
    pages, scan = scan_all(ledger, before(), page=3, most=99)
    assert pages == [[], [], []]
    assert (scan.looked, scan.stale, scan.reasons) == (7, 0, {})


@pytest.mark.parametrize(("page", "most"), [(3, 99), (99, 2), (7, 7), (1, 1), (99, 99)])
def test_every_stale_document_is_found_once_however_small_the_steps(ledger: Ledger, page: int, most: int) -> None:
    pages, scan = scan_all(ledger, after(), page, most)
    assert [key for found in pages for key in found] == KEYS
    assert max(map(len, pages)) <= min(page, most)
    assert (scan.looked, scan.stale) == (7, 7)
    assert scan.reasons == {"words 100 -> 7": 7}


def test_documents_on_their_way_are_left_alone(ledger: Ledger) -> None:
    ledger.requeue(KEYS[:3])
    pages, scan = scan_all(ledger, after(), 99, 99)
    assert pages == [KEYS[3:]]
    assert scan.looked == 7


def test_a_change_begins_anew_and_no_change_is_no_work() -> None:
    done = Scan("old", None, 7, 0, {}, NOW.isoformat())
    assert due(done, "old", NOW + timedelta(hours=1)) is None
    assert due(done, "new", NOW) == Scan("new", after="")
    assert due(replace(done, after="d3", ended=""), "old", NOW) == replace(done, after="d3", ended="")
    assert due(Scan(), "old", NOW) == Scan("old", after="")


@pytest.mark.parametrize("days", [2, -2])
def test_all_is_looked_at_again_after_a_day_whichever_way_the_clock_went(days: int) -> None:
    assert due(Scan("old", None, ended=NOW.isoformat()), "old", NOW + timedelta(days=days)) == Scan("old", after="")


def test_a_cursor_is_read_back_and_nonsense_begins_anew() -> None:
    scan = Scan("hash", "d3", 3, 1, {"words 1 -> 2": 1})
    assert Scan.from_text(scan.text) == scan
    for text in (None, "", "after:", "[]", '{"unknown": 1}', "7"):
        assert Scan.from_text(text) == Scan()


def test_the_hash_is_of_the_recipes_alone() -> None:
    assert recipes_hash(before()) == recipes_hash(before())
    assert recipes_hash(before()) != recipes_hash(after())
