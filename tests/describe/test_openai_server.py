from __future__ import annotations

from collections.abc import Iterator

import pytest

from docpipe.describe.openai_server import OpenAIVisionModel
from docpipe.describe.prompt import Prompt
from docpipe.errors import ConfigurationError, DocpipeError, PermanentError, TransientError
from tests.describe.conftest import VisionSettings
from tests.openai_server import OpenAIServer
from tests.scripted_server import Reply, failure

PICTURE = b"\x89PNG the picture"


@pytest.fixture
def model(vision_settings: VisionSettings) -> Iterator[OpenAIVisionModel]:
    opened = OpenAIVisionModel(vision_settings(vision_seconds=5))
    yield opened
    opened.close()


def test_the_picture_and_the_question_arrive(model: OpenAIVisionModel, server: OpenAIServer) -> None:
    server.say = lambda asked: "  A bar chart\x00 of cargo.  "
    said = model.ask(Prompt.FIGURE, PICTURE, "image/png")
    assert (said.text, said.usage.tokens) == ("A bar chart of cargo.", 120)
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert (asked.key, asked.model, asked.prompt) == ("secret-key", "eyes", Prompt.FIGURE.value)
    assert (asked.picture, asked.media_type) == (PICTURE, "image/png")


def test_nothing_is_an_answer_too(model: OpenAIVisionModel, server: OpenAIServer) -> None:
    server.say = lambda asked: "NOTHING."
    assert model.ask(Prompt.PAGE, PICTURE, "image/png").text == ""


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (failure(429, "slow down", retry_after="7"), TransientError, "HTTP 429.*slow down"),
        (failure(500), TransientError, "HTTP 500"),
        (failure(503), TransientError, "HTTP 503"),
        (failure(408), TransientError, "HTTP 408"),
        (failure(429, "pay", code="insufficient_quota"), ConfigurationError, "credit"),
        (failure(401, "wrong key secret-key"), ConfigurationError, "DOCPIPE_VISION_KEY"),
        (failure(403), ConfigurationError, "DOCPIPE_VISION_KEY"),
        (failure(404), ConfigurationError, "DOCPIPE_VISION_MODEL"),
        (failure(400, "image too small"), PermanentError, "image too small"),
        (failure(413), PermanentError, "HTTP 413"),
        (Reply(body=b"<html>a proxy</html>", headers={"Content-Type": "text/html"}), TransientError, "no chat completion"),
        (Reply(body=b"{"), TransientError, "no answer"),
        (Reply(body=b"{}"), TransientError, "no chat completion"),
        (Reply(body=b'{"choices":[]}'), TransientError, "no chat completion"),
        (Reply(body=b'{"choices":[{"message":{"content":[1]}}]}'), TransientError, "no chat completion"),
        (
            Reply(body=b'{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"I will not"}}]}'),
            PermanentError,
            "I will not",
        ),
        (Reply(body=b'{"choices":[{"finish_reason":"content_filter","message":{"content":null}}]}'), PermanentError, "content filter"),
    ],
)
def test_what_the_server_answers_decides_what_is_done(
    model: OpenAIVisionModel, server: OpenAIServer, reply: Reply, kind: type[DocpipeError], message: str
) -> None:
    server.replies.append(reply)
    with pytest.raises(kind, match=message) as raised:
        model.ask(Prompt.FIGURE, PICTURE, "image/png")
    assert "secret-key" not in str(raised.value)
    assert len(server.asked) == 1, "retries are the caller's"
    if "retry-after" in reply.headers:
        assert isinstance(raised.value, TransientError)
        assert raised.value.retry_after == 7


def test_a_server_that_is_slow_or_away_may_come_back(vision_settings: VisionSettings, server: OpenAIServer) -> None:
    server.replies.append(Reply(seconds=1.0))
    for settings in (vision_settings(vision_seconds=0.2), vision_settings(vision_url="http://127.0.0.1:9/v1")):
        model = OpenAIVisionModel(settings)
        with pytest.raises(TransientError, match="did not answer"):
            model.ask(Prompt.FIGURE, PICTURE, "image/png")
        model.close()


def test_a_password_in_the_url_is_not_shown(vision_settings: VisionSettings) -> None:
    model = OpenAIVisionModel(vision_settings(vision_url="http://me:hidden@127.0.0.1:9/v1"))
    with pytest.raises(TransientError, match=r"http://127\.0\.0\.1:9/v1 did not answer") as raised:
        model.ask(Prompt.FIGURE, PICTURE, "image/png")
    model.close()
    assert "hidden" not in str(raised.value)
