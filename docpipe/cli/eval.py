"""Measure retrieval on questions with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from docpipe.cli.output import Json, console, errors, open_pipeline, print_json, table
from docpipe.golden import Evaluation, GoldenSet, JudgedQuery, evaluation
from docpipe.settings import Settings

_NAMED = 5
"""Judged documents that are not indexed, by name; further ones are counted."""


def evaluate(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with queries.jsonl and qrels.tsv (BEIR); by default DOCPIPE_GOLDEN_SET.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=evaluation.DEPTH, help="Ranks that count.")] = evaluation.CUTOFF,
    at_least: Annotated[float | None, typer.Option(min=0, max=1, help="Exit with 1 where nDCG is below this.")] = None,
    worst: Annotated[int, typer.Option(min=0, help="How many of the worst queries are shown.")] = 5,
    dense: Annotated[float | None, typer.Option(min=0, help="Weight of meaning, in place of the settings'.")] = None,
    sparse: Annotated[float | None, typer.Option(min=0, help="Weight of terms, in place of the settings'.")] = None,
    rerank: Annotated[bool | None, typer.Option("--rerank/--no-rerank", help="With or without the cross-encoder.")] = None,
    as_json: Json = False,
) -> None:
    """Ask questions with known answers of the index: nDCG, MRR, recall, and the queries that fared worst."""
    settings = _weighted(open_pipeline().settings, dense, sparse)
    chosen = str(folder or settings.golden_set)
    if not chosen:
        raise typer.BadParameter("name a folder with queries.jsonl and qrels.tsv, or set DOCPIPE_GOLDEN_SET to one")
    found = _evaluate(settings, GoldenSet.load(chosen), rerank, k)
    below = at_least is not None and found.ndcg < at_least
    if as_json:
        print_json(numbers(found) | {"unknown": found.unknown, "per_query": [_query_numbers(one) for one in found.per_query]})
    else:
        _print(found, worst)
    if below:
        errors.print(f"nDCG@{k} is {found.ndcg:.4f}, below {at_least:g}", highlight=False)
        raise typer.Exit(1)


def numbers(found: Evaluation) -> dict[str, object]:
    """What an evaluation comes to, as JSON values."""
    recalls = {f"recall@{cutoff}": value for cutoff, value in found.recall.items()}
    names = {"collection": found.collection, "golden_sha256": found.golden_sha256, "queries": found.queries}
    return {**names, f"ndcg@{found.cutoff}": found.ndcg, f"mrr@{found.cutoff}": found.mrr, **recalls}


def _weighted(settings: Settings, dense: float | None, sparse: float | None) -> Settings:
    weights = {"search_dense_weight": dense, "search_sparse_weight": sparse}
    return settings.model_copy(update={name: weight for name, weight in weights.items() if weight is not None})


def _evaluate(settings: Settings, golden: GoldenSet, rerank: bool | None, cutoff: int) -> Evaluation:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # On stderr, so that JSON stays alone on stdout.
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task("queries", total=len(golden.queries))

        def show(done: int) -> None:
            progress.update(bar, completed=done)

        return evaluation.evaluate(settings, golden, rerank=rerank, cutoff=cutoff, progress=show)


def _print(found: Evaluation, worst: int) -> None:
    if found.unknown:
        first = ", ".join(found.unknown[:_NAMED])
        more = f" and {len(found.unknown) - _NAMED:,} more" if len(found.unknown) > _NAMED else ""
        console.print(f"[yellow]{len(found.unknown):,} judged documents are not indexed, so they count as missed:[/] {escape(first)}{more}")
    shown = table("queries", f"nDCG@{found.cutoff}", f"MRR@{found.cutoff}", *(f"recall@{cutoff}" for cutoff in found.recall))
    shown.add_row(f"{found.queries:,}", f"{found.ndcg:.4f}", f"{found.mrr:.4f}", *(f"{value:.4f}" for value in found.recall.values()))
    console.print(shown)
    console.print(f"[dim]collection {escape(found.collection)}[/]", highlight=False)
    short = found.worst
    if not worst or not short:
        return
    console.print(f"\n{min(worst, len(short)):,} of the {len(short):,} queries that did not get all answers in the best order")
    rows = table("nDCG", "query", "missed or late", "came instead", right=("nDCG",))
    for column in rows.columns[1:]:
        column.no_wrap = False
    for one in short[:worst]:
        rows.add_row(f"{one.ndcg:.2f}", escape(one.text), _lines(late(one)), _lines(instead(one)))
    console.print(rows)


def late(one: JudgedQuery, longest: int = 3) -> list[str]:
    """The answers that did not come first: with their ranks, missed ones without."""
    relevant = sorted((target for target, grade in one.grades.items() if grade), key=lambda target: -one.grades[target])
    ranks = {target: rank for rank, target in enumerate(one.ranked, 1)}
    behind = [target for target in relevant if ranks.get(target, len(one.grades) + 1) > len(relevant)]
    return [f"{target} (rank {ranks[target]})" if target in ranks else str(target) for target in behind or relevant][:longest]


def instead(one: JudgedQuery, longest: int = 3) -> list[str]:
    """What stood first and answers nothing."""
    return [str(target) for target in one.ranked if not one.grades.get(target)][:longest]


def _lines(names: list[str]) -> str:
    return escape("\n".join(names))


def _query_numbers(one: JudgedQuery) -> dict[str, object]:
    ranked = [{"target": str(target), "grade": one.grades.get(target, 0)} for target in one.ranked]
    return {
        "query": one.query,
        "text": one.text,
        "ndcg": one.ndcg,
        "reciprocal_rank": one.reciprocal_rank,
        "recall": one.recall,
        "ranked": ranked,
        "missed": [str(target) for target in one.missed],
    }
