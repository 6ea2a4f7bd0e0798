"""For how long a run has given no sign of life, as the sensors themselves have seen it."""

import time
from pathlib import Path

import dagster as dg

from docpipe.heartbeat import INTERVAL, lease_name
from docpipe.ledger import Ledger

SILENT_SECONDS = 4 * INTERVAL
"""For so long a run's lease must have run out, and not been renewed, before the run is believed to be dead."""
SILENT_TAG = "docpipe/silent_since"
"""On a run without a lease: its last sign of life, and when a sensor saw so first. Kept there, since Dagster starts the process of a
code location anew every minute."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def is_long_silent(instance: dg.DagsterInstance, ledger: Ledger, run: dg.DagsterRun) -> bool:
    """Whether the run's lease has run out and was not renewed for long, by a clock that does not jump.

    That the lease has run out says little: a clock that jumps ends all at once, and after an outage of the ledger none could be renewed.
    """
    name, seen = lease_name(run.run_id), run.tags.get(SILENT_TAG, "")
    if ledger.is_held(name):
        if seen:
            instance.add_run_tags(run.run_id, {SILENT_TAG: ""})
        return False
    # Each renewal moves the lease's end; one that somebody has tidied away meanwhile was not renewed.
    end, now = ledger.lease_end(name), time.monotonic()
    sign, clock = end.isoformat() if end else "", _clock()
    last_sign, last_clock, since = _read(seen)
    if last_clock == clock and sign in ("", last_sign) and since <= now:
        return now - since > SILENT_SECONDS
    instance.add_run_tags(run.run_id, {SILENT_TAG: f"{sign} {clock} {now:.3f}"})
    return False


def _read(tag: str) -> tuple[str, str, float]:
    """A tag that somebody else wrote counts as none."""
    try:
        sign, clock, since = tag.split(" ")
        return sign, clock, float(since)
    except ValueError:
        return "", "", 0.0


def _clock() -> str:
    """The name of this machine's clock since its start: that of another one cannot be compared with it."""
    return _BOOT.read_text().strip() if _BOOT.exists() else "this"
