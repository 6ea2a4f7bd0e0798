from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from docpipe.cost.price_table import ModelPrice
from docpipe.cost.tariff import Tariff
from docpipe.cost.till import SEARCH, Till, paid_for
from docpipe.embed.api.openai_requests import OpenAIRequests
from docpipe.embed.embedder import open_embedder
from docpipe.embed.model import find_model
from docpipe.errors import BudgetSpent, EmbedderUnavailable, TransientError
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.settings import Settings
from tests.cost import processes
from tests.cost.paid_settings import DOLLARS_A_TOKEN, MakeSettings, paid_settings, server
from tests.embedding_server import EmbeddingServer, tokens_of
from tests.scripted_server import Reply, failure

__all__ = ["paid_settings", "server"]

STAGE = StageName.EMBEDDINGS
TEXTS = [f"text number {number}" for number in range(30)]
GUESS = 5 * len(TEXTS)
"""Tokens: a third of the bytes, where the server bills three."""
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["tests.cost.processes"])


def embed(settings: Settings, texts: list[str], stage: str = STAGE) -> list[Exception]:
    """Embed texts for a stage; returns the errors."""
    with paid_for(stage):
        return [part.error for part in open_embedder(settings).embed_parts(texts) if part.error]


def books(settings: Settings) -> tuple[int, int, float, float]:
    """Requests, tokens and dollars that the ledger has, and dollars that are spent or reserved."""
    with Ledger.open(settings.ledger_url) as ledger:
        spent, committed = ledger.spending(ledger.today()), ledger.commitments(ledger.today())
    assert {one.provider for one in spent} | {one.provider for one in committed} <= {"shop"}
    assert {one.model for one in spent} <= {"tiny"}
    sums = (sum(one.requests for one in spent), sum(one.tokens for one in spent), sum(one.usd for one in spent))
    return *sums, sum(one.usd for one in committed)


def test_what_is_paid_stands_in_the_ledger(paid_settings: MakeSettings) -> None:
    settings = paid_settings(budgets="shop=1")
    assert not embed(settings, TEXTS)
    dollars = tokens_of(TEXTS) * DOLLARS_A_TOKEN
    assert books(settings) == pytest.approx((1, tokens_of(TEXTS), dollars, dollars))


