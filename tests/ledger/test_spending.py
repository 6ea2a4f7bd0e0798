from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from docpipe.ledger import Ledger
from docpipe.ledger.spending import Commitment, Cost, Spent
from docpipe.models import DocumentStatus, StageName
from docpipe.waiting_line import HELD
from tests.ledger import processes
from tests.ledger.arrivals import register

PROCESSES = 4
STAGE = StageName.EMBEDDINGS
DAY = date(2026, 11, 22)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
_forkserver = multiprocessing.get_context("forkserver")
_forkserver.set_forkserver_preload(["tests.ledger.processes"])


def test_a_budget_is_reserved_until_it_is_gone(ledger: Ledger) -> None:
    assert [ledger.reserve("openai", DAY, 0.4, 1.0) for _ in range(3)] == [True, True, False]
    assert ledger.reserve("openai", DAY, 0.2, 1.0), "what fits into the rest may go"
    assert ledger.reserve("azure", DAY, 1.0, 1.0), "providers do not share"
    assert ledger.reserve("openai", DAY + timedelta(days=1), 1.0, 1.0), "tomorrow is another day"


def test_what_was_really_paid_takes_the_place_of_what_was_reserved(ledger: Ledger) -> None:
    assert ledger.reserve("openai", DAY, 0.9, 1.0)
    assert not ledger.reserve("openai", DAY, 0.2, 1.0)
    ledger.spend("openai", DAY, STAGE, model="large", requests=1, tokens=10, usd=0.1, reserved=0.9)
    assert ledger.reserve("openai", DAY, 0.9, 1.0)
    ledger.spend("openai", DAY, STAGE, reserved=0.9)
    (left,) = ledger.commitments(DAY)
    assert (left.provider, round(left.usd, 9), left.refused_at) == ("openai", 0.1, 1.0)
    assert ledger.spending(DAY) == [Spent("2026-11-22", "openai", "large", STAGE, 1, 10, 0.1)]


def test_a_worker_that_dies_leaves_its_reservation(ledger: Ledger, ledger_url: str) -> None:
    with Ledger.open(ledger_url) as other:
        other.reserve("openai", DAY, 0.7, 1.0)
    assert not ledger.reserve("openai", DAY, 0.4, 1.0)
    assert ledger.spending(DAY) == []


def test_what_was_paid_without_a_budget_counts_when_there_is_one(ledger: Ledger) -> None:
    ledger.spend("openai", DAY, STAGE, requests=1, tokens=10, usd=2.0)
    assert not ledger.reserve("openai", DAY, 0.1, 1.0)


def test_days_providers_models_and_stages_stand_apart(ledger: Ledger) -> None:
    asked = [("openai", "large", STAGE), ("openai", "large", STAGE), ("openai", "eye", STAGE), ("azure", "large", STAGE)]
    for provider, model, stage in [*asked, ("openai", "large", "search")]:
        ledger.spend(provider, DAY, stage, model=model, requests=1, tokens=5, usd=0.5)
    ledger.spend("openai", DAY - timedelta(days=1), STAGE, requests=1, tokens=7, usd=0.25)
    ledger.spend("openai", DAY - timedelta(days=9), STAGE, requests=1, tokens=9, usd=9.0)
    assert ledger.spending(DAY - timedelta(days=6), DAY) == [
        Spent("2026-11-22", "azure", "large", STAGE, 1, 5, 0.5),
        Spent("2026-11-22", "openai", "eye", STAGE, 1, 5, 0.5),
        Spent("2026-11-22", "openai", "large", STAGE, 2, 10, 1.0),
        Spent("2026-11-22", "openai", "large", "search", 1, 5, 0.5),
        Spent("2026-11-21", "openai", "", STAGE, 1, 7, 0.25),
    ]


def test_models_of_a_provider_share_its_budget(ledger: Ledger) -> None:
    for model in ("large", "eye"):
        assert ledger.reserve("openai", DAY, 0.5, 1.0)
        ledger.spend("openai", DAY, STAGE, model=model, requests=1, tokens=10, usd=0.5, reserved=0.5)
    assert not ledger.reserve("openai", DAY, 0.1, 1.0)


