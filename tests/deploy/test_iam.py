"""The policies of deploy/iam allow what their role does, and no more, on a server that enforces them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest
from dagster_aws.s3 import S3ComputeLogManager

from docpipe.bucket import Bucket, open_bucket
from docpipe.errors import BucketDenied
from docpipe.settings import Settings
from tests import servers

POLICIES = Path(__file__).resolve().parents[2] / "deploy" / "iam"
BUCKETS = ("documents", "artifacts", "dagster-logs", "somebody-else-s")

OpenAs = Callable[[str, str], Bucket]


@pytest.fixture(scope="module")
def enforcing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a process of its own, since whether rights are enforced is one switch for all servers of a process."""
    port, log = servers.free_port(), tmp_path_factory.mktemp("moto") / "log"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        servers.await_port(port, process, log)
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def keys_of(enforcing_server: str) -> dict[str, dict[str, str]]:
    """Keys of somebody whom one policy allows what he may, by policy; the four buckets are there."""
    _tell(enforcing_server, "reset-auth", "inf")
    _tell(enforcing_server, "reset", "")
    place = {"endpoint_url": enforcing_server, "region_name": "us-east-1"}
    keys = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
    storage, people = boto3.client("s3", **place, **keys), boto3.client("iam", **place, **keys)
    for name in BUCKETS:
        storage.create_bucket(Bucket=name)
        storage.put_object(Bucket=name, Key="plan.txt", Body=b"north wing")
    opened: dict[str, dict[str, str]] = {}
    for role in ("pipeline", "worker"):
        people.create_user(UserName=role)
        people.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=(POLICIES / f"{role}.json").read_text())
        key = people.create_access_key(UserName=role)["AccessKey"]
        opened[role] = {"s3_access_key": key["AccessKeyId"], "s3_secret_key": key["SecretAccessKey"]}
    _tell(enforcing_server, "reset-auth", "0")
    return opened


@pytest.fixture
def open_as(enforcing_server: str, keys_of: dict[str, dict[str, str]], settings: Callable[..., Settings]) -> OpenAs:
    """Opens a bucket of the four as one of these."""
    return lambda role, bucket: open_bucket(f"s3://{bucket}", settings(s3_endpoint=enforcing_server, **keys_of[role]))


def _tell(server: str, what: str, value: str) -> None:
    request = Request(f"{server}/moto-api/{what}", data=value.encode(), headers={"Content-Type": "text/plain"}, method="POST")
    with urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_the_pipeline_reads_moves_and_removes_documents(open_as: OpenAs) -> None:
    bucket = open_as("pipeline", "documents")
    (info,) = bucket.list()
    assert bucket.read(info.key) == b"north wing"
    assert bucket.copy(info, "_quarantine/plan.txt")
    bucket.delete(info.key)
    assert [one.key for one in bucket.list()] == ["_quarantine/plan.txt"]


def test_a_worker_reads_documents_and_changes_none(open_as: OpenAs) -> None:
    bucket = open_as("worker", "documents")
    assert [one.key for one in bucket.list()] == ["plan.txt"]
    assert bucket.read("plan.txt") == b"north wing"
    with pytest.raises(BucketDenied):
        bucket.write("plan.txt", b"south wing")
    with pytest.raises(BucketDenied):
        bucket.delete("plan.txt")
    assert bucket.read("plan.txt") == b"north wing"


@pytest.mark.parametrize("role", ["pipeline", "worker"])
def test_both_keep_artifacts(open_as: OpenAs, role: str) -> None:
    bucket = open_as(role, "artifacts")
    bucket.write("chunks/a", b"1")
    assert bucket.read("chunks/a") == b"1"
    bucket.delete("chunks/a")
    assert [one.key for one in bucket.list()] == ["plan.txt"]


@pytest.mark.parametrize("role", ["pipeline", "worker"])
def test_neither_sees_another_bucket(open_as: OpenAs, role: str) -> None:
    with pytest.raises(BucketDenied):
        list(open_as(role, "somebody-else-s").list())


def test_a_worker_writes_logs_and_removes_none(open_as: OpenAs) -> None:
    bucket = open_as("worker", "dagster-logs")
    bucket.write("compute-logs/run/step.out", b"hello")
    with pytest.raises(BucketDenied):
        bucket.delete("compute-logs/run/step.out")
    with pytest.raises(BucketDenied):
        bucket.read("plan.txt")


def test_the_pipeline_deletes_the_logs_of_old_runs_as_cleaning_does(
    open_as: OpenAs, keys_of: dict[str, dict[str, str]], enforcing_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = open_as("pipeline", "dagster-logs")
    for run in ("old", "young"):
        bucket.write(f"compute-logs/storage/{run}/step.out", b"hello")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys_of["pipeline"]["s3_access_key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys_of["pipeline"]["s3_secret_key"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    logs = S3ComputeLogManager("dagster-logs", str(tmp_path), prefix="compute-logs", endpoint_url=enforcing_server)
    # It lists first, which is refused as a whole. Of the deletion of many at once moto judges the bucket and not the objects: one by one.
    logs.delete_logs(prefix=["old"])
    bucket.delete("compute-logs/storage/old/step.out")
    assert [one.key for one in bucket.list(prefix="compute-logs/")] == ["compute-logs/storage/young/step.out"]
    with pytest.raises(BucketDenied):
        bucket.delete("plan.txt")
