"""Commands write their log as the settings want it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import remaining_variables

SAY = """
import logging, sys
from docpipe.cli import main
log = logging.getLogger("docpipe.anything")
def asked(*arguments, **more):
    log.info("an info")
    log.warning("a warning of %s", "hush-word")
import docpipe.cli.status
docpipe.cli.status._summary = asked
sys.argv = ["docpipe", "status"]
main()
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["WARNING a warning of [hidden]"]),
        ({"DOCPIPE_LOG_FORMAT": "json"}, ["an info", "a warning of [hidden]"]),
        ({"LOG_LEVEL": "INFO"}, ["INFO an info", "WARNING a warning of [hidden]"]),
    ],
    ids=["text", "json", "text from info on"],
)
def test_lines_go_to_standard_error(tmp_path: Path, variables: dict[str, str], expected: list[str]) -> None:
    environment = {**remaining_variables(), "DOCPIPE_HOME": str(tmp_path), "DOCPIPE_PASSWORDS": "hush-word", **variables}
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    if "DOCPIPE_LOG_FORMAT" in variables:
        assert [json.loads(line)["message"] for line in lines] == expected
    else:
        # Behind the time of day.
        assert [line.partition(" ")[2] for line in lines] == expected
