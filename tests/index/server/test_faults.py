"""What only the server engine has to stand: a network, and a server that refuses, hangs, goes away or lies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexUnavailable, PermanentError
from docpipe.index import Fusion, Match, Selection, open_reader, open_writer
from docpipe.index.collection import DENSE, SPARSE
from docpipe.index.server import ServerCatalog, ServerReader, ServerWriter, reader, writer
from docpipe.settings import Settings
from tests.index.entries import COLLECTION, axis, entry
from tests.index.http_server import Answer, Hang, HangUp, QdrantServer
from tests.index.local_server import LOCAL_MODE_WARNINGS

pytestmark = LOCAL_MODE_WARNINGS

POINTS = f"/collections/{COLLECTION.name}/points"


def always(answer: Answer | Exception) -> Callable[[str, str], Answer]:
    def fault(_method: str, _path: str) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fault


def nth(number: int, method: str, path: str, answer: Answer | Exception) -> Callable[[str, str], Answer | None]:
    """A fault at one request of this kind, counted from 1."""
    lock, count = threading.Lock(), 0

    def fault(asked: str, where: str) -> Answer | None:
        nonlocal count
        if (asked, where) != (method, path):
            return None
        with lock:
            count += 1
            if count != number:
                return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fault


def opened(server: QdrantServer) -> ServerWriter:
    return ServerWriter(server.client(), COLLECTION, "the server")


def found(server: QdrantServer) -> list[Match]:
    with closing(ServerReader(server.client(), COLLECTION, "the server")) as reader:
        return reader.search(axis(0), "zebra", 50, Selection())


def stored(server: QdrantServer) -> list[tuple[str, int, int]]:
    with closing(ServerReader(server.client(), COLLECTION, "the server")) as reader:
        return sorted(reader.inventory())


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        pytest.param((503, {}, b"busy"), IndexUnavailable, "busy", id="busy"),
        pytest.param((500, {}, b'{"status":{"error":"No space left on device"}}'), IndexFull, "free space", id="no-space"),
        pytest.param((507, {}, b"full"), IndexFull, "free space", id="insufficient-storage"),
        pytest.param((401, {}, b"no"), ConfigurationError, "DOCPIPE_QDRANT_API_KEY", id="unknown-key"),
        pytest.param((403, {}, b"no"), ConfigurationError, "DOCPIPE_QDRANT_API_KEY", id="read-only-key"),
        pytest.param((400, {}, b"what"), ConfigurationError, "what", id="refused"),
        pytest.param((404, {}, b"<html>not here</html>"), ConfigurationError, "DOCPIPE_QDRANT_URL", id="another-server"),
        pytest.param((200, {}, b"<html>hello</html>"), IndexUnavailable, "did not answer as it should", id="html"),
        pytest.param((200, {}, b'{"result": null, "status": "ok", "time": 0}'), IndexUnavailable, "did not answer as it should", id="null"),
        pytest.param((200, {}, b"\xff\xfe"), IndexUnavailable, "did not answer as it should", id="bytes"),
        pytest.param((200, {}, b'{"result": 7}'), IndexUnavailable, "did not answer as it should", id="another-type"),
        pytest.param((429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"{}"), IndexUnavailable, "Retry-After", id="retry-date"),
        pytest.param((429, {}, b"{}"), IndexUnavailable, "cannot serve now", id="slow-down"),
        pytest.param(HangUp(done=False), IndexUnavailable, "did not answer as it should", id="hung-up"),
    ],
)
def test_every_way_to_fail_has_its_policy(server: QdrantServer, answer: Answer | Exception, error: type[Exception], message: str) -> None:
    server.fault = always(answer)
    for open_engine in (ServerWriter, ServerReader):
        with pytest.raises(error, match=message):
            open_engine(server.client(), COLLECTION, "the server")
    with closing(ServerCatalog(server.client(), COLLECTION.alias, "the server")) as catalog:
        with pytest.raises(error, match=message):
            catalog.listed()
        with pytest.raises(DocpipeError):
            catalog.activate(COLLECTION.name)
        with pytest.raises(DocpipeError):
            catalog.drop(COLLECTION.name)


def test_a_server_that_hangs_is_given_up(server: QdrantServer) -> None:
    server.fault = always(Hang())
    with pytest.raises(IndexUnavailable, match="timed out"):
        ServerReader(server.client(timeout=1), COLLECTION, "the server")


def test_a_server_may_say_when_to_come_back(server: QdrantServer) -> None:
    server.fault = always((429, {"Retry-After": "7"}, b"{}"))
    with pytest.raises(IndexUnavailable) as caught:
        ServerReader(server.client(), COLLECTION, "the server")
    assert caught.value.retry_after == 7


def test_a_server_that_speaks_no_tls_is_unavailable(server: QdrantServer) -> None:
    client = QdrantClient(url=server.url.replace("http:", "https:"), check_compatibility=False)
    with pytest.raises(IndexUnavailable, match="SSL"):
        ServerReader(client, COLLECTION, "the server")


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_a_server_that_is_not_there_is_transient(server: QdrantServer, settings: Callable[..., Settings]) -> None:
    port = server.url.rpartition(":")[2]
    server.fault = always(HangUp(done=False))
    made = settings(qdrant_url=f"http://user:hidden@127.0.0.1:{port}", qdrant_api_key="hidden")
    for open_engine in (open_reader, open_writer):
        with pytest.raises(IndexUnavailable, match=f"http://127.0.0.1:{port}") as caught, open_engine(made):
            pass
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("key", ["hidden\n", "hid\0den", " hidden", "hiddén"], ids=["line-break", "nul", "blank", "letter"])
def test_a_key_that_no_header_can_carry_is_not_shown(settings: Callable[..., Settings], key: str) -> None:
    made = settings(qdrant_url="http://127.0.0.1:9", qdrant_api_key=key)
    with pytest.raises(ConfigurationError, match="DOCPIPE_QDRANT_API_KEY") as caught, open_reader(made):
        pass
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:6333", "http://", "ftp://host", "http://host:port"])
def test_a_url_that_is_none_says_how_to_write_one(settings: Callable[..., Settings], url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://localhost:6333"), open_writer(settings(qdrant_url=url)):
        pass


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param((400, {}, b"because"), PermanentError, id="refused"),
        pytest.param((404, {}, b"because"), IndexUnavailable, id="gone"),
        pytest.param((503, {}, b"because"), IndexUnavailable, id="busy"),
        pytest.param((500, {}, b"because"), IndexUnavailable, id="broken"),
        pytest.param((507, {}, b"because"), IndexFull, id="full"),
        pytest.param((403, {}, b"because"), ConfigurationError, id="key"),
        pytest.param((429, {"Retry-After": "3"}, b"because"), IndexUnavailable, id="slow-down"),
        pytest.param((200, {}, b"because"), IndexUnavailable, id="nonsense"),
        pytest.param(HangUp(done=False), IndexUnavailable, id="hung-up-before"),
        pytest.param(HangUp(done=True), IndexUnavailable, id="hung-up-after"),
    ],
)
def test_a_write_that_fails_in_the_middle_leaves_the_old_version_and_heals(
    server: QdrantServer, monkeypatch: pytest.MonkeyPatch, answer: Answer | Exception, error: type[Exception]
) -> None:
    monkeypatch.setattr(writer, "POINTS_A_REQUEST", 2)
    with closing(opened(server)) as index:
        index.replace([entry("a", passages=4), entry("b")])
        server.fault = nth(3, "PUT", POINTS, answer)
        with pytest.raises(error):
            index.replace([entry("a", generation=2, passages=8)])
        server.fault = lambda _method, _path: None
        assert {(match.payload["key"], match.payload["generation"]) for match in found(server)} == {("a", 1), ("b", 1)}
        index.replace([entry("a", generation=2, passages=8)])
        assert stored(server) == [("a", 2, 8), ("b", 1, 3)]


def test_a_storm_of_errors_is_outlasted(server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call gets one request further than the one before; whatever it left, the document is there once."""
    monkeypatch.setattr(writer, "POINTS_A_REQUEST", 2)
    with closing(opened(server)) as index:
        index.replace([entry("a", passages=4)])
    served = left = 0

    def storm(_method: str, _path: str) -> Answer | None:
        nonlocal left
        left -= 1
        return (500, {}, b"storm") if left < 0 else None

    for served in range(30):
        left = served
        server.fault = storm
        try:
            with closing(ServerWriter(server.client(), COLLECTION, "the server", upserts_at_once=1)) as index:
                index.replace([entry("a", generation=2, passages=4)])
        except IndexUnavailable:
            done = False
        else:
            done = True
        server.fault = lambda _method, _path: None
        assert [match.payload["generation"] for match in found(server)] in ([1] * 4, [2] * 4)
        if done:
            break
    assert served > 5
    assert stored(server) == [("a", 2, 4)]


