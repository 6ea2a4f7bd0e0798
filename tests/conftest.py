"""What tests of several packages share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from docpipe.settings import Settings, load_settings
from tests import servers
from tests.environment import forget_variables, share_models

if TYPE_CHECKING:
    from tests.installation import Installation

# Wide, so that what commands print is not broken where a test looks; read when their console is made.
os.environ["COLUMNS"] = "240"

# A busy machine must not fail a test.
hypothesis.settings.register_profile("docpipe", deadline=None)
hypothesis.settings.load_profile("docpipe")


MAY_SKIP = (
    "QDRANT_TEST_URL",
    "shared corpus",
    "root",
    "LibreOffice",
    "tesseract",
    "promtool",
    "network namespaces",
    "only Linux",
    "CUDA device",
    "redis-server",
)
"""What a machine may rightly lack: a Qdrant server, the real documents beside the project, one of the two kinds of user, a system's
program or a server that the product can do without, or what only some kernels have."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fail-on-skip", action="store_true", help="fail when a test skipped that this machine should have run")


def pytest_configure(config: pytest.Config) -> None:
    # Workers of xdist are started with the environment of the process that leads them.
    if not hasattr(config, "workerinput"):
        share_models(config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not reporter or not session.config.getoption("--fail-on-skip"):
        return
    reasons = {report.longrepr[2] for report in reporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)}
    unexpected = sorted(reason for reason in reasons if not any(word in reason for word in MAY_SKIP))
    if unexpected:
        reporter.write_line(f"skipped, but should have run: {'; '.join(unexpected)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The maintenance database of a Postgres server."""
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server without any bucket."""
    with servers.s3() as url:
        yield url


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers what was asked of it."""
    with servers.web() as (url, asked):
        yield url, asked


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Makes settings with a home of their own, untouched by the environment and by any `.env` file."""
    forget_variables(monkeypatch)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def make(**overrides: object) -> Settings:
        return load_settings(**({"home": tmp_path / "home", "_env_file": None} | overrides))

    return make


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """The product on an instance of its own, in memory."""
    # Imported here, since most tests can do without Dagster.
    from tests.installation import installation_at

    with installation_at(tmp_path / "home", monkeypatch) as opened:
        yield opened


@pytest.fixture
def durable_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """One whose Dagster keeps its events in SQLite files."""
    from tests.installation import installation_at

    with installation_at(tmp_path / "home", monkeypatch, on_disk=True) as opened:
        yield opened
