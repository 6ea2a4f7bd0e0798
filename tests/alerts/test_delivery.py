"""Every notice arrives at least once, whatever the other ways do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from docpipe.alerts.delivery import GIVEN_UP, deliver
from docpipe.alerts.notice import Notice
from docpipe.errors import TransientError
from docpipe.ledger import Ledger
from docpipe.settings import Settings
from tests.alerts.notices import notice


class Recorder:
    """A way that fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[str] = []
        self.tried = 0

    def send(self, notice: Notice) -> None:
        self.tried += 1
        if self.failures:
            self.failures -= 1
            raise TransientError("out of order")
        self.sent.append(notice.message)


@pytest.fixture
def ledger(settings: Callable[..., Settings]) -> Iterator[Ledger]:
    with Ledger.open(settings().ledger_url) as opened:
        yield opened


def enter(ledger: Ledger, *texts: str, sinks: tuple[str, ...] = ("log", "webhook"), at: datetime | None = None) -> None:
    for text in texts:
        for sink in sinks:
            ledger.add_notice(notice(sink=sink, message=text, at=at or datetime.now(UTC)))


def make_due(ledger: Ledger) -> None:
    for one, _ in ledger.unsent_notices():
        ledger.postpone_notice(one.number, -1, "made due")


def test_each_goes_once_by_each_way_in_order(ledger: Ledger) -> None:
    enter(ledger, "one", "two")
    sinks = {"log": Recorder(), "webhook": Recorder()}
    for _ in range(2):
        deliver(ledger, sinks, 30)
    assert sinks["log"].sent == sinks["webhook"].sent == ["one", "two"]
    assert ledger.unsent_notices() == []


def test_one_that_fails_keeps_no_other_waiting_and_comes_again(ledger: Ledger) -> None:
    enter(ledger, "one", "two")
    sinks = {"log": Recorder(), "webhook": Recorder(failures=1)}
    made = deliver(ledger, sinks, 30)
    assert (sinks["log"].sent, sinks["webhook"].sent, sinks["webhook"].tried) == (["one", "two"], [], 1)
    assert made.failed == ["[critical] waits firing by webhook: out of order"]
    assert [error for _, error in ledger.unsent_notices()] == ["out of order", ""]
    # The first one rests for a while, the second is due.
    deliver(ledger, sinks, 30)
    assert sinks["webhook"].sent == ["two"]
    make_due(ledger)
    deliver(ledger, sinks, 30)
    assert sinks["webhook"].sent == ["two", "one"]
    assert sinks["log"].sent == ["one", "two"]


def test_one_that_takes_all_the_time_leaves_the_others_their_turn(ledger: Ledger) -> None:
    enter(ledger, "one", "two", sinks=("email", "log", "webhook"))
    sinks = {name: Recorder() for name in ("email", "log", "webhook")}
    deliver(ledger, sinks, -1)
    assert [sink.sent for sink in sinks.values()] == [["one"]] * 3
    deliver(ledger, sinks, 30)
    assert [sink.sent for sink in sinks.values()] == [["one", "two"]] * 3


def test_a_kill_after_sending_sends_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(ledger, "one", sinks=("log",))
    sinks = {"log": Recorder()}

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "end_notice", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver(ledger, sinks, 30)
    deliver(ledger, sinks, 30)
    assert sinks["log"].sent == ["one", "one"]
    assert ledger.unsent_notices() == []


def test_a_way_that_is_not_configured_any_more_keeps_nothing(ledger: Ledger) -> None:
    enter(ledger, "one", sinks=("email",))
    assert deliver(ledger, {"log": Recorder()}, 30).delivered == []
    assert ledger.unsent_notices() == []


def test_news_of_yesterday_is_given_up_after_a_last_try(ledger: Ledger) -> None:
    enter(ledger, "old", sinks=("webhook",), at=datetime.now(UTC) - GIVEN_UP - timedelta(hours=1))
    sinks = {"webhook": Recorder(failures=1)}
    deliver(ledger, sinks, 30)
    assert sinks["webhook"].tried == 1
    assert ledger.unsent_notices() == []


def test_what_was_postponed_by_a_clock_that_was_ahead_is_due(ledger: Ledger) -> None:
    enter(ledger, "one", sinks=("log",))
    for one, _ in ledger.unsent_notices():
        ledger.postpone_notice(one.number, 86_400 * 30, "a clock was a month ahead")
    sinks = {"log": Recorder()}
    deliver(ledger, sinks, 30)
    assert sinks["log"].sent == ["one"]
