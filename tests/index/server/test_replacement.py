"""What a reader of a server finds while a document is replaced or deleted: every order of their requests, every kill between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from unittest.mock import patch

import pytest

from docpipe.index import Entry, Fusion, IndexWriter, Selection
from docpipe.index.server import ServerReader, ServerWriter, head, reader, writer
from tests.index.entries import COLLECTION, axis, entry
from tests.index.local_server import CHANGES, LOCAL_MODE_WARNINGS, LocalServer, Request

pytestmark = LOCAL_MODE_WARNINGS

Writing = tuple[str, int, str]
"""Key, generation and class, which tells two writings of one generation apart."""
Found = dict[Writing, int]
"""Number of passages by writing."""
State = frozenset[tuple[Writing, int]]

OTHER = entry("other", passages=1)
PLACES = 4
"""Requests of a search before each of which the writer may go on: two rounds have so many."""


@dataclass(frozen=True)
class Change:
    """What the index holds, and what a writer makes of it."""

    before: Sequence[Entry]
    do: Callable[[IndexWriter], None]
    after: Sequence[Entry]


CHANGE = {
    "new generation": Change([entry("a", 1, 4)], lambda index: index.replace([entry("a", 2, 4)]), [entry("a", 2, 4)]),
    "fewer passages": Change([entry("a", 1, 5)], lambda index: index.replace([entry("a", 2, 2)]), [entry("a", 2, 2)]),
    "more passages": Change([entry("a", 1, 2)], lambda index: index.replace([entry("a", 2, 5)]), [entry("a", 2, 5)]),
    "same generation": Change(
        [entry("a", 1, 4)],
        lambda index: index.replace([entry("a", 1, 4, document_class="invoice")]),
        [entry("a", 1, 4, document_class="invoice")],
    ),
    "same generation, fewer passages": Change(
        [entry("a", 1, 5)],
        lambda index: index.replace([entry("a", 1, 2, document_class="invoice")]),
        [entry("a", 1, 2, document_class="invoice")],
    ),
    "older generation": Change([entry("a", 9, 4)], lambda index: index.replace([entry("a", 1, 3)]), [entry("a", 1, 3)]),
    "first generation": Change([], lambda index: index.replace([entry("a", 1, 4)]), [entry("a", 1, 4)]),
    "two documents": Change(
        [entry("a", 1, 2), entry("b", 1, 2)],
        lambda index: index.replace([entry("a", 2, 2), entry("b", 2, 2)]),
        [entry("a", 2, 2), entry("b", 2, 2)],
    ),
    "nothing left": Change([entry("a", 1, 4)], lambda index: index.replace([Entry("a", 2, {})]), []),
    "deleted": Change([entry("a", 1, 4)], lambda index: index.delete(["a"]), []),
    "older than what is kept": Change([entry("a", 1, 4)], lambda index: index.delete(["a"], keep={"a": 2}), []),
    "kept": Change([entry("a", 2, 4)], lambda index: index.delete(["a"], keep={"a": 2}), [entry("a", 2, 4)]),
}

every_change = pytest.mark.parametrize("change", CHANGE.values(), ids=[name.replace(" ", "-") for name in CHANGE])


@pytest.fixture(autouse=True)
def small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document takes several requests, as a long one does."""
    monkeypatch.setattr(writer, "POINTS_A_REQUEST", 3)


def opened(server: LocalServer, before: Callable[[Request], None] | None = None) -> ServerWriter:
    return ServerWriter(server.client(before), COLLECTION, "here", upserts_at_once=1)


def holding(entries: Sequence[Entry]) -> LocalServer:
    """A server that has held these documents for long."""
    server = LocalServer()
    with patch("docpipe.index.server.head.time.time", return_value=0.0):
        opened(server).replace([*entries, OTHER])
    return server


def requests_of(change: Change) -> list[Request]:
    """The requests of a change that change something, in their order."""
    sent: list[Request] = []
    server = holding(change.before)
    change.do(opened(server, sent.append))
    server.close()
    return [request for request in sent if request.name in CHANGES]


