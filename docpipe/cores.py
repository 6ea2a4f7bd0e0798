"""How many processor cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores that the scheduler lets this process run on, or that its containers pay for where those are fewer; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, paid_cores(_CGROUPS, _own_group()))))


def paid_cores(root: Path, group: str) -> float:
    """The smallest limit on processor time of a control group and those above it, in cores; infinite without one.

    Reads `cpu.max` (version 2) and `cpu.cfs_quota_us` (version 1).
    """
    above = root / group.strip("/")
    folders = [above, *above.parents] if above != root else [root]
    limits = [_limit(folder) for folder in folders if folder.is_relative_to(root)]
    limits.append(_old_limit(root / "cpu"))
    return min(limits)


def _own_group() -> str:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")


def _limit(folder: Path) -> float:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _old_limit(folder: Path) -> float:
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / period if quota > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
