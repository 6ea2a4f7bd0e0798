"""How many processes the worker of a lane has on this machine, and what each of them may take of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from docpipe.cores import usable_cores
from docpipe.gpus import DEVICES_VARIABLE, devices
from docpipe.lane import LaneName
from docpipe.settings import Settings

CPU_STEPS = 2
"""While the last long document of one step keeps one processor busy, the next step has the others."""


@dataclass(frozen=True)
class LaneWorker:
    """The worker of a lane: `processes` steps at a time, each process with `environment` beside what it inherits."""

    lane: LaneName
    processes: int
    environment: Mapping[str, str] = field(default_factory=dict)


def lane_worker(lane: LaneName, settings: Settings) -> LaneWorker:
    """Plan the worker: the settings count documents, a process has a step, and a step has a batch of documents.

    `cpu`: two steps at a time share the documents that are parsed at a time. `gpu`: one process or more for each GPU, round-robin;
    without a GPU one process, whose model takes all processors. `io`: as many steps as it takes to have the documents in hand.
    """
    match lane:
        case LaneName.CPU:
            cores = usable_cores()
            documents = settings.cpu_concurrency or 2 * cores
            steps = min(CPU_STEPS, documents)
            environment = {"OMP_NUM_THREADS": str(max(1, cores // steps))}
            if "workers" not in settings.model_fields_set:
                environment["DOCPIPE_WORKERS"] = str(documents // steps)
            return LaneWorker(lane, steps, environment)
        case LaneName.GPU:
            found = devices(settings)
            if not found:
                # Also where there is one, which `gpu_count` keeps from this worker.
                return LaneWorker(lane, 1, {"CUDA_VISIBLE_DEVICES": ""})
            return LaneWorker(lane, len(found) * (settings.gpu_concurrency or 1), {DEVICES_VARIABLE: ",".join(found)})
        case LaneName.IO:
            return LaneWorker(lane, math.ceil(settings.io_concurrency / settings.batch_documents))