def found(server: LocalServer, limit: int, before: Callable[[Request], None] | None = None) -> Found:
    """All passages that a search finds, when it may bring no more than `limit`."""
    matches = ServerReader(server.client(before), COLLECTION, "here").search(
        axis(0), "zebra lighthouse pump invoice glacier a b other", limit, Selection(), Fusion(candidates=limit)
    )
    return Counter((match.payload["key"], match.payload["generation"], match.payload["document_class"]) for match in matches)


def complete(entries: Sequence[Entry]) -> Found:
    return {(one.key, one.generation, str(one.payload["document_class"])): len(one.passages) for one in [*entries, OTHER]}


def assert_whole(change: Change, seen: Found) -> None:
    """Each document is there in one writing with all its passages, and no other document is lost over it."""
    old, new = complete(change.before), complete(change.after)
    for key in {writing[0] for writing in [*old, *new]}:
        allowed = [{writing: n for writing, n in state.items() if writing[0] == key} for state in (old, new)]
        assert {writing: n for writing, n in seen.items() if writing[0] == key} in allowed
    assert {writing[0] for writing in seen} <= {writing[0] for writing in [*old, *new]}


def room_for(change: Change) -> int:
    """As many passages as there are living ones: one dead point too many and a living one has no place."""
    return max(sum(complete(entries).values()) for entries in (change.before, change.after))


@every_change
def test_a_search_between_any_two_requests_of_a_change(change: Change) -> None:
    server = holding(change.before)
    seen: list[Found] = []
    change.do(opened(server, lambda _: seen.append(found(server, room_for(change)))))
    seen.append(found(server, room_for(change)))
    for one in seen:
        assert_whole(change, one)
    assert seen[0] == complete(change.before)
    assert seen[-1] == complete(change.after)
    server.close()


@every_change
def test_a_change_between_any_two_requests_of_a_search(change: Change) -> None:
    """Every way to spread the requests of the change over the beginning of the search and the gaps between its requests."""
    requests = requests_of(change)
    tried: set[tuple[int, ...]] = set()
    for steps in spread(len(requests), PLACES):
        if any(steps[:places] in tried for places in range(PLACES)):
            continue
        server = holding(change.before)
        writer_goes_on = Replay(server, requests, steps)
        assert_whole(change, found(server, room_for(change), writer_goes_on.before))
        # What was planned for later than the end of the search makes no difference.
        tried.add(steps[: writer_goes_on.place])
        server.close()


class Replay:
    """Makes so many of the writer's requests before each request of a search."""

    def __init__(self, server: LocalServer, requests: Sequence[Request], steps: Sequence[int]) -> None:
        self._server = server
        self._remaining = iter(requests)
        self._steps = steps
        self.place = 0

    def before(self, request: Request) -> None:
        if request.name in {"query_batch_points", "retrieve"} and self.place < len(self._steps):
            for one in islice(self._remaining, self._steps[self.place]):
                self._server.answer(one)
            self.place += 1


def spread(requests: int, places: int) -> Iterator[tuple[int, ...]]:
    """Every way to put up to so many requests into so many places."""
    return (steps for steps in product(range(requests + 1), repeat=places) if sum(steps) <= requests)


@every_change
def test_a_call_that_was_killed_between_any_two_requests_heals(change: Change) -> None:
    again: list[tuple[Callable[[IndexWriter], None], Sequence[Entry]]] = [
        (change.do, change.after),
        (lambda index: index.replace([entry("a", 3, 3)]), [entry("a", 3, 3)]),
        (lambda index: index.delete(["a", "b"]), []),
    ]
    for survived, (heal, expected) in product(range(len(requests_of(change)) + 1), again):
        server = holding(change.before)
        kill_after(server, change, survived)
        assert_whole(change, found(server, room_for(change)))
        heal(opened(server))
        if heal is not change.do:
            # What came with the other document is not what this is about.
            opened(server).delete(["b"])
        assert found(server, 50) == complete(expected)
        stored = ServerReader(server.client(), COLLECTION, "here").inventory()
        assert sorted(stored) == sorted((one.key, one.generation, len(one.passages)) for one in [*expected, OTHER])
        assert heads(server) == {one.key for one in [*expected, OTHER]}
        server.close()


