"""The alias, bulk loading and the records of collections on a server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from qdrant_client import models

from docpipe.errors import ConfigurationError, IndexTooNew, IndexUnavailable
from docpipe.index import Collection
from docpipe.index.collection import SCHEMA
from docpipe.index.server import ServerCatalog, ServerReader, ServerWriter
from tests.index.entries import COLLECTION, entry
from tests.index.http_server import Answer, QdrantServer
from tests.index.local_server import LOCAL_MODE_WARNINGS

pytestmark = LOCAL_MODE_WARNINGS

OTHER = replace(COLLECTION, model_sha256="f" * 64, quantization="int8")


def write(server: QdrantServer, collection: Collection, key: str = "a") -> None:
    with closing(ServerWriter(server.client(), collection, "the server")) as index:
        index.replace([entry(key)])


def catalog(server: QdrantServer, patience: float = 60.0) -> ServerCatalog:
    return ServerCatalog(server.client(), COLLECTION.alias, "the server", patience, pause=0.001)


def listed(server: QdrantServer) -> dict[str, bool]:
    with closing(catalog(server)) as opened:
        return {one.collection.name: one.active for one in opened.listed()}


def bodies(server: QdrantServer, method: str, path: str) -> list[Any]:
    return [body for seen, body in zip(server.seen, server.bodies, strict=True) if seen == (method, path)]


def test_a_collection_beside_the_searched_one_is_loaded_without_a_graph(server: QdrantServer) -> None:
    write(server, COLLECTION)
    write(server, OTHER)
    (first,) = bodies(server, "PUT", f"/collections/{COLLECTION.name}")
    (second,) = bodies(server, "PUT", f"/collections/{OTHER.name}")
    assert first["optimizers_config"]["indexing_threshold"] == 10_000
    assert second["optimizers_config"]["indexing_threshold"] == 0
    assert second["quantization_config"]["scalar"]["type"] == "int8"
    assert first.get("quantization_config") is None


def test_searches_move_only_when_the_graph_is_built(server: QdrantServer) -> None:
    write(server, COLLECTION)
    write(server, OTHER)
    looks = building(server, OTHER, ["green", "yellow", "yellow", "grey", "green", "green", "green"])
    with closing(catalog(server)) as opened:
        opened.activate(OTHER.name)
    assert next(looks, None) is None
    assert bodies(server, "PATCH", f"/collections/{OTHER.name}")[-1]["optimizers_config"]["indexing_threshold"] == 10_000
    kinds = [seen for seen in server.seen if seen in {("POST", "/collections/aliases"), ("PATCH", f"/collections/{OTHER.name}")}]
    assert kinds[-2:] == [("PATCH", f"/collections/{OTHER.name}"), ("POST", "/collections/aliases")]
    (change,) = bodies(server, "POST", "/collections/aliases")[-1:]
    assert [next(iter(action)) for action in change["actions"]] == ["delete_alias", "create_alias"]
    assert listed(server) == {COLLECTION.name: False, OTHER.name: True}


@pytest.mark.parametrize(("status", "message"), [("yellow", "still builds"), ("red", "cannot build")])
def test_searches_stay_where_they_are_when_the_graph_is_not_built(server: QdrantServer, status: str, message: str) -> None:
    write(server, COLLECTION)
    write(server, OTHER)
    building(server, OTHER, [status] * 100_000)
    with closing(catalog(server, patience=0)) as opened, pytest.raises(IndexUnavailable, match=message):
        opened.activate(OTHER.name)
    server.fault = lambda _method, _path: None
    assert listed(server) == {COLLECTION.name: True, OTHER.name: False}


def building(server: QdrantServer, collection: Collection, statuses: list[str]) -> Iterator[str]:
    """Show these statuses one after the other from the moment on at which the graph is asked for."""
    remaining = iter(statuses)
    begun = False

    def fault(method: str, path: str) -> Answer | None:
        nonlocal begun
        if path != f"/collections/{collection.name}":
            return None
        begun = begun or method == "PATCH"
        if not begun or method != "GET":
            return None
        info = server.store.get_collection(collection.name).model_copy(update={"status": models.CollectionStatus(next(remaining, "green"))})
        return 200, {}, b'{"result": ' + info.model_dump_json().encode() + b', "status": "ok", "time": 0}'

    server.fault = fault
    return remaining


def test_others_and_older_ones_are_passed_over_and_said(server: QdrantServer, caplog: pytest.LogCaptureFixture) -> None:
    write(server, COLLECTION)
    foreign(server, "documents-of-somebody", {"owner": "somebody"})
    foreign(server, "documents-fedcba98", {"owner": "somebody"})
    foreign(server, "documents-01234567", {**COLLECTION.record, "schema": SCHEMA - 1})
    foreign(server, "documentsOfAnotherAlias", {})
    with caplog.at_level(logging.WARNING, "docpipe"):
        assert listed(server) == {COLLECTION.name: True}
    named = ("documents-fedcba98", "documents-01234567", "documents-of-somebody", "AnotherAlias")
    assert [name in caplog.text for name in named] == [True, True, False, False]
    with closing(catalog(server)) as opened:
        with pytest.raises(ConfigurationError, match="no collection"):
            opened.activate("documents-of-somebody")
        for name in ("documents-of-somebody", "documentsOfAnotherAlias"):
            with pytest.raises(ConfigurationError, match="no collection"):
                opened.drop(name)
        opened.drop("documents-01234567")
    assert not server.store.collection_exists("documents-01234567")


def test_a_newer_one_stops_everything(server: QdrantServer) -> None:
    write(server, COLLECTION)
    server.store.update_collection(COLLECTION.name, metadata={"schema": SCHEMA + 1})
    with closing(catalog(server)) as opened, pytest.raises(IndexTooNew, match="upgrade"):
        opened.listed()
    for open_engine in (ServerReader, ServerWriter):
        with pytest.raises(IndexTooNew, match="upgrade"):
            open_engine(server.client(), COLLECTION, "the server")


def foreign(server: QdrantServer, name: str, record: dict[str, object]) -> None:
    server.store.create_collection(name, {"dense": models.VectorParams(size=4, distance=models.Distance.DOT)}, metadata=record)


def test_a_writer_that_was_killed_before_it_set_the_alias_is_made_good(server: QdrantServer) -> None:
    write(server, COLLECTION)
    forget_alias(server)
    assert listed(server) == {COLLECTION.name: False}
    write(server, COLLECTION, "b")
    assert listed(server) == {COLLECTION.name: True}


def test_an_alias_that_somebody_deleted_is_not_given_to_either_of_two(server: QdrantServer) -> None:
    write(server, COLLECTION)
    write(server, OTHER)
    forget_alias(server)
    write(server, OTHER, "b")
    assert listed(server) == {COLLECTION.name: False, OTHER.name: False}
    with closing(catalog(server)) as opened:
        opened.activate(COLLECTION.name)
    assert listed(server) == {COLLECTION.name: True, OTHER.name: False}


def forget_alias(server: QdrantServer) -> None:
    server.store.update_collection_aliases([models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=COLLECTION.alias))])


def test_a_collection_that_bears_the_name_of_the_alias_is_in_the_way(server: QdrantServer) -> None:
    foreign(server, COLLECTION.alias, {})
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=COLLECTION.alias):
            write(server, COLLECTION)


def test_the_record_follows_a_model_that_was_moved(server: QdrantServer) -> None:
    write(server, COLLECTION)
    write(server, replace(COLLECTION, embedder="/elsewhere/model"), "b")
    with closing(catalog(server)) as opened:
        assert [one.collection.embedder for one in opened.listed()] == ["/elsewhere/model"]
    with closing(ServerReader(server.client(), COLLECTION, "the server")) as reader:
        assert len(list(reader.inventory())) == 2
