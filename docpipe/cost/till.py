"""The till before a paid model: no request without money for it, and an entry for everything that was paid."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from docpipe.cost.budget import budget_spent
from docpipe.cost.tariff import Tariff
from docpipe.cost.usage import NO_USAGE, Usage
from docpipe.errors import DocpipeError, TransientError
from docpipe.ledger import Ledger
from docpipe.openai_api import is_unpaid

log = logging.getLogger(__name__)

SEARCH = "search"
"""The stage that queries are entered under: they are counted, and never stopped."""

_stage: ContextVar[str] = ContextVar("stage", default=SEARCH)


@contextlib.contextmanager
def paid_for(stage: str) -> Iterator[None]:
    """Requests begun within the block are this stage's. Threads that were started outside of it know nothing of it."""
    token = _stage.set(stage)
    try:
        yield
    finally:
        _stage.reset(token)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one request."""

    stage: str
    guess: Usage
    """What the request takes at most, as far as anyone can tell before."""
    day: date | None = None
    """None where nothing was set aside, since there is no limit."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the ledger has yet to be told."""

    reservation: Reservation
    usage: Usage | None
    """None: nothing was paid."""


class Till:
    """One model's; safe for threads. What cannot be entered at once is entered with what comes next."""

    def __init__(self, tariff: Tariff, ledger_url: str) -> None:
        """Opens the ledger when it is first needed."""
        self.tariff = tariff
        self._ledger_url = ledger_url
        self._ledger: Ledger | None = None
        self._opening = threading.Lock()
        self._owed: deque[_Entry] = deque()

    def reserve(self, guess: Usage) -> Reservation:
        """Set aside what a request may cost; raises `BudgetSpent`, or `TransientError` where the ledger does not answer."""
        stage, limit, provider = _stage.get(), self.tariff.limit, self.tariff.provider
        if limit is None or stage == SEARCH or not guess.usd:
            return Reservation(stage, guess)
        ledger = self._open()
        day = ledger.today()
        if not ledger.reserve(provider, day, guess.usd, limit):
            raise budget_spent(provider, limit, day, guess.usd)
        return Reservation(stage, guess, day)

    def pay(self, reservation: Reservation, usage: Usage) -> None:
        """Enter what the request cost, in the place of what was set aside; queries that cost nothing are not worth an entry."""
        if usage.usd or reservation.stage != SEARCH:
            self._enter(_Entry(reservation, usage))

    def give_back(self, reservation: Reservation) -> None:
        """The request was refused, or never arrived: nothing is paid for it."""
        if reservation.day is not None:
            self._enter(_Entry(reservation, None))

    def fail(self, reservation: Reservation, error: DocpipeError) -> Usage:
        """The request failed: give back what it cannot have cost, else enter the guess; returns what was entered."""
        if is_unpaid(error):
            self.give_back(reservation)
            return NO_USAGE
        self.pay(reservation, reservation.guess)
        return reservation.guess

    def close(self) -> None:
        """Enter what is still owed, if the ledger answers by now, and let go of it."""
        self._settle()
        with self._opening:
            if self._ledger is not None:
                self._ledger.close()

    def _enter(self, entry: _Entry) -> None:
        self._owed.append(entry)
        self._settle()

    def _settle(self) -> None:
        while self._owed:
            try:
                one = self._owed.popleft()
            except IndexError:
                # Another thread was faster.
                return
            try:
                self._tell(one)
            except DocpipeError as error:
                # What was answered counts, whether the ledger takes note of it or not: a reservation stays in its place.
                if isinstance(error, TransientError):
                    self._owed.appendleft(one)
                log.warning("what %s was paid is not in the ledger yet: %s", self.tariff.provider, error)
                return

    def _tell(self, entry: _Entry) -> None:
        reservation, usage = entry.reservation, entry.usage
        reserved = reservation.guess.usd if reservation.day is not None else 0.0
        ledger = self._open()
        day = reservation.day or ledger.today()
        paid = {"requests": round(usage.requests), "tokens": usage.tokens, "usd": usage.usd} if usage else {}
        ledger.spend(self.tariff.provider, day, reservation.stage, model=self.tariff.model, **paid, reserved=reserved)  # type: ignore[arg-type]

    def _open(self) -> Ledger:
        with self._opening:
            if self._ledger is None:
                self._ledger = Ledger.open(self._ledger_url)
            return self._ledger
