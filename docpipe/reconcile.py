"""Compare the bucket's listing with the ledger: what is new, changed or gone.

Both sides stream in the order of their keys' UTF-8 bytes and are merged, so memory does not grow with the bucket.
Nothing is decided by a timestamp: an object has changed when its etag, size or version has.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from docpipe.admit import Admission, admit, password_pool
from docpipe.admit.ranged import Read
from docpipe.bucket import Bucket
from docpipe.errors import DocpipeError, PermanentError, Superseded, TransientError
from docpipe.isolate import WorkerPool
from docpipe.ledger import Arrival, KnownObject, Ledger
from docpipe.models import Document, DocumentStatus, ObjectInfo
from docpipe.partition_key import partition_key
from docpipe.priority import priority_of
from docpipe.quarantine.place import documents_in
from docpipe.settings import Settings

log = logging.getLogger(__name__)

SLICE = 500
"""Differences taken from the streams at once."""
ADMITTED_TOGETHER = 16
"""Objects looked into at once and registered in one transaction: the step in which a tick's time is checked."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An object that the ledger does not know as it is now."""

    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class Gone:
    """A document whose object is no longer in the bucket."""

    key: str
    object_key: str


Difference = Arrived | Gone


def differences(listed: Iterable[ObjectInfo], known: Iterable[KnownObject]) -> Iterator[Difference]:
    """Merge two streams sorted by object key into their differences, in the same order."""
    left, right = iter(listed), iter(known)
    info, row = next(left, None), next(right, None)
    while info is not None or row is not None:
        if row is None or (info is not None and info.key.encode() < row.object_key.encode()):
            assert info is not None
            yield Arrived(info)
            info = next(left, None)
        elif info is None or row.object_key.encode() < info.key.encode():
            # The object of one in quarantine is gone by rights.
            if row.status is not DocumentStatus.QUARANTINED:
                yield Gone(row.key, row.object_key)
            row = next(right, None)
        else:
            if info.identity != row.identity:
                yield Arrived(info)
            info, row = next(left, None), next(right, None)


@dataclass(slots=True)
class Reconciliation:
    """What one look at the bucket found."""

    listed: int = 0
    registered: list[Document] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    resume_after: str = ""
    """Where the next look goes on; empty when this one reached the end of the bucket."""


def reconcile(
    bucket: Bucket, ledger: Ledger, settings: Settings, *, after: str = "", clock: Callable[[], float] = time.monotonic
) -> Reconciliation:
    """Bring the ledger up to date with the bucket, for as long as a tick may take.

    New and changed objects are admitted or refused and registered, vanished ones marked for removal. Stops after
    `settings.tick_seconds` or `settings.tick_documents` arrivals and says where to go on.
    """
    found = Reconciliation()
    deadline = clock() + settings.tick_seconds
    stream = differences(_until(deadline, clock, documents_in(bucket, after), found), ledger.known(after))
    with ThreadPoolExecutor(ADMITTED_TOGETHER) as threads, password_pool(settings) as pool:
        look = partial(_arrival, bucket, settings, pool)
        while page := list(islice(stream, SLICE)):
            if found.resume_after:
                # The listing was cut short: what the ledger knows beyond that point was not looked for.
                page = [one for one in page if _object_key(one) <= found.resume_after]
            for start in range(0, len(page), ADMITTED_TOGETHER):
                group = page[start : start + ADMITTED_TOGETHER]
                arrivals = threads.map(look, [one.info for one in group if isinstance(one, Arrived)])
                found.registered += ledger.register([arrival for arrival in arrivals if arrival])
                found.gone += ledger.mark_gone([one.key for one in group if isinstance(one, Gone)])
                if clock() > deadline or len(found.registered) >= settings.tick_documents:
                    found.resume_after = _object_key(group[-1])
                    return found
            if found.resume_after:
                break
    return found


def register_now(bucket: Bucket, ledger: Ledger, settings: Settings, objects: Iterable[ObjectInfo]) -> list[Document]:
    """Admit or refuse single objects without a look at the rest of the bucket; returns the documents as `Ledger.register` does.

    A look at the bucket at the same time finds them known, or is found to have been quicker.
    """
    with ThreadPoolExecutor(ADMITTED_TOGETHER) as threads, password_pool(settings) as pool:
        arrivals = threads.map(partial(_arrival, bucket, settings, pool), objects)
        return ledger.register([arrival for arrival in arrivals if arrival])


def _until(deadline: float, clock: Callable[[], float], listing: Iterable[ObjectInfo], found: Reconciliation) -> Iterator[ObjectInfo]:
    for info in listing:
        found.listed += 1
        yield info
        if found.listed % SLICE == 0 and clock() > deadline:
            found.resume_after = info.key
            return


def _object_key(difference: Difference) -> str:
    return difference.info.key if isinstance(difference, Arrived) else difference.object_key


def _arrival(bucket: Bucket, settings: Settings, pool: WorkerPool, info: ObjectInfo) -> Arrival | None:
    """Admit or refuse one object; None when it went away meanwhile, which the next look will see."""
    try:
        admission = look_into(info, lambda start, length: bucket.read(info.key, start, length), settings, pool)
    except Superseded:
        return None
    except TransientError as error:
        # Not registered, so the next look tries it again; the others must not wait for it.
        log.warning("%s could not be looked into: %s", info.key, error)
        return None
    priority = priority_of(info.key, settings.priority_prefixes)
    return Arrival(
        info, partition_key(info.key), admission.media_type, admission.refusal or None, admission.pages_estimate, priority=priority
    )


def look_into(info: ObjectInfo, read: Read, settings: Settings, pool: WorkerPool) -> Admission:
    """Admit or refuse what `read` gives; an error that another look would meet again is a reason to refuse it."""
    try:
        return admit(info, read, settings, pool)
    except PermanentError as error:
        return Admission(media_type="", refusal=str(error))
    except DocpipeError:
        raise
    except Exception as error:
        log.warning("%s could not be looked into", info.key, exc_info=True)
        return Admission(media_type="", refusal=f"cannot be looked into ({type(error).__name__}): save it anew and upload it again")
