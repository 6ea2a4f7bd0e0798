"""The client's local mode as a server that several clients use, and whose every request tests can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest
from qdrant_client import QdrantClient

LOCAL_MODE_WARNINGS = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]
"""It says once a process what it lacks; a server does not."""

CHANGES = ("upsert", "delete")
"""Requests that change points."""


@dataclass(frozen=True)
class Request:
    """One call of the client."""

    name: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]


class LocalServer:
    """One store in memory."""

    def __init__(self) -> None:
        self.store = QdrantClient(":memory:")

    def client(self, before: Callable[[Request], None] | None = None, after: Callable[[Request], None] | None = None) -> QdrantClient:
        """A client that shows its requests before they are sent and after they were answered; closing it leaves the store alone."""
        return cast("QdrantClient", _Client(self, before, after))

    def answer(self, request: Request) -> Any:
        return getattr(self.store, request.name)(*request.arguments, **request.options)

    def close(self) -> None:
        self.store.close()


class _Client:
    def __init__(self, server: LocalServer, before: Callable[[Request], None] | None, after: Callable[[Request], None] | None) -> None:
        self._server = server
        self._before = before
        self._after = after

    def close(self) -> None:
        """Leave the store to the others."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            request = Request(name, arguments, options)
            if self._before:
                self._before(request)
            answer = self._server.answer(request)
            if self._after:
                self._after(request)
            return answer

        return call