def test_searches_beside_a_writer_find_each_document_once(server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "POINTS_A_REQUEST", 2)
    # However the threads are scheduled, the search shall not be the one that gives up.
    monkeypatch.setattr(reader, "MOST_ROUNDS", 1_000)
    generations = 12

    def write() -> None:
        with closing(opened(server)) as index:
            for generation in range(2, generations + 1):
                index.replace([entry("a", generation, 3 + generation % 3)])

    with closing(opened(server)) as index:
        index.replace([entry("a", 1, 4), entry("b", 1, 2)])
    writing = threading.Thread(target=write)
    writing.start()
    seen: list[int] = []
    with closing(ServerReader(server.client(), COLLECTION, "the server")) as looking:
        while writing.is_alive() or not seen:
            counts = Counter((one.payload["key"], one.payload["generation"]) for one in looking.search(axis(0), "zebra", 8, Selection()))
            assert counts.pop(("b", 1)) == 2
            ((_, generation), count), *doubled = counts.items()
            assert not doubled
            assert count == 3 + generation % 3
            seen.append(generation)
    writing.join()
    assert seen == sorted(seen)
    assert stored(server) == [("a", generations, 3 + generations % 3), ("b", 1, 2)]


def test_a_process_that_is_killed_while_it_replaces_a_document(server: QdrantServer) -> None:
    with closing(opened(server)) as index:
        index.replace([entry("a"), entry("b")])
    script = (
        "import sys\nfrom qdrant_client import QdrantClient\nfrom docpipe.index.server import ServerWriter\n"
        "from tests.index.entries import COLLECTION, entry\n"
        "index = ServerWriter(QdrantClient(url=sys.argv[1], check_compatibility=False), COLLECTION, 'the server')\n"
        "print('ready', flush=True)\nindex.replace([entry('a', 2, 5)])\n"
    )
    command = [sys.executable, "-c", script, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as child:
        assert child.stdout
        child.stdout.readline()
        kill = nth(2, "PUT", POINTS, HangUp(done=False))

        def kill_before_the_switch(method: str, path: str) -> Answer | None:
            try:
                return kill(method, path)
            except HangUp:
                child.kill()
                raise

        server.fault = kill_before_the_switch
        assert child.wait(60) == -9
    server.fault = lambda _method, _path: None
    assert {(match.payload["key"], match.payload["generation"]) for match in found(server)} == {("a", 1), ("b", 1)}
    with closing(opened(server)) as index:
        index.replace([entry("a", 3, 2)])
    assert stored(server) == [("a", 3, 2), ("b", 1, 3)]


def test_upserts_go_out_several_at_a_time(server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "POINTS_A_REQUEST", 1)
    met = threading.Barrier(writer.UPSERTS_AT_ONCE, timeout=20)

    def wait(method: str, path: str) -> None:
        if (method, path) == ("PUT", POINTS) and not met.broken and met.n_waiting < met.parties and not passed.is_set():
            met.wait()
            passed.set()

    passed = threading.Event()
    server.fault = wait
    with closing(opened(server)) as index:
        index.replace([entry("a", passages=8)])
    assert passed.is_set()
    assert stored(server) == [("a", 1, 8)]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param([], id="no-answers"),
        pytest.param([{"points": []}], id="too-few"),
        pytest.param([{"points": []}] * 4, id="too-many"),
        pytest.param([{"points": [{"id": True}]}] * 3, id="no-points"),
        pytest.param({"points": []}, id="no-list"),
        pytest.param(None, id="null"),
    ],
)
def test_a_search_that_is_answered_with_nonsense(server: QdrantServer, result: object) -> None:
    with closing(opened(server)) as index:
        index.replace([entry("a")])
    body = json.dumps({"result": result, "status": "ok", "time": 0}).encode()
    server.fault = nth(1, "POST", f"{POINTS}/query/batch", (200, {}, body))
    with pytest.raises(IndexUnavailable, match="did not answer as it should"):
        found(server)