def test_without_money_nothing_is_sent(paid_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = paid_settings(budgets="shop=0.01")
    (error,) = embed(settings, TEXTS)
    assert isinstance(error, BudgetSpent)
    assert "one request may cost 0.15 US dollars, more than the budget of shop (0.01 US dollars a day): raise DOC" in str(error)
    assert (server.asked, books(settings)) == ([], (0, 0, 0, 0))
    assert not embed(settings, ["one two three four"])
    (error,) = embed(settings, ["five six seven eight"])
    assert str(error).endswith("00:00 UTC: the budget of shop (0.01 US dollars a day) is spent")
    assert len(server.asked) == 1


def test_a_budget_of_nothing_stops_everything(paid_settings: MakeSettings, server: EmbeddingServer) -> None:
    assert embed(paid_settings(budgets="shop=0"), TEXTS)
    assert not server.asked


def test_queries_are_counted_and_never_stopped(paid_settings: MakeSettings) -> None:
    settings = paid_settings(budgets="shop=0")
    assert not embed(settings, ["what is it"], stage=SEARCH)
    assert books(settings)[:2] == (1, 3)


def test_a_storm_of_refusals_costs_nothing(paid_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = paid_settings(budgets="shop=0.2", max_attempts=9)
    server.replies.extend([failure(429, retry_after_ms="1"), failure(503), failure(500), failure(408)] * 2)
    assert not embed(settings, TEXTS)
    assert len(server.asked) == 9
    dollars = tokens_of(TEXTS) * DOLLARS_A_TOKEN
    assert books(settings) == pytest.approx((1, tokens_of(TEXTS), dollars, dollars))


def test_an_answer_that_was_lost_may_have_been_billed(paid_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = paid_settings(budgets="shop=1")
    server.replies.extend([Reply(reset=True), Reply(body=b'{"data": []}', sent=5), Reply(body=b"<html>")])
    with pytest.raises(EmbedderUnavailable):
        embed(settings, TEXTS)
    dollars = 3 * GUESS * DOLLARS_A_TOKEN
    assert books(settings) == pytest.approx((3, 3 * GUESS, dollars, dollars))


def test_a_server_that_cannot_be_reached_is_not_paid(paid_settings: MakeSettings) -> None:
    settings = paid_settings(budgets="shop=1", embed_url="http://127.0.0.1:1/v1")
    with pytest.raises(EmbedderUnavailable):
        embed(settings, TEXTS)
    assert books(settings) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "usage",
    [None, [], {}, {"total_tokens": -(10**6)}, {"total_tokens": 10**9}, {"total_tokens": 10**400}, {"total_tokens": 1.5}],
    ids=["none", "a list", "empty", "negative", "huge", "beyond all numbers", "a fraction"],
)
def test_a_server_that_lies_about_usage_is_paid_what_was_guessed(
    paid_settings: MakeSettings, server: EmbeddingServer, usage: object
) -> None:
    settings = paid_settings(budgets="shop=1")
    server.change = lambda fields: fields | {"usage": usage}
    assert not embed(settings, TEXTS)
    assert books(settings) == pytest.approx((1, GUESS, GUESS * DOLLARS_A_TOKEN, GUESS * DOLLARS_A_TOKEN))


def test_what_nobody_waits_for_any_more_is_not_set_aside_for_ever(paid_settings: MakeSettings, server: EmbeddingServer) -> None:
    settings = paid_settings(budgets="shop=1", embed_requests_per_minute=1, embed_requests=9)
    server.always = Reply(seconds=0.3)

    async def cancelled_when(requests: OpenAIRequests, text: str, begun: Callable[[], bool]) -> None:
        task = asyncio.create_task(requests.embed([text], 5, None))
        while not begun():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def cancel_two() -> None:
        requests = OpenAIRequests(settings, find_model(settings))
        # The first is under way and may be billed; the second waits for the next minute, and never went out.
        await cancelled_when(requests, "one", lambda: len(server.asked) == 1)
        await cancelled_when(requests, "two", lambda: books(settings)[3] > 7 * DOLLARS_A_TOKEN)
        await requests.close()

    with paid_for(STAGE):
        asyncio.run(cancel_two())
    assert len(server.asked) == 1
    assert books(settings) == pytest.approx((1, 5, 5 * DOLLARS_A_TOKEN, 5 * DOLLARS_A_TOKEN))


def test_two_processes_race_for_the_last_cent(server: EmbeddingServer, tmp_path: Path, paid_settings: MakeSettings) -> None:
    # A request of one text is guessed at 5 tokens and bills 3: of 60 tokens' worth of money, one of each process may be set aside.
    limit = 60 * DOLLARS_A_TOKEN
    arguments = [(server.url, tmp_path / name / "home", f"sqlite:///{tmp_path / 'shared.sqlite'}", limit) for name in ("one", "two")]
    with ProcessPoolExecutor(2, mp_context=_forkserver) as pool:
        done = sum(pool.map(processes.embed_one_by_one, *zip(*arguments, strict=True)))
    assert len(server.asked) == done
    assert 18 <= done <= 20
    requests, tokens, dollars, committed = books(paid_settings(ledger=f"sqlite:///{tmp_path / 'shared.sqlite'}"))
    assert (requests, tokens) == (done, 3 * done)
    assert dollars == pytest.approx(committed)
    assert dollars <= limit


def test_what_cannot_be_entered_at_once_is_entered_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    tariff = Tariff("shop", "tiny", ModelPrice(input=1000), 1.0)
    till = Till(tariff, url)
    usage = tariff.usage(input_tokens=10)

    def away(*_: object, **__: object) -> None:
        raise TransientError("the database does not answer")

    with paid_for(STAGE), Ledger.open(url) as ledger:
        first, second = till.reserve(usage), till.reserve(usage)
        with monkeypatch.context() as broken:
            broken.setattr(Ledger, "spend", away)
            till.pay(first, usage)
        assert not ledger.spending(ledger.today())
        till.pay(second, usage)
        (spent,) = ledger.spending(ledger.today())
        assert (spent.requests, spent.tokens) == (2, 20)
        with monkeypatch.context() as broken:
            broken.setattr(Ledger, "spend", away)
            till.pay(till.reserve(usage), usage)
        till.close()
        (spent,) = ledger.spending(ledger.today())
    assert (spent.requests, spent.tokens) == (3, 30), "the last one when the till is closed"
