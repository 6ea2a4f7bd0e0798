"""What came of looking at two collections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What became of the searches."""

    SWITCHED = "switched"  # they go to another collection from now on
    REFUSED = "refused"  # another collection wanted its place, and did not get it
    RESTORED = "restored"  # they had gone astray, and go again where they were sent
    UNCHANGED = "unchanged"  # there was nothing to decide


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict, and what it rests on."""

    verdict: Verdict
    reason: str
    collection: str = ""
    """The collection that it is about."""
    previous: str | None = None
    """The one that was searched until then."""
    quality: Mapping[str, Any] = field(default_factory=dict)
    """As it is recorded in the ledger: see `docpipe.switch.weighing`."""