@pytest.mark.parametrize(
    "payload", [{}, {"head": "a"}, {"head": "a", "revision": "x", "since": 0}, {"head": "a", "revision": None, "since": 0}]
)
def test_a_head_that_is_none(server: QdrantServer, payload: dict[str, object]) -> None:
    with closing(opened(server)) as index:
        index.replace([entry("a")])
    body = json.dumps({"result": [{"id": 1, "payload": payload}], "status": "ok", "time": 0}).encode()
    server.fault = nth(1, "POST", POINTS, (200, {}, body))
    with pytest.raises(IndexUnavailable, match="did not answer as it should"):
        found(server)


def test_a_collection_that_somebody_deleted_is_made_anew_by_the_next_writer(server: QdrantServer) -> None:
    with closing(opened(server)) as index, closing(ServerReader(server.client(), COLLECTION, "the server")) as reader:
        index.replace([entry("a")])
        assert len(reader.search(axis(0), "zebra", 5, Selection())) == 3
        server.store.delete_collection(COLLECTION.name)
        with pytest.raises(IndexUnavailable, match="check --repair"):
            index.replace([entry("b")])
        with pytest.raises(IndexUnavailable, match="check --repair"):
            reader.search(axis(0), "zebra", 5, Selection())
        with pytest.raises(IndexUnavailable, match="check --repair"):
            list(reader.inventory())
    assert found(server) == []
    assert stored(server) == []
    with closing(opened(server)) as index:
        index.replace([entry("b")])
    assert stored(server) == [("b", 1, 3)]
    with closing(ServerCatalog(server.client(), COLLECTION.alias, "the server")) as catalog:
        assert [one.active for one in catalog.listed()] == [True]


