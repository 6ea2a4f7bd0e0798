"""Brings notices to the people, each at least once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from docpipe.alerts.notice import Notice
from docpipe.alerts.sink import Sink
from docpipe.errors import TransientError
from docpipe.ledger import Ledger

LONGEST_PAUSE = 600.0
"""Seconds between two tries."""
GIVEN_UP = timedelta(days=1)
"""After this an alert is no news, and its notice is given up with its last error."""
PAGE = 100


@dataclass(slots=True)
class Delivery:
    """What was told, and what will be tried again."""

    delivered: list[Notice] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Why, by notice."""


def deliver(ledger: Ledger, sinks: Mapping[str, Sink], seconds: float) -> Delivery:
    """Send what is due for about `seconds`, by each way one notice at least; one that fails rests until its next try."""
    made, deadline = Delivery(), time.monotonic() + seconds
    # The log first: it costs nothing and cannot hang.
    for name in sorted({*sinks, *ledger.notice_sinks()}, key=lambda sink: (sink != "log", sink)):
        sink, tried = sinks.get(name), False
        for notice in ledger.due_notices(name, datetime.now(UTC), LONGEST_PAUSE, PAGE):
            if sink is None:
                ledger.end_notice(notice.number, f"{name} is not configured any more")
                continue
            # A way that hangs until its own limits must not take the turn of the next, look after look.
            if tried and time.monotonic() > deadline:
                break
            tried = True
            try:
                sink.send(notice)
            except TransientError as error:
                made.failed.append(f"{notice.title} by {name}: {error}")
                if datetime.now(UTC) - notice.at > GIVEN_UP:
                    ledger.end_notice(notice.number, str(error))
                else:
                    ledger.postpone_notice(notice.number, min(LONGEST_PAUSE, 15.0 * 2**notice.attempts), str(error))
                # What this way still has to bring would meet the same trouble, and each try costs its time limit.
                break
            ledger.end_notice(notice.number)
            made.delivered.append(notice)
    return made
