"""Batches that isolate failure and resume: the runner on a real folder, real artifacts and a real ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docpipe import stage_run
from docpipe.artifacts import ArtifactStore
from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import (
    ArtifactDamaged,
    BucketUnavailable,
    ConfigurationError,
    DocumentRefused,
    LimitExceeded,
    ParseFailed,
    PermanentError,
    Superseded,
    TransientError,
)
from docpipe.ledger import Arrival, Ledger
from docpipe.models import Document, DocumentStatus, ObjectInfo, StageName, StageStatus
from docpipe.partition_key import document_id
from docpipe.settings import Settings
from docpipe.stage import Item, Outcome, Stage
from docpipe.stage_run import StageResult, StageRun
from tests.stages import LineStage, TextStage


class Workshop:
    """A bucket, a ledger and an artifact store on disk, and stages run over them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bucket: Bucket = open_bucket(settings.bucket_url, settings)
        self.artifacts = ArtifactStore(open_bucket(settings.artifacts_url, settings))
        self.ledger = Ledger.open(settings.ledger_url)

    def put(self, **texts: str) -> list[str]:
        """Write and register objects, as the sensor does between runs."""
        self.ledger.close_run("run", max_attempts=99)
        for name, text in texts.items():
            self.bucket.write(name, text.encode())
        self.ledger.register([Arrival(info, info.key, "text/plain", None, 1) for info in self.bucket.list() if info.key in texts])
        return list(texts)

    def run(self, stage: Stage, keys: Sequence[str], run_id: str = "run") -> dict[str, StageResult]:
        runner = StageRun(stage, self.ledger, self.artifacts, self.bucket, self.settings, run_id)
        return {result.document.key: result for result in runner.run(keys)}

    def document(self, key: str) -> Document:
        return self.ledger.documents([key])[key]


class KeepingStage(TextStage):
    """Keeps a piece of every document before it does anything else."""

    found: list[bytes]

    def process(self, items: Sequence[Item]) -> Iterator[Outcome]:
        self.found = []
        for item in items:
            assert item.checkpoint
            self.found += item.checkpoint.pieces()
            item.checkpoint.add(b"half of it")
        yield from super().process(items)


class Enriching(LineStage):
    name = StageName.ENRICHED_CHUNKS


class Embedding(LineStage):
    name = StageName.EMBEDDINGS


