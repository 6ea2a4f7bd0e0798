"""Imports run one way: glue, resources, domain."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]
GLUE = ("dagster", "fastapi", "resources", "doc_assets", "sensors", "service")


def test_the_contracts_of_pyproject_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    # It would silence every logger that is there, and with them the tests that come after this one and read the log.
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=str(tmp_path))
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_domain_names_no_glue_even_inside_functions() -> None:
    found = []
    for path in sorted((ROOT / "docpipe").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found += [f"{path.relative_to(ROOT)} imports {name}" for name in names if name.split(".")[0] in GLUE]
    assert found == []


def test_the_domain_loads_where_dagster_is_not_installed() -> None:
    script = (
        "import sys\n"
        "sys.modules['dagster'] = None\n"
        "import docpipe.pipeline, docpipe.reconcile, docpipe.reprocess, docpipe.consistency, docpipe.cli.main\n"
        "print('loaded')"
    )
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.stdout == "loaded\n", found.stderr
