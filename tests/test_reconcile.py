"""The merge against plain sets, and its memory against a large bucket."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpipe import reconcile as reconcile_module
from docpipe.admit import admit
from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import BucketUnavailable, DocumentRefused, ParseFailed, Superseded
from docpipe.ledger import KnownObject, Ledger
from docpipe.models import DocumentStatus, ObjectInfo
from docpipe.reconcile import Arrived, Gone, differences, reconcile
from docpipe.settings import Settings

_keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)
_side = st.dictionaries(_keys, st.tuples(st.sampled_from(["e1", "e2"]), st.integers(0, 1), st.sampled_from(["", "v1"])), max_size=30)


@given(_side, _side)
def test_the_merge_equals_the_sets(listed: dict[str, tuple[str, int, str]], known: dict[str, tuple[str, int, str]]) -> None:
    objects = [ObjectInfo(key, size, etag, version) for key, (etag, size, version) in sorted(listed.items(), key=_bytes)]
    rows = [KnownObject(f"of {key}", key, identity, DocumentStatus.INDEXED) for key, identity in sorted(known.items(), key=_bytes)]
    found = list(differences(iter(objects), iter(rows)))
    arrived = [one.info.key for one in found if isinstance(one, Arrived)]
    gone = [(one.key, one.object_key) for one in found if isinstance(one, Gone)]
    assert set(arrived) == {key for key, identity in listed.items() if known.get(key) != identity}
    assert set(gone) == {(f"of {key}", key) for key in known.keys() - listed.keys()}
    assert len(found) == len(set(arrived)) + len(set(gone))
    # A cut at any difference leaves the ones before it complete.
    order = [one.info.key if isinstance(one, Arrived) else one.object_key for one in found]
    assert order == sorted(order, key=str.encode)


def _bytes(item: tuple[str, object]) -> bytes:
    return item[0].encode()


def test_a_hundred_thousand_objects_take_no_memory() -> None:
    def objects() -> Iterator[ObjectInfo]:
        return (ObjectInfo(f"folder/{number:06}", 10, "e") for number in range(100_000))

    def rows() -> Iterator[KnownObject]:
        wrong = {5, 50_000}
        names = (number for number in range(100_001) if number != 7)
        return (KnownObject("k", f"folder/{n:06}", ("old" if n in wrong else "e", 10, ""), DocumentStatus.INDEXED) for n in names)

    tracemalloc.start()
    try:
        found = [one for one in differences(objects(), rows())]  # noqa: C416 - the iteration is what is measured
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one.info.key if isinstance(one, Arrived) else one.object_key for one in found] == [
        "folder/000005",
        "folder/000007",
        "folder/050000",
        "folder/100000",
    ]
    assert peak < 1_000_000


@pytest.fixture
def place(settings: Callable[..., Settings]) -> Iterator[tuple[Settings, Bucket, Ledger]]:
    made = settings()
    with Ledger.open(made.ledger_url) as ledger:
        yield made, open_bucket(made.bucket_url, made), ledger


def test_what_a_look_reports(place: tuple[Settings, Bucket, Ledger]) -> None:
    settings, bucket, ledger = place
    bucket.write("a.txt", b"text")
    bucket.write("b.txt", b"")
    first = reconcile(bucket, ledger, settings)
    assert (first.listed, first.gone, first.resume_after) == (2, [], "")
    assert {one.key: one.status for one in first.registered} == {"a.txt": DocumentStatus.PENDING, "b.txt": DocumentStatus.REFUSED}
    assert reconcile(bucket, ledger, settings).registered == []
    bucket.delete("a.txt")
    assert reconcile(bucket, ledger, settings).gone == ["a.txt"]


def test_an_object_that_goes_away_between_listing_and_reading_is_passed_over(
    place: tuple[Settings, Bucket, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, bucket, ledger = place
    bucket.write("a.txt", b"text")
    bucket.write("b.txt", b"text")

    def gone(info, read, settings, pool):  # type: ignore[no-untyped-def]
        if info.key == "a.txt":
            bucket.delete("a.txt")
        return admit(info, read, settings, pool)

    monkeypatch.setattr(reconcile_module, "admit", gone)
    assert [one.key for one in reconcile(bucket, ledger, settings).registered] == ["b.txt"]
    assert ledger.find("a.txt") is None


def test_one_closed_object_does_not_keep_the_others_waiting(
    place: tuple[Settings, Bucket, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, bucket, ledger = place
    bucket.write("a.txt", b"text")
    bucket.write("b.txt", b"text")

    def closed(info, read, settings, pool):  # type: ignore[no-untyped-def]
        if info.key == "a.txt":
            raise DocumentRefused("permission for a.txt is missing")
        return admit(info, read, settings, pool)

    monkeypatch.setattr(reconcile_module, "admit", closed)
    found = {one.key: (one.status, one.error) for one in reconcile(bucket, ledger, settings).registered}
    assert found == {"a.txt": (DocumentStatus.REFUSED, "permission for a.txt is missing"), "b.txt": (DocumentStatus.PENDING, None)}


def test_a_bucket_that_fails_midway_has_nothing_counted_as_gone(
    place: tuple[Settings, Bucket, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, bucket, ledger = place
    for name in "abc":
        bucket.write(name, b"text")
    reconcile(bucket, ledger, settings)
    whole = list(bucket.list())

    def breaks(after: str = "", prefix: str = "") -> Iterator[ObjectInfo]:
        yield whole[0]
        raise Superseded("broken off")

    monkeypatch.setattr(bucket, "list", breaks)
    with pytest.raises(Superseded):
        reconcile(bucket, ledger, settings)
    assert {one.status for one in ledger.all_documents()} == {DocumentStatus.PENDING}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BucketUnavailable("the disk does not answer"), None),
        (ParseFailed("not readable with this key"), "not readable with this key"),
        (RuntimeError("a library gave up"), "cannot be looked into (RuntimeError)"),
    ],
)
def test_trouble_with_one_object_never_stops_the_look(
    place: tuple[Settings, Bucket, Ledger], monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str | None
) -> None:
    settings, bucket, ledger = place
    bucket.write("a.txt", b"text")
    bucket.write("b.txt", b"text")

    def troubled(info, read, settings, pool):  # type: ignore[no-untyped-def]
        if info.key == "a.txt":
            raise error
        return admit(info, read, settings, pool)

    monkeypatch.setattr(reconcile_module, "admit", troubled)
    found = {one.key: one.error for one in reconcile(bucket, ledger, settings).registered}
    assert found.pop("b.txt") is None
    # What may pass is left to the next look; what will not is refused with the reason.
    assert (found == {}) if expected is None else str(found["a.txt"]).startswith(expected)
