"""The same files and the same MiniLM weights through docpipe, LlamaIndex, Haystack, LangChain and CocoIndex.

    python -m benchmarks.peers.run --python .venv-peers/bin/python [--chunks 1000 5000] [--files 100] [--rounds 2] [--only docpipe Haystack]

Three kinds of cases: from the same chunks to stored vectors; from generated PDFs and the samples' PDFs to searchable vectors;
and the same from other people's PDFs, as far as the peers' readers get text from them. Everybody works in a process of
its own, one after the other and in rounds, so that the ratios hold on a machine that others use too. `make bench-peers`
installs the peers from `requirements.txt` in an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.embed_limit import core_rates
from benchmarks.embed_work import shape_of
from benchmarks.peers.comparison import Comparison, verdicts
from benchmarks.peers.competitors import COMPETITORS, OURS, Competitor
from benchmarks.peers.peer import CHUNKS, FILES, HOME, Job
from benchmarks.peers.prepare import prepare_chunks, prepare_files, prepare_model
from benchmarks.peers.process import PeerFailed, measure
from benchmarks.peers.quality import Grades, answerable
from benchmarks.result import PROJECT, publish
from docpipe.chunk.stage import chunk_sizes
from docpipe.embed.model import find_model
from docpipe.golden import GoldenSet
from docpipe.settings import load_settings

SAMPLES = PROJECT / "samples" / "documents"
SAMPLES_GOLDEN = PROJECT / "samples" / "golden"
CORPUS_GOLDEN = PROJECT / "benchmarks" / "golden_corpus"
PEERS = ("LlamaIndex", "Haystack", "LangChain")
"""Those that the project's targets name."""
REQUIREMENTS = Path(__file__).parent / "requirements.txt"


@dataclass(frozen=True, slots=True)
class Case:
    """One job for everybody."""

    name: str
    kind: str
    source: Path
    judged: Grades
    questions: Mapping[str, str]


def main() -> None:
    arguments = _arguments()
    facts = {"rounds": arguments.rounds, "gflops_a_core": _rates(), "versions": _versions(arguments.python)}
    _say(f"GFLOP/s a core, in the model's matrices: {facts['gflops_a_core']}")
    comparisons: list[Comparison] = []
    with TemporaryDirectory(prefix="docpipe-peers-") as scratch:
        for case in _cases(arguments, Path(scratch)):
            comparisons.append(_compare(case, arguments, Path(scratch)))
            # After each case, since all of them take an hour or two.
            _publish(arguments.name, comparisons, facts)


def _publish(name: str, comparisons: Sequence[Comparison], facts: Mapping[str, Any]) -> None:
    rows = [row for comparison in comparisons for row in comparison.rows()]
    said = verdicts(rows, OURS, PEERS)
    questions = {one.case: {"all": len(one.judged), "read_by_all": len(one.read_by_all())} for one in comparisons if one.judged}
    publish(name, rows, **facts, questions=questions, verdicts=said)
    print(*said, sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=PROJECT / ".venv-peers" / "bin" / "python", help="an interpreter that has the peers")
    parser.add_argument("--chunks", type=int, nargs="*", default=[1_000], help="one case for each number; none without a number")
    parser.add_argument("--files", type=int, default=100, help="generated PDFs; 0 leaves this case out")
    corpus = PROJECT.parent / "shared" / "corpus" / "files"
    parser.add_argument("--corpus", type=Path, default=corpus, help="a folder of other people's PDFs, where it is there")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="competitors whose names begin like this, beside ours; all without it")
    parser.add_argument("--name", default="peers", help="of the file in benchmarks/results")
    arguments = parser.parse_args()
    if not arguments.python.exists():
        parser.error(f"there is no interpreter at {arguments.python}: `make bench-peers` installs one, or name yours with --python")
    return arguments


