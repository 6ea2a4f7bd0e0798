"""Lanes: the three kinds of worker, and which stage runs on which; everything that speaks of lanes has the words from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from docpipe.models import StageName

if TYPE_CHECKING:
    from docpipe.settings import Settings

OPENAI = "openai"
VISION = "vision"


class LaneName(StrEnum):
    """What a worker has plenty of."""

    CPU = "cpu"
    GPU = "gpu"
    IO = "io"


STAGE_LANES: Mapping[StageName, LaneName] = {
    StageName.PARSED_PAGES: LaneName.CPU,
    StageName.CHUNKS: LaneName.CPU,
    StageName.ENRICHED_CHUNKS: LaneName.CPU,
    StageName.EMBEDDINGS: LaneName.GPU,
    StageName.INDEXED_VECTORS: LaneName.IO,
}
"""With models of this machine's own; `lane_of` knows what the settings change."""

POOLS = (*(lane.value for lane in LaneName), OPENAI, VISION)
"""Whose steps can be limited across all runs."""


# Quantities as Kubernetes writes them, with some digit that is not 0. Memory has a unit, since without one 16 would be sixteen bytes.
_CPU = re.compile(r"(?=.*[1-9])(?:[0-9]{1,6}(?:\.[0-9]{1,3})?|[0-9]{1,9}m)")
_MEMORY = re.compile(r"(?=.*[1-9])[0-9]{1,9}(?:\.[0-9]{1,3})?[MGT]i?")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{0,254}")
_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Resources:
    """What Kubernetes gives one step of a lane, as it writes quantities."""

    cpu: str
    memory: str
    """Requested, and the limit."""


def lane_of(stage: StageName, settings: Settings) -> LaneName:
    """The lane of a stage: a GPU is kept from no one by a stage that asks a provider for its vectors."""
    if stage is StageName.EMBEDDINGS and settings.embedder.startswith("openai:"):
        return LaneName.IO
    return STAGE_LANES[stage]


def pool_of(stage: StageName, settings: Settings) -> str:
    """The pool of a stage: that of the provider it pays, since its limit is the narrower one, or else that of its lane."""
    if stage is StageName.EMBEDDINGS and settings.embedder.startswith("openai:"):
        return OPENAI
    if stage is StageName.PARSED_PAGES and settings.vision_url:
        return VISION
    return lane_of(stage, settings).value


def pool_limits(text: str) -> dict[str, int]:
    """Read `cpu=8,openai=4`; a `ValueError` says what is wrong with it."""
    limits: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in POOLS:
            raise ValueError(f"no pool has the name {name!r}: there are {', '.join(POOLS)}")
        if not (number.isascii() and number.isdecimal()) or int(number) < 1:
            raise ValueError(f"the pool {name} needs a whole number above 0, as in {name}=4: leave it out for no limit")
        limits[name] = int(number)
    return limits


def lane_resources(text: str) -> dict[LaneName, Resources]:
    """Read `cpu=4/16Gi,io=500m/2Gi`; a `ValueError` says what is wrong with it."""
    found: dict[LaneName, Resources] = {}
    for name, quantities in _by_lane(text).items():
        cpu, _, memory = (word.strip() for word in quantities.partition("/"))
        if not _CPU.fullmatch(cpu):
            raise ValueError(f"the lane {name} needs processors first, as in {name}=4/16Gi or {name}=500m/2Gi (half of one)")
        if not _MEMORY.fullmatch(memory):
            raise ValueError(f"the lane {name} needs memory with its unit (Mi, Gi, Ti, M, G or T) behind a slash, as in {name}=4/16Gi")
        found[name] = Resources(cpu, memory)
    return found


def lane_images(text: str) -> dict[LaneName, str]:
    """Read `cpu=docpipe/cpu:1.2,gpu=docpipe/gpu:1.2`; a `ValueError` says what is wrong with it."""
    return _names(text, _IMAGE, "an image", "docpipe/cpu:1.2")


def lane_accounts(text: str) -> dict[LaneName, str]:
    """Read `cpu=docpipe-worker,io=docpipe-io`; a `ValueError` says what is wrong with it."""
    return _names(text, _ACCOUNT, "a service account", "docpipe-worker")


def _names(text: str, form: re.Pattern[str], what: str, example: str) -> dict[LaneName, str]:
    names = _by_lane(text)
    for lane, name in names.items():
        if not form.fullmatch(name):
            raise ValueError(f"the lane {lane} needs the name of {what}, as in {lane}={example}")
    return names


def _by_lane(text: str) -> dict[LaneName, str]:
    found: dict[LaneName, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in list(LaneName):
            raise ValueError(f"no lane has the name {name!r}: there are {', '.join(LaneName)}")
        if name in found:
            raise ValueError(f"the lane {name} stands there twice: leave one")
        found[LaneName(name)] = value
    return found
