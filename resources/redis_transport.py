"""Redis for a worker that a message nobody can read does not bring down."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

log = logging.getLogger(__name__)

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What kombu raises over bytes that are no JSON, or JSON that is no message."""


class Messages(redis.QoS):
    """The messages that the worker has; one whose connection broke while its step was at work can no longer be acknowledged."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except AttributeError:
            # kombu forgets the address of a connection that broke, and would bring the worker down over it.
            log.warning("a message is not acknowledged: Redis was away while its step was at work")


class Channel(redis.Channel):
    """Drops what cannot be read, with a line in the log. Should it ever be a step, its run sends it again."""

    QoS = Messages
    do_restore = False
    """A worker that loses Redis puts nothing back: the run knows which steps are lost, and kombu's way ends the worker."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except UNREADABLE:
            # kombu lets it out of the worker's event loop, and the worker ends; the next one would find the next such message.
            log.exception("a message in the queue of this lane is not celery's, and is dropped")
            return True


class Transport(redis.Transport):
    """As kombu's, with the channel above."""

    Channel = Channel


def use_here() -> None:
    """Let this process read Redis in this way; kombu chooses by the scheme of the URL alone."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
