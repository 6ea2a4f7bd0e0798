"""What `docpipe worker` hands to celery: the application, with the one task that works on a step."""

from __future__ import annotations

import logging
import os
import uuid
from typing import Any

import celery
from billiard.process import current_process
from celery.exceptions import Ignore
from celery.signals import worker_process_init
from celery.states import SUCCESS
from dagster import DagsterInstance
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import unpack_value
from dagster_celery.tasks import create_task

from docpipe.errors import DocpipeError
from docpipe.gpus import DEVICES_VARIABLE, device_of
from docpipe.heartbeat import Heartbeat, step_lease_name
from docpipe.settings import load_settings
from resources.pipeline import PipelineResource
from resources.redis_transport import use_here
from resources.step_queue import open_app
from resources.worker_pulse import send_pulses

log = logging.getLogger(__name__)


class StepTask(celery.Task):  # type: ignore[misc] # celery has no types
    """Works on a step while it holds the step's lease, so that one that was sent twice is worked on once."""

    resultrepr_maxsize = 1
    """What a step returns are its events, which the run's log has: they need not be in the worker's too."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        packed = unpack_value(kwargs["execute_step_args_packed"], as_type=ExecuteStepArgs)
        if packed.instance_ref is None:
            raise ValueError("the step names no Dagster instance")
        with DagsterInstance.from_ref(packed.instance_ref) as instance:
            run = instance.get_run_by_id(packed.run_id)
        if run is None or run.is_finished:
            log.warning("a step of run %s is not begun: the run is over", packed.run_id)
            raise Ignore
        ledger = PipelineResource().open().ledger
        lease, owner, seconds = step_lease_name(self.request.id), uuid.uuid4().hex, load_settings().lost_step_seconds / 2
        if not ledger.acquire(lease, owner, seconds):
            log.warning("step %s is not begun: another worker has it", self.request.id)
            raise Ignore
        try:
            if self.AsyncResult(self.request.id).state == SUCCESS:
                log.warning("step %s is not begun: it is done already", self.request.id)
                raise Ignore
            with Heartbeat(ledger, owner, lease, seconds):
                return self.run(*args, **kwargs)
        finally:
            try:
                ledger.release(lease, owner)
            except DocpipeError:
                # What came of the step stands; the lease runs out by itself.
                log.warning("the lease of step %s was not given back", self.request.id, exc_info=True)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def choose_gpu(**_: object) -> None:
    """Give each process of the lane `gpu` one GPU, round-robin; in the others there is nothing to choose from."""
    if devices := os.environ.get(DEVICES_VARIABLE, ""):
        number = current_process().index
        os.environ["CUDA_VISIBLE_DEVICES"] = device_of(number, devices.split(","))
        log.warning("process %d of the lane uses GPU %s", number, os.environ["CUDA_VISIBLE_DEVICES"])


use_here()
app = open_app(load_settings())
send_pulses()
execute_step = create_task(app, base=StepTask)
