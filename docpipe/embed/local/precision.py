"""Which number format this processor multiplies fastest."""

from __future__ import annotations

import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_TILES = frozenset({"amx_bf16", "bf16"})
"""As Linux names them: Intel with AMX, Arm."""
_VECTORS = "avx512_bf16"
_AMD = "AuthenticAMD"


def cpu_precision() -> str:
    """`bf16` where the processor multiplies bfloat16 faster than f32, else `f32`."""
    return precision_of(_CPUINFO.read_text()) if _CPUINFO.exists() else "f32"


def precision_of(cpuinfo: str) -> str:
    """The same, from the text of `/proc/cpuinfo`.

    AVX-512's bf16 instruction does twice the work of f32 on AMD. An Intel processor without AMX has it too, at half the
    rate of f32: 82 against 153 GFLOP/s a core, and MiniLM takes 52 ms a passage against 31 (`benchmarks/embed_speed.py`).
    """
    flags = set(_field(cpuinfo, "flags|Features").split())
    fast = flags & _TILES or (_VECTORS in flags and _field(cpuinfo, "vendor_id") == _AMD)
    return "bf16" if fast else "f32"


def _field(cpuinfo: str, name: str) -> str:
    found = re.search(rf"^(?:{name})\s*:(.*)$", cpuinfo, re.MULTILINE)
    return found.group(1).strip() if found else ""
