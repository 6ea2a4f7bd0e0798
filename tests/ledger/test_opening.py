"""Making, upgrading and refusing a ledger, and what a database can do on its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from docpipe.errors import ConfigurationError, LedgerTooNew, TransientError
from docpipe.ledger import Ledger
from docpipe.ledger.migration import _MIGRATIONS
from docpipe.ledger.schema import REVISION, metadata
from tests.ledger.arrivals import register
from tests.servers import free_port


def test_what_was_written_is_there_after_opening_again(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        register(ledger, "a")
    with Ledger.open(ledger_url) as ledger:
        assert [known.key for known in ledger.known()] == ["a"]


def test_the_migrations_make_the_tables_that_the_code_reads(ledger: Ledger) -> None:
    with ledger._database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_code_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_a_newer_ledger_is_left_alone(ledger: Ledger, ledger_url: str) -> None:
    register(ledger, "a")
    with ledger._database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerTooNew, match=r"'9999'.*newer"):
        Ledger.open(ledger_url)
    assert [known.key for known in ledger.known()] == ["a"]


def test_names_that_need_quoting_are_folders_too(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'with space' / '100% größe' / 'ledger.sqlite'}") as ledger:
        assert register(ledger, "a") == ["a"]


def test_sqlite_is_set_up_to_be_shared(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger, ledger._database.read() as connection:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted} == wanted


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://u:hunter2@h/d", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://u:hunter2@h/d"]
)
def test_a_url_that_is_none_says_what_to_write(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_LEDGER") as caught:
        Ledger.open(url)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_transient() -> None:
    with pytest.raises(TransientError, match="DOCPIPE_LEDGER") as caught:
        Ledger.open(f"postgresql://user:hunter2@127.0.0.1:{free_port()}/none")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all " * 1_000)
    with pytest.raises(ConfigurationError, match="damaged"):
        Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"no database at all " * 1_000


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="DOCPIPE_HOME"):
        Ledger.open(f"sqlite:///{tmp_path / 'file' / 'ledger.sqlite'}")


def test_a_locked_ledger_is_waited_for_and_then_transient(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(f"sqlite:///{path}", wait_seconds=0.1) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="write lock"):
            register(ledger, "a")
        assert list(ledger.known()) == []
        other.execute("ROLLBACK")
        other.close()
        assert register(ledger, "a") == ["a"]


def test_a_full_disk_says_so_and_keeps_what_was_there(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        register(ledger, "a")
        with ledger._database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        # One connection of the pool may not make the file grow, as on a disk that is full.
        raw = ledger._database.engine.raw_connection()
        raw.cursor().execute(f"PRAGMA max_page_count={pages}")
        raw.close()
        with pytest.raises(ConfigurationError, match="no room for the ledger"):
            register(ledger, *(f"{number:04}" for number in range(2_000)))
        assert [known.key for known in ledger.known()] == ["a"]
