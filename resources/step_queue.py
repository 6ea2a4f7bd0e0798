"""The lanes' queues in Redis, as the run that fills them and the workers that empty them both see them."""

from __future__ import annotations

from typing import Any

import celery
from dagster_celery.config import TASK_EXECUTE_PLAN_NAME, dict_wrapper
from dagster_celery.make_app import make_app

from docpipe.lane import LaneName
from docpipe.settings import Settings

LEVELS = 10
"""Priorities of a queue. In Redis the lowest number is served first, unlike everywhere else."""
MIDDLE = 5
A_DAY = 86_400
A_MONTH = 30 * A_DAY


def open_app(settings: Settings) -> celery.Celery:
    """Celery as both sides need it; opens no connection yet.

    A message is acknowledged when its step is over, so a worker takes no more than it has processes for. The step of a worker that
    is gone is sent again by its run (see `resources.watched_step`), long before Redis would do so, which knows nothing of who lives.
    """
    config: dict[str, Any] = {
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_track_started": True,
        "task_default_queue": LaneName.IO.value,
        "task_default_priority": MIDDLE,
        "accept_content": ["json"],
        "broker_transport_options": {
            "visibility_timeout": A_MONTH,
            "priority_steps": list(range(LEVELS)),
            "socket_timeout": 30,
            "socket_connect_timeout": 10,
            "socket_keepalive": True,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "redis_socket_timeout": 30,
        "redis_socket_connect_timeout": 10,
        "redis_retry_on_timeout": True,
        "result_expires": A_DAY,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
    app = make_app({"broker": settings.broker_url, "backend": settings.results_url, "config_source": dict_wrapper(config)})
    # What `make_app` sets by itself speaks of one queue for all, and of RabbitMQ's priorities.
    app.conf.task_queues = None
    app.conf.task_routes = {TASK_EXECUTE_PLAN_NAME: {"queue": LaneName.IO.value}}
    app.conf.task_default_priority = MIDDLE
    return app


def level(run_priority: int) -> int:
    """The place in a queue of a run's steps: a run with a higher `dagster/priority` is served first."""
    return max(0, min(LEVELS - 1, MIDDLE - run_priority))


def is_queued(app: celery.Celery, queue: str, task_id: str) -> bool:
    """Whether a message waits in Redis that no worker has taken; a queue has a few steps for each open run, so all are read."""
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        names = [channel._q_for_pri(queue, number) for number in range(LEVELS)]  # noqa: SLF001 - kombu has no public name for it
        word = task_id.encode()
        return any(word in message for name in names for message in channel.client.lrange(name, 0, -1))
