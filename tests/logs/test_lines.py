from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from docpipe.logs.lines import JsonLines, TextLines
from docpipe.logs.log_context import current, log_context
from docpipe.logs.secrets import HIDDEN, Secrets

SECRETS = Secrets(["hush-word", "hush", "key"])


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("docpipe.parse", logging.WARNING, __file__, 1, message, arguments, None)
    made.__dict__.update(more)
    return made


def line(*arguments: Any, **more: Any) -> dict[str, Any]:
    text = JsonLines(SECRETS).format(record(*arguments, **more))
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_says_when_where_and_what() -> None:
    found = line("%d pages of %s\nand more", 3, "Füße")
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {"level": "warning", "logger": "docpipe.parse", "message": "3 pages of Füße\nand more"}


def test_a_line_says_what_it_is_about() -> None:
    with log_context(run="r1", batch="", stage="chunks"), log_context(document="a.pdf", nonsense="x"):
        found = line("cut")
        assert {name: found[name] for name in found if name not in ("time", "level", "logger", "message")} == {
            "run": "r1",
            "stage": "chunks",
            "document": "a.pdf",
        }
        # The line itself knows best.
        assert line("cut", document="b.pdf")["document"] == "b.pdf"
        text = TextLines(SECRETS).format(record("cut"))
        assert text.endswith("WARNING cut (stage=chunks run=r1 document=a.pdf)")
    assert current() == {}


def test_threads_of_a_pool_know_what_their_process_is_about_while_it_is_one_thing() -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(int).result()
        with log_context(run="r1"):
            assert pool.submit(current).result() == {"run": "r1"}

            def other() -> object:
                with log_context(run="r2"):
                    # Two at once: a thread of neither cannot tell which it works for.
                    return (current(), pool.submit(current).result())

            assert pool.submit(other).result() == ({"run": "r2"}, {})
            assert pool.submit(current).result() == {"run": "r1"}


def test_an_error_has_its_traceback() -> None:
    error = ValueError("wrong hush-word here")
    found = line("lost", exc_info=(ValueError, error, None))
    assert found["error"] == "ValueError"
    assert f"wrong {HIDDEN} here" in found["traceback"]


def test_secrets_are_hidden_wherever_they_stand() -> None:
    found = line("the hush-word of %s, a key", "hush", document="hush.pdf")
    assert found["message"] == f"the {HIDDEN} of {HIDDEN}, a key"
    assert found["document"] == f"{HIDDEN}.pdf"
    assert "hush" not in TextLines(SECRETS).format(record("the hush-word of %s", "hush", run="hush"))
