"""What goes is what nobody needs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from docpipe.checkpoint import Checkpoint
from docpipe.metrics.sample import Sample
from docpipe.models import StageName
from docpipe.partition_key import document_id
from docpipe.pipeline import Pipeline
from docpipe.retention import surplus_artifacts
from docpipe.retention.cleaning import EVIDENCE, clean
from docpipe.settings import Settings
from tests.retention.kept_store import KeptStore
from tests.small_stages import small_stages
from tests.stages import LineStage

KEYS = [f"d{number}" for number in range(5)]


@pytest.fixture
def store(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptStore]:
    """Five documents, indexed a month ago with seven words a chunk, then with a hundred."""
    monkeypatch.setattr(surplus_artifacts, "kept_until", lambda pipeline: None)
    made = KeptStore(Pipeline(settings()))
    made.put(*KEYS)
    made.run(small_stages({}) | {StageName.CHUNKS: LineStage(words=1)}, KEYS)
    yield made
    made.pipeline.ledger.close()


def redo(store: KeptStore) -> set[str]:
    """Chunk everything anew, and return what is needed since then."""
    earlier = store.names()
    parsed = {name for name in earlier if name.startswith(StageName.PARSED_PAGES)}
    store.run(small_stages({}), KEYS)
    return store.names() - earlier | parsed


def long_ago(store: KeptStore) -> None:
    """All of it happened a month ago."""
    store.age(30)
    month = timedelta(days=30)
    with store.pipeline.ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE documents SET updated = ?", ((datetime.now(UTC) - month).replace(tzinfo=None).isoformat(" "),))


def test_nothing_goes_while_everything_is_needed(store: KeptStore) -> None:
    before = store.names()
    long_ago(store)
    assert clean(store.pipeline).told == "nothing"
    assert store.names() == before


def test_the_artifacts_of_earlier_settings_go_and_the_plan_says_so(store: KeptStore) -> None:
    needed = redo(store)
    everything = store.names()
    long_ago(store)
    planned = clean(store.pipeline, plan=True)
    assert store.names() == everything
    done = clean(store.pipeline)
    assert store.names() == needed
    sizes = {kind: (swept.objects, swept.size) for kind, swept in planned.kinds.items()}
    assert {kind: (swept.objects, swept.size) for kind, swept in done.kinds.items() if swept.size} == sizes
    assert {kind: number for kind, (number, _) in sizes.items()} == dict.fromkeys([name.value for name in list(StageName)[1:]], 5)
    assert clean(store.pipeline).told == "nothing"


def test_what_a_killed_attempt_kept_goes_once_its_document_is_done(store: KeptStore) -> None:
    needed = store.names()
    artifacts, ledger = store.pipeline.artifacts, store.pipeline.ledger
    Checkpoint(artifacts, StageName.PARSED_PAGES, KEYS[0], "f1", begun=False).add(b"half of it")
    everything = store.names()
    ledger.requeue(KEYS[:1])
    long_ago(store)
    assert clean(store.pipeline).told == "nothing", "its document is on its way"
    assert store.names() == everything
    store.run(small_stages({}) | {StageName.CHUNKS: LineStage(words=1)}, KEYS)
    long_ago(store)
    assert clean(store.pipeline).kinds[StageName.PARSED_PAGES].objects == 1
    assert store.names() == needed


def test_what_is_needed_no_more_since_yesterday_stays_for_a_while(store: KeptStore) -> None:
    redo(store)
    before = store.names()
    # The files are old, but the documents have changed since: somebody may yet take the new setting back.
    store.age(30)
    assert clean(store.pipeline).told == "nothing"
    assert store.names() == before


def test_young_artifacts_stay(store: KeptStore) -> None:
    redo(store)
    before = store.names()
    long_ago(store)
    store.age(6)
    assert clean(store.pipeline).told == "nothing"
    assert store.names() == before


def test_documents_on_their_way_keep_everything(store: KeptStore) -> None:
    redo(store)
    long_ago(store)
    store.pipeline.ledger.requeue(["d1"])
    with store.pipeline.ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE documents SET updated = '2026-01-01 00:00:00'")
    clean(store.pipeline)
    assert {name.split("/")[2] for name in store.names() if name.startswith("chunks/")} == {document_id(key) for key in KEYS}
    left = [name for name in store.names() if name.startswith("chunks/")]
    assert len(left) == 6
    assert sum(document_id("d1") in name for name in left) == 2


def test_a_document_that_moves_while_it_is_cleaned_keeps_everything(store: KeptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    redo(store)
    long_ago(store)
    real = surplus_artifacts.delete_artifacts
    monkeypatch.setattr(
        "docpipe.retention.cleaning.delete_artifacts",
        lambda pipeline, page, started: (pipeline.ledger.requeue(["d2"]), real(pipeline, page, started))[1],
    )
    clean(store.pipeline)
    left = [name for name in store.names() if name.startswith("chunks/")]
    assert (len(left), sum(document_id("d2") in name for name in left)) == (6, 2)


def test_a_kill_leaves_what_the_next_pass_takes(store: KeptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = redo(store)
    long_ago(store)
    real, deleted = store.pipeline.artifacts.delete_stored, 0

    def killed(stored: object) -> None:
        nonlocal deleted
        deleted += 1
        if deleted > 7:
            raise KeyboardInterrupt
        real(stored)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(store.pipeline.artifacts, "delete_stored", killed)
        with pytest.raises(KeyboardInterrupt):
            clean(store.pipeline)
    assert needed < store.names()
    clean(store.pipeline)
    assert store.names() == needed
    # And the documents are whole: a run finds everything.
    stages = small_stages({})
    store.run(stages, KEYS)
    assert [stage.asked for stage in stages.values()] == [[]] * 5  # type: ignore[attr-defined]


def test_artifacts_of_documents_that_nobody_knows_go_with_their_parts(store: KeptStore) -> None:
    artifacts, before = store.pipeline.artifacts, store.names()
    artifacts.save(StageName.PARSED_PAGES, "gone", "f" * 32, b"data")
    artifacts.save_part(StageName.PARSED_PAGES, "gone", "f" * 32, b"part")
    store.pipeline.artifacts._bucket.write("parsed_pages/readme.txt", b"somebody else's")
    long_ago(store)
    assert clean(store.pipeline).kinds[StageName.PARSED_PAGES].objects == 2
    assert store.names() == before | {"parsed_pages/readme.txt"}


@pytest.mark.parametrize(("days", "stays"), [(29, True), (31, False)])
def test_what_was_made_before_the_last_switch_stays_with_the_collection(
    store: KeptStore, monkeypatch: pytest.MonkeyPatch, days: int, stays: bool
) -> None:
    needed = redo(store)
    everything = store.names()
    # All files are thirty days old.
    long_ago(store)
    switched = datetime.now(UTC) - timedelta(days=days)
    monkeypatch.setattr(surplus_artifacts, "kept_until", lambda pipeline: switched)
    clean(store.pipeline)
    assert store.names() == (everything if stays else needed)


def test_evidence_of_old_failures_goes_but_not_of_what_is_held(store: KeptStore) -> None:
    bucket = store.pipeline.artifacts._bucket
    for name in (f"errors/{document_id('d1')}/1/error.json", f"errors/{document_id('d1')}/1/traceback.txt", "errors/notes.txt"):
        bucket.write(name, b"told")
    long_ago(store)
    assert EVIDENCE not in clean(store.pipeline).kinds
    store.age(100)
    assert clean(store.pipeline).kinds[EVIDENCE].objects == 2
    assert [name for name in store.names() if name.startswith("errors/")] == ["errors/notes.txt"]


def test_old_days_of_the_metrics_go(store: KeptStore) -> None:
    ledger = store.pipeline.ledger
    for day in ("2020-01-01", datetime.now(UTC).date().isoformat()):
        ledger.keep_day(day, [Sample("docpipe_pages_total", 1)])
    clean(store.pipeline)
    assert len(ledger.daily("2019-01-01")) == 1