class Killed(BaseException):
    """No handler of errors gets to see a SIGKILL."""


def kill_after(server: LocalServer, change: Change, survived: int) -> None:
    left = survived

    def count(request: Request) -> None:
        nonlocal left
        if request.name in CHANGES:
            if not left:
                raise Killed
            left -= 1

    with suppress(Killed):
        change.do(opened(server, count))


def heads(server: LocalServer) -> set[str]:
    points, _ = server.store.scroll(COLLECTION.name, limit=100)
    return {point.payload["head"] for point in points if point.payload and "head" in point.payload}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("new generation", [("a", 1, 4), ("a", 2, 4), ("other", 1, 1)]),
        ("same generation", [("a", 1, 8), ("other", 1, 1)]),
        ("first generation", [("a", 1, 0), ("other", 1, 1)]),
    ],
)
def test_what_a_killed_call_left_is_seen_in_the_inventory(change: str, left: list[tuple[str, int, int]]) -> None:
    server = holding(CHANGE[change].before)
    kill_after(server, CHANGE[change], 2)
    assert sorted(ServerReader(server.client(), COLLECTION, "here").inventory()) == left
    server.close()


def test_a_document_whose_head_somebody_deleted_is_missed() -> None:
    server = holding([entry("a", 1, 3)])
    server.store.delete(COLLECTION.name, [head.head_id("a")])
    assert sorted(ServerReader(server.client(), COLLECTION, "here").inventory()) == [("a", 1, 0), ("other", 1, 1)]
    assert found(server, 9) == complete([])
    opened(server).replace([entry("a", 1, 3)])
    assert found(server, 9) == complete([entry("a", 1, 3)])
    server.close()


def test_many_dead_points_do_not_crowd_out_the_living() -> None:
    """A long document is being written for the first time; its points are nearer than anything else."""
    server = holding([entry("a", 1, 8)])
    kill_after(server, Change([], lambda index: index.replace([entry("long", 1, 400)]), []), 100)
    assert found(server, 9) == complete([entry("a", 1, 8)])
    server.close()


def test_a_document_that_changes_all_the_time_is_never_shown_twice() -> None:
    server = holding([entry("a", 1, 3)])
    index = opened(server)
    generation = 1

    def change(request: Request) -> None:
        nonlocal generation
        if request.name == "retrieve":
            generation += 1
            index.replace([entry("a", generation, 3)])

    seen = found(server, 9, change)
    assert generation == reader.MOST_ROUNDS + 1
    assert seen == complete([])
    assert found(server, 9) == complete([entry("a", generation, 3)])
    server.close()


def test_only_a_search_that_meets_a_new_head_asks_twice() -> None:
    server = holding([entry("a", 1, 3)])
    sent: list[Request] = []
    assert found(server, 9, sent.append) == complete([entry("a", 1, 3)])
    assert [request.name for request in sent[2:]] == ["query_batch_points", "retrieve"]
    opened(server).replace([entry("a", 2, 3)])
    sent.clear()
    assert found(server, 9, sent.append) == complete([entry("a", 2, 3)])
    assert [request.name for request in sent[2:]] == ["query_batch_points", "retrieve"] * 2
    server.close()


def test_passages_are_those_of_the_writing_that_is_believed() -> None:
    change = CHANGE["same generation, fewer passages"]
    wanted = [("a", 1, number) for number in range(5)]
    for survived in range(len(requests_of(change)) + 1):
        server = holding(change.before)
        kill_after(server, change, survived)
        classes = [one["document_class"] for one in ServerReader(server.client(), COLLECTION, "here").passages(wanted)]
        assert classes in (["report"] * 5, ["invoice"] * 2)
        server.close()
