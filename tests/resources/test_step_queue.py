"""The queues, on a real Redis server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import celery
import pytest
from celery.result import AsyncResult

from docpipe.settings import Settings
from resources.step_queue import is_queued, level, open_app
from tests import servers


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def app(settings: Callable[..., Settings], redis_url: str) -> Iterator[celery.Celery]:
    with open_app(settings(redis=redis_url)) as opened:
        yield opened


def taken(app: celery.Celery, queue: str, number: int) -> list[str]:
    """What a worker of the queue gets, in the order in which it gets it."""
    with app.connection_for_read() as connection, connection.SimpleQueue(queue) as simple:
        found = []
        for _ in range(number):
            message = simple.get(timeout=5)
            message.ack()
            found.append(message.headers["id"])
        return found


def test_a_run_with_a_higher_priority_is_served_first(app: celery.Celery) -> None:
    for name, priority in (("backfill", -5), ("usual", 0), ("urgent", 3), ("usual too", 0), ("beyond all", 2**31 - 1)):
        app.send_task("x", task_id=name, queue="cpu", priority=level(priority))
    assert taken(app, "cpu", 5) == ["beyond all", "urgent", "usual", "usual too", "backfill"]


def test_a_step_is_queued_until_a_worker_has_taken_it(app: celery.Celery) -> None:
    app.send_task("x", task_id="first", queue="io", priority=level(0))
    app.send_task("x", task_id="second", queue="io", priority=level(-3))
    assert is_queued(app, "io", "first")
    assert is_queued(app, "io", "second")
    assert not is_queued(app, "cpu", "first")
    assert taken(app, "io", 1) == ["first"]
    assert not is_queued(app, "io", "first")
    assert is_queued(app, "io", "second")


@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")  # celery's, of redis-py
def test_a_result_that_is_forgotten_is_pending(app: celery.Celery) -> None:
    app.backend.store_result("done", ["event"], "SUCCESS")
    assert AsyncResult("done", app=app).state == "SUCCESS"
    AsyncResult("done", app=app).forget()
    assert AsyncResult("done", app=app).state == "PENDING"