def _cases(arguments: argparse.Namespace, scratch: Path) -> list[Case]:
    """Prepare everything that is measured later."""
    template = scratch / HOME
    prepare_model(template)
    samples = [path for path in sorted(SAMPLES.iterdir()) if path.is_file()]
    cases = []
    for count in arguments.chunks:
        _say(f"preparing {count:,} chunks")
        source = _source(scratch / f"chunks-{count}", template)
        cases.append(Case(f"{prepare_chunks(source, count, samples):,} chunks", CHUNKS, source, {}, {}))
    if arguments.files:
        source = _source(scratch / "files", template)
        names = prepare_files(source, arguments.files, [path for path in samples if path.suffix == ".pdf"])
        cases.append(_files_case(f"{len(names)} PDFs, generated and samples", source, names, SAMPLES_GOLDEN))
    if arguments.corpus.is_dir():
        _say("looking for PDFs that the peers can read")
        source = _source(scratch / "corpus", template)
        readable = [arguments.corpus / name for name in _module(arguments.python, "benchmarks.peers.readable", str(arguments.corpus))]
        names = prepare_files(source, 0, readable)
        cases.append(_files_case(f"{len(names)} PDFs of other people", source, names, CORPUS_GOLDEN))
    return cases


def _source(folder: Path, template: Path) -> Path:
    """A folder to prepare, whose home holds the converted model."""
    shutil.copytree(template, folder / HOME)
    return folder


def _files_case(name: str, source: Path, names: list[str], golden: Path) -> Case:
    if not golden.is_dir():
        return Case(name, FILES, source, {}, {})
    questions = GoldenSet.load(golden)
    judged = answerable(questions, names)
    return Case(name, FILES, source, judged, {question: questions.queries[question] for question in judged})


def _compare(case: Case, arguments: argparse.Namespace, scratch: Path) -> Comparison:
    comparison = Comparison(case.name, judged=case.judged)
    competitors = [
        one for one in COMPETITORS[case.kind] if not arguments.only or one.name == OURS or one.name.startswith(tuple(arguments.only))
    ]
    for number in range(1, arguments.rounds + 1):
        comparison.rounds.append({})
        for competitor in competitors:
            if competitor in comparison.failures:
                continue
            about = f"{case.name}, round {number} of {arguments.rounds}, {competitor.name}"
            _say(about)
            python = Path(sys.executable) if competitor.is_ours else arguments.python
            with TemporaryDirectory(prefix="job-", dir=scratch) as folder:
                job = _job(case, competitor, Path(folder))
                try:
                    found = measure(python, job, Path(folder) / "log")
                except PeerFailed as error:
                    comparison.failures[competitor] = str(error)
                    _say(f"{about}: failed: {error}")
                    continue
            comparison.rounds[-1][competitor] = found
            _say(f"{about}: {found.seconds:.1f} s, {found.cpu_seconds:.1f} s of processor time, {found.points:,} points")
    return comparison


def _job(case: Case, competitor: Competitor, folder: Path) -> Job:
    settings = load_settings(home=folder, _env_file=None)
    model = find_model(settings)
    tokens, overlap = chunk_sizes(settings, model)
    questions = folder / "questions.json"
    questions.write_text(json.dumps(case.questions))
    asked = str(questions) if case.questions else ""
    return Job(competitor.path, competitor.variant, case.kind, str(case.source), str(folder), str(model.folder), tokens, overlap, asked)


def _rates() -> dict[str, dict[str, float]]:
    """How fast a core multiplies: a machine that is slow in f32, as the peers compute, flatters whoever computes in bf16."""
    shape = shape_of(find_model(load_settings(_env_file=None)))
    return {precision: {name: round(rate, 1) for name, rate in core_rates(shape, precision).items()} for precision in ("f32", "bf16")}


def _module(python: Path, *command: str) -> list[str]:
    """The lines that a module prints in another interpreter."""
    done = subprocess.run(
        [str(python), "-m", *command], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    return done.stdout.splitlines()


def _versions(python: Path) -> list[str]:
    wanted = {line.split("==")[0] for line in REQUIREMENTS.read_text().splitlines() if "==" in line}
    return [line for line in _module(python, "pip", "freeze") if line.split("==")[0] in wanted]


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    main()
