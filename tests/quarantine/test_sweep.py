"""Stores that do not let a sweep do its work: the documents stay as they are, and nobody asks for ever."""

from __future__ import annotations

from typing import Any

import pytest

from docpipe.consistency import _quarantine_differences
from docpipe.errors import BucketDenied, BucketUnavailable, TransientError
from docpipe.ledger.quarantine import ConfinementState
from docpipe.models import DocumentStatus
from docpipe.quarantine import sweep as sweeping
from docpipe.quarantine.sweep import is_due
from tests.quarantine.site import TEXT, Site

pytestmark = pytest.mark.parametrize("site", ["folder"], indirect=True)


def deny(site: Site, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise BucketDenied("not allowed")

    monkeypatch.setattr(site.pipeline.bucket, method, denied)


def switch(site: Site, *, on: bool) -> None:
    site.pipeline.settings = site.pipeline.settings.model_copy(update={"quarantine": on})


def test_without_the_right_to_copy_documents_stay_failed(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.fail()
    with monkeypatch.context() as patch:
        deny(site, patch, "copy")
        with pytest.raises(BucketDenied):
            site.sweep()
        assert "DOCPIPE_QUARANTINE=false" in caplog.text
        assert (site.document().status, site.objects()) == (DocumentStatus.FAILED, {"bad": TEXT})
        assert list(_quarantine_differences(site.pipeline)) == []
        switch(site, on=False)
        assert not is_due(site.pipeline)
        assert site.sweep() == []
        switch(site, on=True)
    assert [one.key for one in site.sweep()] == ["bad"]


def test_without_the_right_to_delete_a_newer_upload_is_a_document_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fail()
    with monkeypatch.context() as patch:
        deny(site, patch, "delete")
        with pytest.raises(BucketDenied):
            site.sweep()
        assert (site.document().status, set(site.objects())) == (DocumentStatus.QUARANTINED, {"bad", "_quarantine/bad"})
        site.look()
        assert (site.document().status, site.document().generation) == (DocumentStatus.QUARANTINED, 1)
        assert list(_quarantine_differences(site.pipeline)) == []
        switch(site, on=False)
        assert not is_due(site.pipeline)
        switch(site, on=True)
        site.put("bad", b"newer")
        site.look()
        assert (site.document().status, site.document().generation) == (DocumentStatus.PENDING, 2)
    site.sweep()
    assert site.objects() == {"bad": b"newer"}


def test_what_cannot_be_moved_fails_the_sweep_and_not_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad", "good", "worse"):
        site.fail(name)
    stock = site.pipeline.bucket.copy

    def copy(info: Any, key: str) -> Any:
        if info.key == "bad":
            raise BucketUnavailable("a bad block")
        return stock(info, key)

    with monkeypatch.context() as patch:
        patch.setattr(site.pipeline.bucket, "copy", copy)
        with pytest.raises(TransientError, match=r"1 documents stay where they are until the next sweep; bad: a bad block"):
            site.sweep()
    assert [site.confinement(name).state for name in ("bad", "good", "worse")] == [
        ConfinementState.MOVING,
        ConfinementState.HELD,
        ConfinementState.HELD,
    ]
    assert [one.key for one in site.sweep()] == ["bad"]


def test_a_store_that_is_away_is_not_asked_for_every_document(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in range(6):
        site.fail(f"bad{name}")
    asked: list[str] = []

    def away(info: Any, key: str) -> None:
        asked.append(key)
        raise BucketUnavailable("away")

    monkeypatch.setattr(sweeping, "PAGE", 2)
    with monkeypatch.context() as patch:
        patch.setattr(site.pipeline.bucket, "copy", away)
        for _ in range(2):
            with pytest.raises(TransientError, match="2 documents stay"):
                site.sweep()
    assert len(asked) == 4
    assert len(site.sweep()) == 6


def test_a_sweep_has_an_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in range(5):
        site.fail(f"bad{name}")
    monkeypatch.setattr(sweeping, "PAGE", 1)
    monkeypatch.setattr(sweeping, "MOST", 3)
    assert [len(site.sweep()) for _ in range(2)] == [3, 2]
    assert not is_due(site.pipeline)
