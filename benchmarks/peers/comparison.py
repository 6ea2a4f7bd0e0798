"""From measurements to the rows of the table: medians over the rounds, and ratios within each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from statistics import median
from typing import Any

from benchmarks.peers.competitors import Competitor
from benchmarks.peers.process import Measurement
from benchmarks.peers.quality import Found, Grades, document_ndcg, page_ndcg


@dataclass(slots=True)
class Comparison:
    """One case: all competitors at the same job, in rounds."""

    case: str
    rounds: list[dict[Competitor, Measurement]] = field(default_factory=list)
    failures: dict[Competitor, str] = field(default_factory=dict)
    """What the competitors that gave up said last."""
    judged: Grades = field(default_factory=dict)
    """Empty where nothing was asked."""

    def rows(self) -> list[dict[str, Any]]:
        """One for each competitor, in the order in which they were measured; the first is what the others are compared with."""
        names = list(dict.fromkeys(competitor for one in self.rounds for competitor in one))
        rows = [self._row(competitor, names[0]) for competitor in names]
        return rows + [{"case": self.case, "who": one.name, "failed": said} for one, said in self.failures.items() if one not in names]

    def _row(self, competitor: Competitor, first: Competitor) -> dict[str, Any]:
        mine = [one[competitor] for one in self.rounds if competitor in one]
        pairs = [(one[competitor], one[first]) for one in self.rounds if competitor in one and first in one]
        seconds, cpu = median(one.seconds for one in mine), median(one.cpu_seconds for one in mine)
        points = mine[-1].points
        return {
            "case": self.case,
            "who": competitor.name,
            "seconds": round(seconds, 2),
            "chunks_per_s": round(points / seconds, 1),
            "tokens_per_s": round(mine[-1].tokens / seconds),
            "cpu_ms_a_chunk": round(1_000 * cpu / max(1, points), 1),
            "peak_mb": round(max(one.peak_bytes for one in mine) / 1e6),
            "points": points,
            "cut": mine[-1].cut,
            "times_our_seconds": round(median(theirs.seconds / ours.seconds for theirs, ours in pairs), 2) if pairs else None,
            "times_our_cpu": round(median(theirs.cpu_seconds / ours.cpu_seconds for theirs, ours in pairs), 2) if pairs else None,
            **self._quality(mine[-1].found),
        }

    def _quality(self, found: Found) -> dict[str, float | None]:
        if not found:
            return {}
        read = self.read_by_all()
        return {
            "ndcg_all": round(document_ndcg(found, self.judged), 3),
            "ndcg": round(document_ndcg(found, read), 3) if read else None,
            "ndcg_pages": round(page_ndcg(found, read), 3) if read else None,
        }

    def read_by_all(self) -> Grades:
        """The questions on documents in which every competitor that was asked found text: no peer reads scans."""
        read = [set(measured.files) for one in self.rounds for measured in one.values() if measured.found]
        files: set[str] = reduce(set.intersection, read) if read else set()
        return {
            question: grades
            for question, grades in self.judged.items()
            if all(target.object_key in files for target, grade in grades.items() if grade > 0)
        }


def verdicts(rows: Sequence[Mapping[str, Any]], ours: str, peers: Sequence[str]) -> list[str]:
    """Say for each case and each way of ours how many times as fast it is as the best of these peers."""
    compared = [row for row in rows if row.get("times_our_seconds")]
    said = []
    for case in dict.fromkeys(row["case"] for row in compared):
        theirs = [row for row in compared if row["case"] == case and row["who"].startswith(tuple(peers))]
        for row in compared:
            if theirs and row["case"] == case and row["who"].startswith(ours):
                wall, cpu = (_best(theirs, row, name) for name in ("times_our_seconds", "times_our_cpu"))
                said.append(f"{case}: {row['who']} is {wall} by the clock and {cpu} by processor time")
    return said


def _best(theirs: Sequence[Mapping[str, Any]], ours: Mapping[str, Any], ratio: str) -> str:
    best = min(theirs, key=lambda row: float(row[ratio]))
    return f"{best[ratio] / ours[ratio]:.1f} times as fast as {best['who']}"
