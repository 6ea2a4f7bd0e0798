"""A run on the instance of a folder, whose output is kept where the instance keeps logs.

A process of its own, as every run is: Dagster has its output mirrored by child processes, which would inherit what other tests did to
the signals of theirs.
"""

import sys

import dagster as dg


@dg.op
def talk(context: dg.OpExecutionContext) -> None:
    context.log.info("hello")


@dg.job
def talking() -> None:
    talk()


if __name__ == "__main__":
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        run_id = talking.execute_in_process(instance=instance).run_id
        with instance.compute_log_manager.capture_logs([run_id, "compute_logs", "talk"]):
            sys.stdout.write("hello\n")
            sys.stdout.flush()
        sys.stderr.write(f"\nrun {run_id}\n")
