"""What a vision model costs: reserved before it is asked, entered after it answered, and stopped by the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from docpipe.describe.openai_server import OpenAIVisionModel
from docpipe.describe.prompt import Prompt
from docpipe.errors import BudgetSpent, PermanentError, PriceMissing, TransientError
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.settings import Settings
from docpipe.stage import Lost, Made
from tests.describe.conftest import VisionSettings, server, vision_settings
from tests.describe.test_descriptions import described, undescribed
from tests.openai_server import OpenAIServer
from tests.scripted_server import Reply, failure

__all__ = ["server", "vision_settings"]

PICTURE = b"\x89PNG the picture"
PaidSettings = Callable[..., Settings]


@pytest.fixture
def paid(vision_settings: VisionSettings, tmp_path: Path) -> PaidSettings:
    """A million tokens read cost 1,000 dollars, written ones 10,000; a picture one cent."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("date: 2026-11-22\nproviders: {shop: {eyes: {input: 1000, output: 10000, picture: 0.01}}}")
    return lambda **others: vision_settings(**({"vision_provider": "shop", "prices": str(prices), "vision_seconds": 5} | others))


ANSWER = 100 * 0.001 + 20 * 0.01 + 0.01
"""Dollars for what the server bills of each answer."""


def paid_so_far(settings: Settings) -> tuple[int, int, float]:
    with Ledger.open(settings.ledger_url) as ledger:
        spent = ledger.spending(ledger.today())
    assert all((one.provider, one.stage) == ("shop", StageName.PARSED_PAGES) for one in spent)
    return sum(one.requests for one in spent), sum(one.tokens for one in spent), round(sum(one.usd for one in spent), 9)


def test_answers_are_paid_for_once(paid: PaidSettings, server: OpenAIServer, tmp_path: Path) -> None:
    settings = paid(budgets="shop=1000")
    for times in (1, 0):
        outcome = described(settings, tmp_path, undescribed(tmp_path, "a.pdf", unread=[2]))["a.pdf"]
        assert isinstance(outcome, Made)
        usage = outcome.effort.usage
        assert (usage.requests, usage.tokens, usage.usd) == pytest.approx((2 * times, 240 * times, 2 * ANSWER * times))
        assert outcome.effort.cpu_seconds > 0
    assert paid_so_far(settings) == pytest.approx((2, 240, 2 * ANSWER))


def test_without_money_nobody_is_asked_and_kept_answers_are_found(paid: PaidSettings, server: OpenAIServer, tmp_path: Path) -> None:
    described(paid(), tmp_path, undescribed(tmp_path, "a.pdf"))
    (tmp_path / "again").mkdir()
    documents = [undescribed(tmp_path / "again", name) for name in ("a.pdf", "longer.pdf")]
    outcomes = described(paid(budgets="shop=0"), tmp_path / "again", *documents)
    assert isinstance(outcomes["a.pdf"], Made)
    lost = outcomes["longer.pdf"]
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, BudgetSpent)
    assert len(server.asked) == 1


def test_a_document_that_waits_for_money_in_the_middle_keeps_its_answers(paid: PaidSettings, server: OpenAIServer, tmp_path: Path) -> None:
    # Enough for the figure, whose answer may have 600 tokens, and not for the pages, whose answers may have 4,000.
    (lost,) = described(paid(budgets="shop=10", vision_requests=1), tmp_path, undescribed(tmp_path, "a.pdf", unread=[1, 2])).values()
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, BudgetSpent)
    assert lost.effort.usage.usd == pytest.approx(ANSWER)
    (made,) = described(paid(budgets="shop=100", vision_requests=1), tmp_path, undescribed(tmp_path, "a.pdf", unread=[1, 2])).values()
    assert isinstance(made, Made)
    assert len(server.asked) == 3


def usage(fields: Mapping[str, Any]) -> Reply:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a picture"}}
    completion = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Reply(body=json.dumps(completion | dict(fields)).encode())


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"usage": None},
        {"usage": {"total_tokens": 120}},
        {"usage": {"prompt_tokens": -5, "completion_tokens": 20, "total_tokens": 15}},
        {"usage": {"prompt_tokens": 10**9, "completion_tokens": 20, "total_tokens": 10**9}},
        {"usage": {"prompt_tokens": 100, "completion_tokens": 10**6, "total_tokens": 10**6}},
    ],
    ids=["nothing", "null", "only a total", "negative", "too much read", "too much written"],
)
def test_usage_that_cannot_be_is_guessed(paid: PaidSettings, server: OpenAIServer, told: Mapping[str, Any]) -> None:
    settings = paid()
    server.replies.append(usage(told))
    model = OpenAIVisionModel(settings)
    said = model.ask(Prompt.FIGURE, PICTURE, "image/png")
    model.close()
    guess = len(Prompt.FIGURE.value.encode()) // 3 + 1_500
    assert (said.text, said.usage.input_tokens, said.usage.output_tokens) == ("a picture", guess, 600)
    assert paid_so_far(settings)[1] == guess + 600


def test_refusals_are_free_and_lost_answers_are_not(paid: PaidSettings, server: OpenAIServer) -> None:
    settings = paid(budgets="shop=1000")
    model = OpenAIVisionModel(settings)
    for reply, kind in [(failure(429), TransientError), (failure(400, "too small"), PermanentError)]:
        server.replies.append(reply)
        with pytest.raises(kind):
            model.ask(Prompt.FIGURE, PICTURE, "image/png")
    assert paid_so_far(settings) == (0, 0, 0.0)
    server.replies.append(Reply(reset=True))
    with pytest.raises(TransientError):
        model.ask(Prompt.FIGURE, PICTURE, "image/png")
    model.close()
    assert paid_so_far(settings)[0] == 1


def test_a_model_without_a_price_is_refused_before_it_is_asked(paid: PaidSettings, server: OpenAIServer) -> None:
    with pytest.raises(PriceMissing, match="ears of shop"):
        OpenAIVisionModel(paid(vision_model="ears"))
    assert not server.asked
