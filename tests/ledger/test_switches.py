from __future__ import annotations

import threading
from datetime import UTC, datetime

from docpipe.fingerprint import Recipe
from docpipe.ledger import Ledger, Switch
from docpipe.ledger.switches import Indexed
from docpipe.models import StageName
from tests.ledger.arrivals import arrival


def test_decisions_come_back_newest_first_with_what_they_rest_on(ledger: Ledger) -> None:
    began = datetime.now(UTC)
    first = Switch("documents-a", True, "complete", quality={"candidate": {"ndcg": 0.71}, "searched": None})
    assert ledger.record_switches("documents", [first])
    assert ledger.record_switches("documents", [Switch("documents-b", False, "finds \0 less", "documents-a"), Switch("c", True, "by hand")])
    assert ledger.record_switches("others", [Switch("others-a", True, "complete")])
    newest, refused, oldest = ledger.switches("documents")
    assert (newest.collection, newest.accepted, newest.reason, newest.previous) == ("c", True, "by hand", None)
    assert (refused.collection, refused.accepted, refused.reason, refused.previous) == ("documents-b", False, "finds  less", "documents-a")
    assert oldest.quality == first.quality
    assert newest.number > refused.number > oldest.number > 0
    assert all(one.at and began <= one.at <= datetime.now(UTC) for one in (newest, refused, oldest))
    assert ledger.switches("documents", limit=1) == [newest]
    assert ledger.switches("nothing") == []


def test_a_refusal_that_is_repeated_hides_nothing(ledger: Ledger) -> None:
    ledger.record_switches("documents", [Switch("a", True, "first"), Switch("b", True, "complete", "a")])
    for day in range(6):
        ledger.record_switches("documents", [Switch("c", False, f"finds less, day {day}", "b")])
    assert [(one.collection, one.reason) for one in ledger.switches("documents", limit=3)] == [
        ("c", "finds less, day 5"),
        ("b", "complete"),
        ("a", "first"),
    ]
    newest = ledger.switches("documents")[0].number
    assert not ledger.record_switches("documents", [Switch("d", True, "too late")], after=newest - 1)
    assert ledger.record_switches("documents", [Switch("d", True, "in time")], after=newest)


def test_a_decision_that_comes_too_late_is_not_recorded(ledger: Ledger) -> None:
    assert ledger.record_switches("documents", [Switch("a", True, "first")], after=0)
    assert not ledger.record_switches("documents", [Switch("b", True, "second")], after=0)
    (first,) = ledger.switches("documents")
    assert ledger.record_switches("documents", [Switch("b", True, "second")], after=first.number)
    assert ledger.record_switches("others", [Switch("c", True, "first")], after=0)
    assert [one.collection for one in ledger.switches("documents")] == ["b", "a"]


def test_of_many_that_decide_at_the_same_time_one_does(ledger_url: str) -> None:
    start, recorded = threading.Barrier(6), []

    def decide(name: str) -> None:
        with Ledger.open(ledger_url) as ledger:
            start.wait(60)
            recorded.append(ledger.record_switches("documents", [Switch(name, True, "me")], after=0))

    threads = [threading.Thread(target=decide, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recorded) == [False] * 5 + [True]
    with Ledger.open(ledger_url) as ledger:
        assert len(ledger.switches("documents")) == 1


def test_documents_are_counted_by_the_recipe_of_their_points(ledger: Ledger) -> None:
    assert (ledger.indexed(), ledger.indexed_by_recipe()) == (Indexed(0, 0, None), {})
    ledger.register([arrival(name) for name in "abcd"])
    recipes = [Recipe("indexed_vectors", "1", {"collection": name}) for name in ("one", "two")]
    for key, recipe in zip("abc", (recipes[0], recipes[1], recipes[1]), strict=True):
        assert ledger.complete(StageName.INDEXED_VECTORS, key, 1, "f", recipe.hash, {"points": 1}, 0.1)
    found = ledger.indexed()
    assert (found.waiting, found.done, ledger.indexed_by_recipe()) == (1, 3, {recipes[0].hash: 1, recipes[1].hash: 2})
    newest = found.newest
    assert newest is not None
    assert newest == max(document.updated for document in ledger.documents("abc").values() if document.updated)
    # One that waits again holds nothing to count on.
    ledger.requeue(["c"])
    found = ledger.indexed()
    assert (found.waiting, found.done, ledger.indexed_by_recipe()) == (2, 2, {recipes[0].hash: 1, recipes[1].hash: 1})