def test_a_clock_put_back_over_midnight_gets_no_second_budget(ledger: Ledger) -> None:
    tomorrow = DAY + timedelta(days=1)
    assert ledger.reserve("openai", tomorrow, 1.0, 1.0)
    # It is the evening before after all.
    assert not ledger.reserve("openai", DAY, 0.1, 1.0)
    # A clock that was wrong by days leaves today alone.
    assert ledger.reserve("azure", DAY + timedelta(days=400), 1.0, 1.0)
    assert ledger.reserve("azure", DAY, 1.0, 1.0)


def test_two_processes_never_get_the_same_cent(ledger: Ledger, ledger_url: str) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=_forkserver) as pool:
        taken = sum(pool.map(processes.reserve_cents, [ledger_url] * PROCESSES, [DAY] * PROCESSES, [40] * PROCESSES))
    assert taken == 100
    (commitment,) = ledger.commitments(DAY)
    assert commitment.usd == pytest.approx(1.0)


def test_attempts_at_the_same_work_add_up(ledger: Ledger) -> None:
    (key,) = register(ledger, "a")
    work = {key: (1, "f", "r")}
    for _ in range(2):
        ledger.start(STAGE, work, "run")
        ledger.charge(STAGE, key, 1, Cost(1.0, 0.0, 0.25))
        ledger.give_back(key, 1, 99, "no money", not_before=MIDNIGHT, count=False)
    ledger.start(STAGE, work, "run")
    ledger.complete(STAGE, key, 1, "f", "r", {}, 1.0, "run", Cost(2.0, 3.0, 0.5))
    assert cost(ledger, key) == (4.0, 3.0, 1.0)
    # Found again: it costs nothing more.
    ledger.complete(STAGE, key, 1, "f", "r", {}, 1.0, "run")
    assert cost(ledger, key) == (4.0, 3.0, 1.0)


def test_work_that_is_done_anew_begins_at_nothing(ledger: Ledger) -> None:
    (key,) = register(ledger, "a")
    for fingerprint in ("f", "f", "g"):
        ledger.start(STAGE, {key: (1, fingerprint, "r")}, "run")
        ledger.complete(STAGE, key, 1, fingerprint, "r", {}, 1.0, "run", Cost(2.0, 0.0, 0.5))
        assert cost(ledger, key) == (2.0, 0.0, 0.5)


def test_what_fails_has_its_cost_too(ledger: Ledger) -> None:
    (key,) = register(ledger, "a")
    ledger.start(STAGE, {key: (1, "f", "r")}, "run")
    ledger.charge(STAGE, key, 1, Cost(None, None, 0.25))
    ledger.fail(STAGE, key, 1, "EmbeddingInvalid", "zero", fingerprint="f", recipe="r", cost=Cost(1.0, 0.0, 0.5))
    assert cost(ledger, key) == (1.0, 0.0, 0.75)


def cost(ledger: Ledger, key: str) -> tuple[float | None, float | None, float | None]:
    state = ledger.stage_states([key])[key, STAGE]
    return state.cpu_seconds, state.gpu_seconds, state.cost_usd


def test_those_that_wait_for_this_midnight_are_freed_and_others_wait_on(ledger: Ledger) -> None:
    keys = register(ledger, "money", "outage", "held", "far")
    ledger.queue("b", keys)
    until = dict(zip(keys, (MIDNIGHT, MIDNIGHT - timedelta(minutes=1), HELD, MIDNIGHT + timedelta(days=365)), strict=True))
    for key, moment in until.items():
        ledger.give_back(key, 1, 99, "waits", not_before=moment, count=False)
    ledger.reserve("openai", DAY, 2.0, 1.0)
    assert ledger.free("openai", DAY, MIDNIGHT) == 1
    assert ledger.commitments(DAY) == [Commitment("openai", 0.0, None)]
    assert ledger.free_beyond(MIDNIGHT + timedelta(days=1)) == 1
    assert ledger.free_beyond(MIDNIGHT + timedelta(days=1)) == 0
    waiting = {key: document.not_before for key, document in ledger.documents(keys).items()}
    assert waiting == {keys[0]: None, keys[1]: until[keys[1]], keys[2]: HELD, keys[3]: None}
    assert ledger.documents(keys)[keys[0]].error is None
    assert ledger.audit_trail(keys[0])[-1].status is DocumentStatus.PENDING
