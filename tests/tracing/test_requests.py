"""Requests to providers are spans of the work that needs them, whichever thread or event loop sends them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from docpipe.describe.openai_server import OpenAIVisionModel
from docpipe.describe.prompt import Prompt
from docpipe.embed.embedder import open_embedder
from docpipe.settings import Settings
from docpipe.tracing import flush_traces, span
from tests.embed.api_settings import MakeSettings, api_settings, server
from tests.embedding_server import EmbeddingServer
from tests.openai_server import openai_server
from tests.scripted_server import failure
from tests.trace_receiver import Receiver

__all__ = ["api_settings", "server"]


def test_embeddings(received: Receiver, api_settings: MakeSettings, server: EmbeddingServer) -> None:
    server.replies.append(failure(503, "hush, later"))
    with span("stage embeddings"):
        open_embedder(api_settings()).embed(["a", "b"])
    flush_traces()
    (stage,) = received.named("stage embeddings")
    requests = received.named("request to the embedding model")
    assert [(one.parent, one.attributes["gen_ai.request.model"]) for one in requests] == [(stage.id, "tiny")] * 2
    assert sorted(bool(one.failed) for one in requests) == [False, True]
    assert "secret-key" not in repr(received.spans)
    assert "hush" not in repr(received.spans)


def test_pictures(received: Receiver, settings: Callable[..., Settings]) -> None:
    with openai_server() as asked, ThreadPoolExecutor(1) as pool:
        model = OpenAIVisionModel(settings(vision_url=asked.url, vision_model="eyes", vision_key="secret-key"))
        # The thread is older than the work.
        pool.submit(int).result()
        with span("stage parsed_pages"):
            pool.submit(model.ask, next(iter(Prompt)), b"picture", "image/png").result()
        model.close()
    flush_traces()
    (stage,) = received.named("stage parsed_pages")
    (request,) = received.named("request to the vision model")
    assert request.parent == stage.id
    assert request.attributes["url.full"] == asked.url
