"""Sets on Dagster's instance how many steps of a pool work at a time: `python -m resources.pool_limits`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import dagster as dg

from docpipe.lane import POOLS, pool_limits
from docpipe.settings import load_settings


def set_pool_limits(instance: dg.DagsterInstance, limits: Mapping[str, int]) -> None:
    """Limit the pools that are named, and lift the limits of our others; pools that are not ours stay as they are."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    present = {pool.name for pool in storage.get_pool_limits()}
    for pool in POOLS:
        if pool in limits:
            storage.set_concurrency_slots(pool, limits[pool])
        elif pool in present:
            storage.delete_concurrency_limit(pool)


def main() -> None:
    limits = pool_limits(load_settings().pools)
    with dg.DagsterInstance.get() as instance:
        set_pool_limits(instance, limits)
    for pool in POOLS:
        sys.stdout.write(f"{pool}: {limits.get(pool, 'no limit')}\n")


if __name__ == "__main__":
    main()
