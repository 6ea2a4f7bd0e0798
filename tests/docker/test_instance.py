"""The Postgres instance of docker/ loads, keeps a run, and writes its logs to S3."""

import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import dagster as dg
import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]


def test_the_postgres_instance_keeps_runs_and_logs(
    tmp_path: Path, postgres_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_url)
    monkeypatch.setenv("DAGSTER_LOGS_BUCKET", "dagster-logs")
    monkeypatch.setenv("S3_ENDPOINT", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    client.create_bucket(Bucket="dagster-logs")
    shutil.copy(PROJECT / "docker" / "dagster.yaml", tmp_path)
    command = [sys.executable, "-m", "tests.docker.talking", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    run_id = done.stderr.split()[-1]
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert [run.run_id for run in instance.get_runs()] == [run_id]
    listed = client.list_objects_v2(Bucket="dagster-logs", Prefix="compute-logs/")
    assert any(run_id in entry["Key"] and entry["Key"].endswith(".out") for entry in listed["Contents"])


def test_the_two_instances_treat_runs_alike() -> None:
    embedded = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    cluster = yaml.safe_load((PROJECT / "docker" / "dagster.yaml").read_text())
    for section in ("run_retries", "retention", "telemetry"):
        assert embedded[section] == cluster[section]
