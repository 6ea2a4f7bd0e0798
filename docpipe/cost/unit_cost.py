"""What a thousand documents cost, by what was done and paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from docpipe.cost.till import SEARCH
from docpipe.daily import Day
from docpipe.ledger.spending import Spent

_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Of the documents indexed in some days; what was paid for those that failed is in it."""

    indexed: int
    usd: Mapping[str, float]
    """A thousand documents, by provider, the dearest first."""

    @property
    def total(self) -> float:
        return sum(self.usd.values())


def unit_cost(days: Sequence[Day], spent: Iterable[Spent]) -> UnitCost | None:
    """Divide what the days cost by the documents indexed on them; None where there were none. `spent` is the ledger's, of the same days.

    Count and money are both from the daily numbers, which are written together: so both are of the same moment, a minute old with a
    sensor that works and older with one that does not, and both lack the same days, or begin with the same ones. The money of the
    ledger is newer than any count. It only says which share queries had, whose cost is none of the documents'.
    """
    indexed = sum(day.indexed for day in days)
    if not indexed:
        return None
    shares, paid = _shares_of_documents(spent), defaultdict[str, float](float)
    for day in days:
        for provider, usd in day.cost_usd.items():
            paid[provider] += usd * shares.get(provider, 1.0)
    dearest = sorted(paid.items(), key=lambda one: (-one[1], one[0]))
    return UnitCost(indexed, {provider: usd * _THOUSAND / indexed for provider, usd in dearest if usd})


def _shares_of_documents(spent: Iterable[Spent]) -> dict[str, float]:
    """Which part of a provider's money went to documents and not to queries."""
    whole, documents = defaultdict[str, float](float), defaultdict[str, float](float)
    for one in spent:
        whole[one.provider] += one.usd
        documents[one.provider] += one.usd if one.stage != SEARCH else 0.0
    return {provider: documents[provider] / usd for provider, usd in whole.items() if usd}
