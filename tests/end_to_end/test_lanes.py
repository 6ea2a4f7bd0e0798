"""A worker a lane, over real Redis and real Postgres: who did what, and what happens when one is killed or fed with poison."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
import redis as redis_client

from docpipe.consistency import check
from docpipe.lane import LaneName
from docpipe.models import DocumentStatus, StageName
from resources.step_queue import open_app
from tests import servers
from tests.end_to_end.cluster import Cluster, cluster
from tests.end_to_end.home import TEXTS

pytestmark = pytest.mark.timeout(900)

LANES = {
    StageName.PARSED_PAGES: LaneName.CPU,
    StageName.CHUNKS: LaneName.CPU,
    StageName.ENRICHED_CHUNKS: LaneName.CPU,
    StageName.EMBEDDINGS: LaneName.GPU,
    StageName.INDEXED_VECTORS: LaneName.IO,
}
FIRST = ["gate.txt", "words.txt"]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, redis_url: str) -> Iterator[Cluster]:
    """A worker a lane, which have met poison in their queues and taken a batch through."""
    # One process in the lane `cpu`, whose parsing processes then serve all of its steps.
    variables = {"DOCPIPE_LOST_STEP_SECONDS": "6", "DOCPIPE_CPU_CONCURRENCY": "1"}
    with cluster(tmp_path_factory.mktemp("lanes"), postgres_url, redis_url, **variables) as made:
        made.put({name: TEXTS[name] for name in FIRST})
        poison(made, redis_url)
        for lane in LaneName:
            made.start_worker(lane.value)
        made.start_daemon()
        made.wait_until(lambda: all_indexed(made, len(FIRST)))
        yield made


def all_indexed(lanes: Cluster, number: int) -> bool:
    """And no run is under way any more."""
    done = lanes.pipeline.ledger.summary().documents == {DocumentStatus.INDEXED: number}
    return done and all(run.is_finished for run in lanes.runs())


def poison(lanes: Cluster, redis_url: str) -> None:
    """Put into every queue what no worker can read, and what it can read and makes no sense."""
    app = open_app(lanes.pipeline.settings)
    client = redis_client.Redis.from_url(f"{redis_url}/1")
    garbage = [b"\xff\x00 not even text", b"not JSON", b'{"x": 1}', b"[]", b"null", b'{"body": "!!", "headers": 7, "properties": []}']
    for lane in LaneName:
        for body in garbage:
            client.lpush(lane.value, body)
        app.send_task("nobody.knows.this", queue=lane.value, priority=5, args=[1])
        app.send_task("execute_plan", queue=lane.value, priority=5, kwargs={"execute_step_args_packed": {"x": 1}, "executable_dict": 7})
        app.send_task("execute_plan", queue=lane.value, priority=5, args=["nonsense", None])
        app.send_task("execute_plan", queue=lane.value, priority=5)


def test_each_step_is_worked_on_in_its_lane_beside_poisoned_messages(lanes: Cluster, redis_url: str) -> None:
    run = lanes.runs()[0]
    assert run.status is dg.DagsterRunStatus.SUCCESS
    workers = lanes.workers_of(run.run_id)
    for stage, lane in LANES.items():
        assert [name.split("-")[0] for name in workers[stage]] == [lane], workers
    client = redis_client.Redis.from_url(f"{redis_url}/1")
    assert not [key for lane in LaneName for key in client.scan_iter(f"{lane.value}*") if client.type(key) == b"list"]
    assert check(lanes.pipeline).inconsistencies == []


def test_a_killed_worker_loses_nothing(lanes: Cluster) -> None:
    """kill -9 of a lane's only worker, with all its children, in the middle of a step: the same run goes on with another worker."""
    (cpu,) = [process for process, log in lanes.watched if log.name == "cpu.log"]
    before = lanes.runs()[0]
    texts = {f"snow-{number}.txt": f"{number}\n{TEXTS['snow.txt']}" for number in range(4)}
    lanes.put(texts)
    lanes.wait_until(lambda: any(StageName.PARSED_PAGES in lanes.pids_of(run.run_id) for run in lanes.runs()[1:]))
    lanes.kill(cpu)
    lanes.start_worker("cpu")
    lanes.wait_until(lambda: all_indexed(lanes, len(FIRST) + len(texts)))
    killed = lanes.runs()[1]
    assert killed.status is dg.DagsterRunStatus.SUCCESS
    assert "parsed_pages: sent again" in lanes.messages_of(killed.run_id)
    assert len(set(lanes.workers_of(killed.run_id)[StageName.PARSED_PAGES])) == 2
    # No poison ended a process: the one that has loaded the model has embedded this batch too.
    assert lanes.pids_of(killed.run_id)[StageName.EMBEDDINGS] == lanes.pids_of(before.run_id)[StageName.EMBEDDINGS]
    assert {document.attempts for document in lanes.pipeline.ledger.all_documents()} == {0}
    assert check(lanes.pipeline).inconsistencies == []