@pytest.mark.parametrize(
    ("size", "record"),
    [
        pytest.param(4, dict(COLLECTION.record), id="dimension"),
        pytest.param(4, {}, id="no-record"),
        pytest.param(4, {"schema": 2}, id="half"),
    ],
)
def test_a_collection_that_somebody_changed_is_nobodys_document_to_blame(
    server: QdrantServer, size: int, record: dict[str, object]
) -> None:
    with closing(opened(server)) as index:
        index.replace([entry("a")])
        server.store.delete_collection(COLLECTION.name)
        server.store.create_collection(
            COLLECTION.name,
            {DENSE: models.VectorParams(size=size, distance=models.Distance.COSINE)},
            {SPARSE: models.SparseVectorParams()},
            metadata=record,
        )
        with pytest.raises(ConfigurationError, match=COLLECTION.name):
            index.replace([entry("b")])
    for open_engine in (ServerWriter, ServerReader):
        with pytest.raises(ConfigurationError, match=COLLECTION.name):
            open_engine(server.client(), COLLECTION, "the server")


def test_two_writers_may_create_the_collection_at_once(server: QdrantServer) -> None:
    with closing(opened(server)) as first, closing(opened(server)) as second:
        first.replace([entry("a")])
        second.replace([entry("b")])
        second.delete(["a"])
        first.delete(["nobody"])
    assert stored(server) == [("b", 1, 3)]


def test_another_process_may_be_faster_between_looking_and_creating(server: QdrantServer) -> None:
    def faster(method: str, path: str) -> None:
        if (method, path) == ("PUT", f"/collections/{COLLECTION.name}"):
            server.fault = lambda _method, _path: None
            with closing(opened(server)) as other:
                other.replace([entry("a")])

    server.fault = faster
    with closing(opened(server)) as index:
        index.replace([entry("b")])
    assert stored(server) == [("a", 1, 3), ("b", 1, 3)]


def test_a_search_says_how_wide_to_look_and_how_to_weigh(server: QdrantServer) -> None:
    with closing(opened(server)) as index:
        index.replace([entry("a")])
    with closing(ServerReader(server.client(), COLLECTION, "the server")) as reader:
        reader.search(axis(0), "zebra", 5, Selection(), Fusion(candidates=30, k=7, dense=1.5, sparse=1.0, breadth=99))
        reader.search(axis(0), "", 5, Selection(), Fusion(k=7, dense=1.5))
    (hybrid, *_), *_, (by_meaning, *_) = (
        body["searches"] for (_, path), body in zip(server.seen, server.bodies, strict=True) if path == f"{POINTS}/query/batch"
    )
    assert hybrid["query"] == {"rrf": {"k": 7, "weights": [1.5, 1.0]}}
    assert [(side["using"], side["limit"]) for side in hybrid["prefetch"]] == [(DENSE, 30), (SPARSE, 30)]
    assert hybrid["prefetch"][0]["params"]["hnsw_ef"] == 99
    assert by_meaning["query"] == {"rrf": {"k": 7, "weights": [1.5]}}


def test_vectors_are_sent_as_they_are(server: QdrantServer) -> None:
    one = entry("a", passages=1)
    assert one.vectors is not None
    one.vectors[:] = np.linspace(0.1, 0.8, 8, dtype=np.float32)
    with closing(opened(server)) as index:
        index.replace([one])
    (point,) = (body["points"][0] for body in server.bodies if body and "points" in body and DENSE in body["points"][0]["vector"])
    expected = one.vectors[0] / np.linalg.norm(one.vectors[0])
    assert np.asarray(point["vector"][DENSE], dtype=np.float32) == pytest.approx(expected, abs=1e-6)
