"""Against a real HTTP server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from docpipe.alerts import webhook_sink
from docpipe.alerts.state import NoticeKind
from docpipe.alerts.webhook_sink import WebhookSink
from docpipe.errors import ConfigurationError, TransientError
from docpipe.settings import Settings
from tests.alerts.notices import notice
from tests.scripted_server import Reply, ScriptedServer, serve

MakeSettings = Callable[..., Settings]
Posted = list[tuple[str, str, Mapping[str, Any]]]


@pytest.fixture
def posted() -> Posted:
    return []


@pytest.fixture
def hook(posted: Posted) -> Iterator[ScriptedServer]:
    """A server that takes everything that is posted."""
    server = ScriptedServer()

    def answer(path: str, key: str, body: Mapping[str, Any]) -> Callable[[], Reply]:
        posted.append((path, key, body))
        return lambda: Reply(204)

    with serve(server, answer):
        yield server


@pytest.fixture
def sink(hook: ScriptedServer, settings: MakeSettings) -> WebhookSink:
    return WebhookSink(settings(alert_webhook=f"{hook.url}/hook?token=s3cret", alert_webhook_header="Authorization: Bearer k3y"))


def test_a_notice_is_posted_whole(sink: WebhookSink, posted: Posted) -> None:
    sink.send(notice())
    sink.send(notice(kind=NoticeKind.RESOLVED))
    (path, key, body), (_, _, resolved) = posted
    assert (path, key) == ("/v1/hook?token=s3cret", "k3y")
    assert body == {
        "id": notice().id,
        "alert": "waits",
        "state": "firing",
        "severity": "critical",
        "labels": {"lane": "cpu"},
        "value": 4000.0,
        "text": "[critical] waits firing: 4,000 s on lane=cpu",
        "at": "2026-11-22T12:00:00+00:00",
    }
    assert resolved["state"] == "resolved"
    assert resolved["id"] != body["id"]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_is_tried_again_and_tells_no_secret(sink: WebhookSink, hook: ScriptedServer, status: int) -> None:
    hook.always = Reply(status, b"s3cret" * 1_000)
    with pytest.raises(TransientError, match=f"answered {status}") as caught:
        sink.send(notice())
    assert "s3cret" not in str(caught.value)


def test_a_redirect_is_not_followed(sink: WebhookSink, hook: ScriptedServer, posted: Posted) -> None:
    hook.replies.append(Reply(307, headers={"Location": f"{hook.url}/elsewhere"}))
    with pytest.raises(TransientError, match="answered 307"):
        sink.send(notice())
    assert [path for path, _, _ in posted] == ["/v1/hook?token=s3cret"]


def test_a_server_that_hangs_up_or_says_nothing(sink: WebhookSink, hook: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hook.replies.append(Reply(reset=True))
    with pytest.raises(TransientError, match="not reached") as caught:
        sink.send(notice())
    assert "s3cret" not in str(caught.value)
    monkeypatch.setattr(webhook_sink, "SECONDS", 0.2)
    hook.always = Reply(204, seconds=3)
    with pytest.raises(TransientError, match="Timeout"):
        sink.send(notice())


def test_no_server_at_all(settings: MakeSettings) -> None:
    with pytest.raises(TransientError, match="ConnectError"):
        WebhookSink(settings(alert_webhook="http://127.0.0.1:9/hook")).send(notice())


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_webhook": "ftp://s3cret"},
        {"alert_webhook_header": "s3cret"},
        {"alert_webhook_header": "X-Key: a\nX-Other: s3cret"},
        {"alert_email_to": "somebody"},
        {"alert_email_to": "a@b\nBcc: s3cret@d"},
        {"clean_cron": "at night"},
        {"clean_cron": "* * * *"},
    ],
    ids=["webhook", "header", "two headers", "address", "two addresses", "cron", "four fields"],
)
def test_wrong_settings_are_named_and_never_shown(settings: MakeSettings, wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=f"DOCPIPE_{next(iter(wrong)).upper()}") as caught:
        settings(**wrong)
    assert "s3cret" not in str(caught.value)
