"""The Dockerfile passes its linter, and each image runs without root and says how it is."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker" / "Dockerfile"
TARGETS = {"code", "cpu", "gpu", "service"}


def stages() -> dict[str, str]:
    """By name: the text of each stage."""
    parts = re.split(r"^FROM ", FILE.read_text(), flags=re.MULTILINE)[1:]
    return {part.split("\n")[0].split(" AS ")[1]: part for part in parts}


def test_the_linter_has_nothing_to_say() -> None:
    done = subprocess.run([str(Path(sys.executable).parent / "hadolint"), str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_an_image_runs_without_root_and_is_asked_how_it_is(target: str) -> None:
    text = stages()[target]
    assert re.findall(r"^USER (\d+)$", text, re.MULTILINE)[-1] != "0"
    assert text.rindex("USER ") > text.rfind("RUN "), "nothing is installed after root is given up"
    assert "HEALTHCHECK --interval=30s --timeout=10s" in text
    assert "--retries=3" in text


def test_the_base_is_one_version() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.11\.\d+-slim-\w+$", FILE.read_text(), re.MULTILINE)


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    rules = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (.+)$", FILE.read_text(), re.MULTILINE) for name in line.split()[:-1]}
    assert copied == kept
    assert all((PROJECT / name).exists() for name in copied)
    # Neither secrets nor documents: what a developer has beside the code.
    for name in (".env", "docker/.env", ".docpipe/bucket/report.pdf", ".git/config"):
        assert not any(fnmatch.fnmatch(name, rule) or name.startswith(f"{rule}/") for rule in kept), name


def test_the_extras_that_it_installs_are_there() -> None:
    named = set(re.findall(r'"\.\[([\w,-]+)\]"', FILE.read_text()))
    extras = {extra for some in named for extra in some.split(",")}
    declared = (PROJECT / "pyproject.toml").read_text()
    assert extras >= {"lanes", "k8s"}
    assert all(re.search(rf"^{extra} = \[", declared, re.MULTILINE) for extra in extras)
