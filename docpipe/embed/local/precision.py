"""Which number format this processor multiplies fastest."""

from __future__ import annotations

import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""As Linux names them: Intel and AMD with AVX-512, Intel with AMX, Arm."""


def cpu_precision() -> str:
    """`bf16` where the processor multiplies bfloat16 natively, `f32` elsewhere: emulated bf16 is slower than f32."""
    return precision_of(_CPUINFO.read_text()) if _CPUINFO.exists() else "f32"


def precision_of(cpuinfo: str) -> str:
    """The same, from the text of `/proc/cpuinfo`."""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    return "bf16" if found and _BF16_FLAGS & set(found.group(1).split()) else "f32"
