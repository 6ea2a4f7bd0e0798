"""The queries behind the UI's page of an asset, asked of a real webserver over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

STARTUP_SECONDS = 180.0
QUERIES = {
    "partitions with their states": """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
        partitionKeysByDimension { name type partitionKeys }
        assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions materializingPartitions failedPartitions } }
    } } }""",
    "numbers on the graph": """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
        partitionStats { numMaterialized numMaterializing numPartitions numFailed }
    } } }""",
    "latest materializations": """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
        assetMaterializations(limit: 50) { timestamp partition runId metadataEntries { label } }
    } } }""",
}


def ask(url: str, query: str, variables: Mapping[str, Any]) -> tuple[float, bytes]:
    """Seconds until the whole answer is there, and the answer."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    begun = time.perf_counter()
    with urlopen(Request(f"{url}/graphql", body, {"Content-Type": "application/json"}), timeout=600) as answer:  # noqa: S310
        data: bytes = answer.read()
    seconds = time.perf_counter() - begun
    found = json.loads(data)
    if "errors" in found:
        raise RuntimeError(found["errors"][0]["message"])
    return seconds, data


def measure_pages(environment: Mapping[str, str], project: Path, asset: str) -> list[dict[str, Any]]:
    """Each query twice: the first time a cache of Dagster's may have to be made."""
    rows = []
    with webserver(environment, project) as (url, process):
        for name, query in QUERIES.items():
            row: dict[str, Any] = {"what": f"UI: {name}"}
            for column in ("first_s", "again_s"):
                before = _processor_seconds(process)
                seconds, data = ask(url, query, {"asset": {"path": [asset]}})
                row[column] = round(seconds, 2)
                row["cpu_s"] = round(_processor_seconds(process) - before, 2)
                row["answer_kb"] = len(data) // 1024
            rows.append(row)
    return rows


@contextmanager
def webserver(environment: Mapping[str, str], project: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
    environment = {**os.environ, **environment}
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _await(url, process)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _, data = ask(url, "{ assetNodes { id } }", {})
            if json.loads(data)["data"]["assetNodes"]:
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the webserver did not start")


def _processor_seconds(process: psutil.Process) -> float:
    """Of the webserver and its code location."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))
