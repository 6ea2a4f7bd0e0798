from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from docpipe.artifacts import StoredArtifact
from docpipe.fingerprint import Recipe
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.partition_key import document_id
from docpipe.retention.needed import Needed
from docpipe.settings import Settings
from tests.ledger.arrivals import arrival

RECIPE = Recipe("chunks", "1")
LATER = timedelta(days=1)


@pytest.fixture
def ledger(settings: Callable[..., Settings]) -> Iterator[Ledger]:
    with Ledger.open(settings().ledger_url) as opened:
        opened.register([arrival("mail"), arrival("other")])
        yield opened


def surplus(ledger: Ledger, *stored: StoredArtifact, changed_since: datetime | None = None) -> list[str]:
    needed = Needed.of(ledger, changed_since or datetime.now(UTC) + LATER)
    return [one.fingerprint for one in needed.surplus(stored)]


def stored(key: str, fingerprint: str, stage: StageName = StageName.CHUNKS, part: str = "") -> StoredArtifact:
    return StoredArtifact(stage, document_id(key), fingerprint, 1, part)


def complete(ledger: Ledger, key: str, fingerprint: str) -> None:
    for stage in StageName:
        assert ledger.complete(stage, key, 1, f"{fingerprint}-{stage}", RECIPE.hash, {}, 0.1)


def test_what_a_state_names_is_needed_at_its_stage_and_document_alone(ledger: Ledger) -> None:
    complete(ledger, "mail", "m")
    complete(ledger, "other", "o")
    name = f"m-{StageName.CHUNKS}"
    asked = [stored("mail", name), stored("mail", name, part="p"), stored("other", name), stored("mail", name, StageName.EMBEDDINGS)]
    assert surplus(ledger, *asked) == [name, name]
    assert surplus(ledger, stored("unknown", "x")) == ["x"]


def test_documents_that_wait_or_changed_lately_keep_everything(ledger: Ledger) -> None:
    assert surplus(ledger, stored("mail", "old")) == []
    complete(ledger, "mail", "m")
    assert surplus(ledger, stored("mail", "old")) == ["old"]
    assert surplus(ledger, stored("mail", "old"), changed_since=datetime.now(UTC) - LATER) == []


def test_what_a_failed_stage_would_have_made_is_kept_for_the_next_try(ledger: Ledger) -> None:
    ledger.fail(StageName.CHUNKS, "mail", 1, "ParseFailed", "no", fingerprint="f", recipe=RECIPE.hash)
    assert surplus(ledger, stored("mail", "f"), stored("mail", "g")) == ["g"]


def test_the_artifact_that_attachments_lie_in_is_needed_for_their_sake(ledger: Ledger) -> None:
    complete(ledger, "mail", "new")
    inside = replace(arrival("mail!//01-offer.pdf"), parent="mail", parent_fingerprint="old")
    ledger.register([inside])
    kept = [stored("mail", "old", StageName.PARSED_PAGES), stored("mail", "old", StageName.PARSED_PAGES, "a" * 64)]
    assert surplus(ledger, *kept, stored("mail", "older", StageName.PARSED_PAGES)) == ["older"]


def test_a_ledger_without_documents(settings: Callable[..., Settings]) -> None:
    with Ledger.open(settings(ledger=f"sqlite:///{settings().home}/empty.sqlite").ledger_url) as ledger:
        assert surplus(ledger, stored("a", "x")) == ["x"]
        assert Needed.of(ledger, datetime.now(UTC)).surplus([]) == []