@pytest.fixture
def workshop(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr(stage_run, "pause", lambda attempt, error: 0.0)
    return Workshop(settings())


def fail(*keys: str, error: Exception, times: int = 99) -> Callable[[Document, int], Exception | None]:
    return lambda document, time: error if document.key in keys and time <= times else None


def test_one_bad_document_is_its_own_affair(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two", c="three")
    results = workshop.run(TextStage(fail("b", error=ParseFailed("nonsense"))), keys)
    assert {key: bool(result.error) for key, result in results.items()} == {"a": False, "b": True, "c": False}
    assert workshop.document("b").status is DocumentStatus.FAILED
    assert workshop.document("b").error == "nonsense"
    # The next stage takes the good ones and passes over the bad one, whose failure was told already.
    chunked = workshop.run(LineStage(), keys)
    assert chunked.keys() == {"a", "c"}
    assert workshop.ledger.stage_states(["b"])["b", StageName.PARSED_PAGES].error_kind == "ParseFailed"


def test_a_second_run_finds_everything_and_asks_the_stage_nothing(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two")
    workshop.run(TextStage(), keys)
    again = TextStage()
    results = workshop.run(again, keys)
    assert again.asked == []
    assert all(result.reused and result.counts == {"pages": 1, "characters": 3} for result in results.values())


def test_only_documents_that_changed_are_done_again(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two")
    first = workshop.run(TextStage(), keys)
    workshop.put(b="three")
    again = TextStage()
    second = workshop.run(again, keys)
    assert again.asked == ["b"]
    assert second["b"].document.generation == 2
    assert second["b"].fingerprint != first["b"].fingerprint


def test_the_same_bytes_under_a_new_generation_are_read_but_not_parsed(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    workshop.run(TextStage(), keys)
    workshop.put(a="one")
    again = TextStage()
    results = workshop.run(again, keys)
    assert again.asked == []
    assert results["a"].reused
    assert workshop.ledger.stage_states(keys)["a", StageName.PARSED_PAGES].generation == 2


def test_a_new_code_version_makes_it_and_what_follows_stale(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    workshop.run(TextStage(), keys)
    workshop.run(LineStage(), keys)
    newer, lines = TextStage(version="2"), LineStage()
    workshop.run(newer, keys)
    workshop.run(lines, keys)
    assert (newer.asked, lines.asked) == (["a"], ["a"])


def test_transient_errors_are_tried_again_and_others_are_not(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two", c="three")
    flaky = TextStage(lambda document, time: {"a": TransientError("busy"), "b": ParseFailed("no")}.get(document.key) if time < 3 else None)
    results = workshop.run(flaky, keys)
    assert (flaky.asked.count("a"), flaky.asked.count("b"), flaky.asked.count("c")) == (3, 1, 1)
    assert results["a"].error is None
    assert workshop.ledger.stage_states(["a"])["a", StageName.PARSED_PAGES].attempts == 3


def test_a_transient_error_that_stays_waits_for_another_run_and_ends_as_failed(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    for attempt in range(1, workshop.settings.max_attempts + 1):
        stage = TextStage(fail("a", error=TransientError("still busy")))
        assert isinstance(workshop.run(stage, keys, run_id=f"run {attempt}")["a"].error, TransientError)
        assert len(stage.asked) == workshop.settings.max_attempts
        assert workshop.document("a").attempts == attempt
    assert workshop.document("a").status is DocumentStatus.FAILED
    assert "still busy" in str(workshop.document("a").error)


def test_a_document_that_waits_again_is_not_taken_up_by_a_stage_beside(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    workshop.run(TextStage(), keys)
    workshop.run(LineStage(), keys)
    workshop.run(Enriching(trouble=fail("a", error=TransientError("busy"))), keys)
    assert workshop.document("a").status is DocumentStatus.PENDING
    assert workshop.run(Embedding(), keys) == {}
    assert workshop.document("a").status is DocumentStatus.PENDING


def test_one_object_that_may_not_be_read_fails_alone(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = workshop.put(a="one", b="two", c="three")
    download = workshop.bucket.download

    def closed(key: str, path: Path) -> tuple[ObjectInfo, str]:
        if key == "b":
            raise DocumentRefused("permission for b is missing")
        return download(key, path)

    monkeypatch.setattr(workshop.bucket, "download", closed)
    results = workshop.run(TextStage(), keys)
    assert {key for key, result in results.items() if result.error} == {"b"}
    assert workshop.document("b").error == "permission for b is missing"


def test_an_object_that_stays_out_of_reach_is_asked_for_ever_less_often(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its stage never begins."""
    workshop.settings = workshop.settings.model_copy(update={"max_attempts": 1, "rest_seconds": 3_600.0})
    monkeypatch.setattr("docpipe.losses.OUTAGE_ATTEMPTS", 4)
    keys = workshop.put(a="one")

    def unavailable(*_: object) -> bool:
        raise BucketUnavailable("the store does not answer")

    monkeypatch.setattr(workshop.bucket, "download", unavailable)
    rests = []
    for _ in range(3):
        began = datetime.now(UTC)
        assert isinstance(workshop.run(TextStage(), keys)["a"].error, BucketUnavailable)
        rests.append(round(((workshop.document("a").not_before or began) - began).total_seconds() / 3_600))
    assert rests == [1, 5, 15]
    state = workshop.ledger.stage_states(keys)["a", StageName.PARSED_PAGES]
    assert (state.attempts, state.error) == (3, "Not finished: the store does not answer")
    assert workshop.document("a").status is DocumentStatus.PENDING
    workshop.run(TextStage(), keys)
    assert workshop.document("a").status is DocumentStatus.FAILED


def test_an_artifact_store_out_of_reach_lets_documents_wait(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = workshop.put(a="one")
    workshop.run(TextStage(), keys)
    monkeypatch.setattr("docpipe.retry.pause", lambda attempt, error: 0.0)

    def unavailable(*_: object) -> bool:
        raise BucketUnavailable("the store does not answer")

    monkeypatch.setattr(workshop.artifacts, "exists", unavailable)
    assert isinstance(workshop.run(LineStage(), keys)["a"].error, BucketUnavailable)
    assert workshop.document("a").status is DocumentStatus.PENDING


@pytest.mark.parametrize("method", ["exists", "save"])
def test_one_artifact_that_the_store_refuses_fails_its_document_alone(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    keys = workshop.put(bad="x\n", good="y\n")
    if method == "exists":
        # Looked for where the content is known.
        workshop.run(TextStage(), keys)
    store = getattr(workshop.artifacts, method)

    def refuses(name: StageName, key: str, *rest: object) -> object:
        if key == "bad":
            raise PermanentError("The object store refused the request (EntityTooLarge)")
        return store(name, key, *rest)

    monkeypatch.setattr(workshop.artifacts, method, refuses)
    results = workshop.run(TextStage(version="2"), keys)
    assert isinstance(results["bad"].error, PermanentError)
    assert results["good"].error is None
    assert not results["good"].reused
    assert workshop.document("bad").status is DocumentStatus.FAILED


def test_a_configuration_error_ends_the_run_and_keeps_what_was_done(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two")
    with pytest.raises(ConfigurationError):
        workshop.run(TextStage(fail("b", error=ConfigurationError("no model"))), keys)
    assert workshop.ledger.stage_states(keys)["a", StageName.PARSED_PAGES].status is StageStatus.COMPLETE
    assert workshop.document("b").status is DocumentStatus.RUNNING


def test_an_object_deleted_after_listing_is_left_to_the_sensor(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two")
    workshop.bucket.delete("a")
    results = workshop.run(TextStage(), keys)
    assert isinstance(results["a"].error, Superseded)
    assert results["b"].error is None
    assert workshop.document("a").status is DocumentStatus.PENDING
    assert workshop.ledger.pending(10) == []


def test_an_object_replaced_after_listing_is_left_to_the_sensor(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    workshop.bucket.write("a", b"another")
    assert isinstance(workshop.run(TextStage(), keys)["a"].error, Superseded)
    workshop.put(a="another")
    assert workshop.run(TextStage(), keys)["a"].document.generation == 2


def test_an_object_replaced_while_it_is_worked_on_does_not_pass_for_the_new_one(workshop: Workshop) -> None:
    keys = workshop.put(a="one")

    def replaced_meanwhile(document: Document, time: int) -> None:
        workshop.put(a="newer")

    results = workshop.run(TextStage(replaced_meanwhile), keys)
    assert isinstance(results["a"].error, Superseded)
    assert workshop.document("a").generation == 2
    assert ("a", StageName.PARSED_PAGES) not in {key for key, state in workshop.ledger.stage_states(["a"]).items() if state.generation == 2}


def test_a_half_written_artifact_is_made_again(workshop: Workshop) -> None:
    keys = workshop.put(a="one", b="two")
    results = workshop.run(TextStage(), keys)
    path = artifact_path(workshop, "a", results["a"].fingerprint)
    path.write_bytes(path.read_bytes()[:-7])
    chunked = workshop.run(LineStage(), keys)
    assert isinstance(chunked["a"].error, ArtifactDamaged)
    assert chunked["b"].error is None
    # The damage was taken away, so the document's next run parses it again and goes through.
    assert workshop.document("a").status is DocumentStatus.PENDING
    again = TextStage()
    workshop.run(again, keys)
    assert again.asked == ["a"]
    assert workshop.run(LineStage(), keys)["a"].error is None


def test_a_lost_artifact_is_made_again(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    results = workshop.run(TextStage(), keys)
    artifact_path(workshop, "a", results["a"].fingerprint).unlink()
    again = TextStage()
    workshop.run(again, keys)
    assert again.asked == ["a"]


def test_a_stage_that_forgets_a_document_does_not_lose_it(workshop: Workshop) -> None:
    class Forgetful(TextStage):
        def process(self, items):  # type: ignore[no-untyped-def]
            yield from super().process([item for item in items if item.document.key != "b"])

    results = workshop.run(Forgetful(), workshop.put(a="one", b="two"))
    assert "ended without a word" in str(results["b"].error)


def test_a_stage_beside_the_failed_one_does_not_revive_the_document(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    workshop.run(TextStage(), keys)
    workshop.run(LineStage(), keys)
    workshop.run(Enriching(trouble=fail("a", error=ParseFailed("no"))), keys)
    assert workshop.run(Embedding(), keys) == {}
    assert workshop.document("a").status is DocumentStatus.FAILED


def test_refused_documents_are_told_why(workshop: Workshop) -> None:
    info = workshop.bucket.write("a", b"")
    workshop.ledger.register([Arrival(info, "a", "", "the file is empty", 1)])
    stage = TextStage()
    assert "empty" in str(workshop.run(stage, ["a"])["a"].error)
    assert stage.asked == []


def kept_of(workshop: Workshop, key: str) -> int:
    """Objects in the store beside the document's artifact."""
    state = workshop.ledger.stage_states([key])[key, StageName.PARSED_PAGES]
    return sum(one.fingerprint != state.fingerprint for one in workshop.artifacts.list_document(key))


@pytest.mark.parametrize("error", [ParseFailed("no"), LimitExceeded("no"), RuntimeError("no")], ids=lambda error: type(error).__name__)
def test_what_was_kept_of_a_document_that_failed_for_good_does_not_spoil_its_next_try(workshop: Workshop, error: Exception) -> None:
    keys = workshop.put(a="one")
    workshop.run(KeepingStage(fail("a", error=error)), keys)
    assert kept_of(workshop, "a") == 0
    workshop.ledger.requeue(keys)
    again = KeepingStage()
    assert workshop.run(again, keys)["a"].error is None
    assert again.found == []


def test_what_was_kept_of_a_document_that_may_yet_succeed_is_found_by_its_next_try(workshop: Workshop) -> None:
    keys = workshop.put(a="one")
    stage = KeepingStage(fail("a", error=TransientError("busy")))
    workshop.run(stage, keys)
    assert kept_of(workshop, "a") == workshop.settings.max_attempts
    again = KeepingStage()
    assert workshop.run(again, keys)["a"].error is None
    assert again.found == [b"half of it"] * workshop.settings.max_attempts
    assert kept_of(workshop, "a") == 0


def test_what_was_kept_of_a_document_that_was_replaced_meanwhile_goes(workshop: Workshop) -> None:
    def replaced(document: Document, time: int) -> None:
        workshop.put(a="two")

    keys = workshop.put(a="one")
    results = workshop.run(KeepingStage(replaced), keys)
    assert isinstance(results["a"].error, Superseded)
    (state,) = workshop.ledger.stage_states(keys).values()
    assert {one.fingerprint for one in workshop.artifacts.list_document("a")} <= {state.fingerprint}


def artifact_path(workshop: Workshop, key: str, fingerprint: str) -> Path:
    name = document_id(key)
    return workshop.settings.home / "artifacts" / StageName.PARSED_PAGES / name[:2] / name / f"{fingerprint}.zst"
