"""What a second daemon does: evaluate the sensor, in a process of its own.

python -m tests.sensors.evaluate GATE TICKS  (prints each requested run: its key and the ends of its range)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import dagster as dg

from doc_assets.definitions import defs
from resources.pipeline import PipelineResource

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def main(gate: Path, ticks: int) -> None:
    definitions = defs()
    sensor = definitions.resolve_sensor_def("documents")
    with dg.DagsterInstance.get() as instance:
        PipelineResource().open()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not gate.exists():
            time.sleep(0.005)
        for _ in range(ticks):
            context = dg.build_sensor_context(instance=instance, definitions=definitions, resources={"pipeline": PipelineResource()})
            for request in sensor.evaluate_tick(context).run_requests or ():
                sys.stdout.write("\t".join((str(request.run_key), request.tags[START], request.tags[END])) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
