"""Which documents are due for a look at their attachments, and until when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, inspect

from docpipe.ledger import Arrival, Ledger
from docpipe.ledger.migration import _MIGRATIONS
from docpipe.models import Document, DocumentStatus, ObjectInfo, StageName
from tests.ledger.arrivals import arrival, index, register

_PARSED = StageName.PARSED_PAGES


def parse(ledger: Ledger, key: str, attachments: int, generation: int = 1, fingerprint: str = "f1") -> None:
    (started,) = ledger.start(_PARSED, {key: (generation, fingerprint, "r")}, "run")
    assert ledger.complete(_PARSED, started, generation, fingerprint, "r", {"pages": 1, "attachments": attachments}, 0.1, "run")


def attached(name: str, etag: str = "e1", parent: str = "mail", fingerprint: str = "f1") -> Arrival:
    return Arrival(ObjectInfo(name, 10, etag), f"key of {name}", "text/plain", parent=parent, parent_fingerprint=fingerprint)


def due(ledger: Ledger) -> list[str]:
    return [document.key for document in ledger.due()]


def one(ledger: Ledger, name: str) -> Document:
    return ledger.documents([f"key of {name}"])[f"key of {name}"]


def test_only_what_has_attachments_is_due_when_it_is_parsed(ledger: Ledger) -> None:
    register(ledger, "mail", "text")
    assert due(ledger) == []
    parse(ledger, "mail", 1)
    parse(ledger, "text", 0)
    assert due(ledger) == ["mail"]
    assert ledger.documents(["mail"])["mail"].attachments_due
    assert ledger.settle_attachments("mail", "f1", {}) is True
    assert due(ledger) == []


def test_an_attachment_is_a_pending_document_that_no_bucket_is_asked_for(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 1)
    (document,) = ledger.register([attached("a")])
    assert (document.status, document.generation, document.parent, document.parent_fingerprint) == (DocumentStatus.PENDING, 1, "mail", "f1")
    assert document.content_sha256 == document.etag == "e1"
    assert [known.key for known in ledger.known()] == ["mail"]
    assert "key of a" in {pending.key for pending in ledger.pending(10)}
    assert ledger.attachments(["mail", "none"]) == {"mail": [document]}
    assert ledger.register([attached("a")]) == []
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"})


def test_a_document_stays_due_until_its_attachments_are_as_listed(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 2)
    ledger.register([attached("a"), attached("b")])
    assert ledger.settle_attachments("mail", "other", {"a": "e1", "b": "e1"}) is False
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"}) is False
    assert ledger.settle_attachments("mail", "f1", {"a": "e1", "b": "e2"}) is False
    assert due(ledger) == ["mail"]
    # What is in a batch can be neither changed nor marked as gone.
    ledger.queue("batch", ["key of a", "key of b"])
    assert ledger.register([attached("a", "e2")]) == []
    assert ledger.mark_gone(["key of b"]) == []
    assert ledger.settle_attachments("mail", "f1", {"a": "e2"}) is False
    ledger.close_batch("batch", 3, count=False)
    assert [document.generation for document in ledger.register([attached("a", "e2")])] == [2]
    assert ledger.mark_gone(["key of b"]) == ["key of b"]
    assert ledger.settle_attachments("mail", "f1", {"a": "e2"}) is True


def test_a_mail_that_is_parsed_again_has_its_attachments_read_from_the_new_artifact(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 1)
    ledger.register([attached("a")])
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"})
    parse(ledger, "mail", 0, fingerprint="f2")
    assert due(ledger) == ["mail"]
    # The same bytes are no new generation.
    assert ledger.register([attached("a", fingerprint="f2")]) == []
    assert ledger.settle_attachments("mail", "f2", {"a": "e1"})
    assert (one(ledger, "a").parent_fingerprint, one(ledger, "a").generation) == ("f2", 1)


def test_a_mail_that_goes_is_refused_or_fails_has_its_attachments_looked_at(ledger: Ledger) -> None:
    names = ("gone", "refused", "failed", "alone")
    register(ledger, *names)
    for name in names:
        parse(ledger, name, 0 if name == "alone" else 1)
        index(ledger, [name])
    ledger.register([attached(f"in {name}", parent=name) for name in names if name != "alone"])
    for name in ("gone", "refused", "failed"):
        assert ledger.settle_attachments(name, f"{_PARSED}-f", {f"in {name}": "e1"})
    assert due(ledger) == []
    ledger.mark_gone(["gone", "alone"])
    ledger.register([arrival("refused", "e2", refusal="encrypted")])
    ledger.fail(StageName.CHUNKS, "failed", 1, "ParseFailed", "no")
    assert due(ledger) == ["failed", "gone", "refused"]
    # Attachments of what is gone are listed nowhere.
    assert ledger.settle_attachments("gone", None, {}) is False
    ledger.mark_gone(["key of in gone"])
    assert ledger.settle_attachments("gone", None, {}) is True
    # One that is parsed in its present generation has an artifact, and only that says what it holds.
    assert ledger.settle_attachments("failed", None, {"in failed": "e1"}) is False


def test_attachments_of_an_attachment_that_goes_are_looked_at_too(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 1)
    ledger.register([attached("inner")])
    assert ledger.settle_attachments("mail", "f1", {"inner": "e1"})
    parse(ledger, "key of inner", 1)
    ledger.register([attached("innermost", parent="key of inner")])
    assert ledger.settle_attachments("key of inner", "f1", {"innermost": "e1"})
    ledger.close_run("run", 3)
    ledger.mark_gone(["key of inner"])
    assert due(ledger) == ["key of inner"]


def test_a_superseded_attachment_makes_its_parent_due(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 1)
    ledger.register([attached("a")])
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"})
    assert ledger.supersede("key of a", 1)
    assert due(ledger) == ["mail"]
    assert [document.generation for document in ledger.register([attached("a")])] == [2]
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"})
    assert due(ledger) == []


def test_a_refused_attachment_that_is_asked_for_again_makes_its_parent_due(ledger: Ledger) -> None:
    register(ledger, "mail")
    parse(ledger, "mail", 1)
    ledger.register([Arrival(ObjectInfo("a", 1, "e1"), "key of a", "", "an archive", 1, "mail", "f1")])
    assert ledger.settle_attachments("mail", "f1", {"a": "e1"})
    assert ledger.requeue(["key of a"]) == ["key of a"]
    assert due(ledger) == ["mail"]


def test_due_documents_come_in_pages(ledger: Ledger) -> None:
    names = [f"mail {number}" for number in range(5)]
    register(ledger, *names)
    ledger.look_again(names)
    assert [document.key for document in ledger.due(limit=2)] == names[:2]
    assert [document.key for document in ledger.due(after=names[1], limit=10)] == names[2:]


def test_due_documents_are_found_without_reading_all(tmp_path: Path) -> None:
    executed: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            executed.append((statement, parameters))

    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        event.listen(ledger._database.engine, "before_cursor_execute", note)
        ledger.due("a")
        ledger.attachments(["a"])
        event.remove(ledger._database.engine, "before_cursor_execute", note)
        with ledger._database.read() as connection:
            first, second = [
                str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()) for statement, values in executed
            ]
    assert "documents_due" in first
    assert "attachments_superseded" in first
    assert "SCAN" not in first
    assert "documents_by_parent" in second


def test_a_ledger_from_before_attachments_is_upgraded_with_all_it_holds(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger, ledger._database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        connection.exec_driver_sql(
            "INSERT INTO documents (key, object_key, generation, media_type, size, etag, version, status, attempts, pages_estimate,"
            " first_seen, updated) VALUES ('a', 'a', 3, 'text/plain', 1, 'e', '', 'indexed', 0, 1, '2024-01-01', '2024-01-01')"
        )
        command.downgrade(config, "0001")
        assert "parent" not in {column["name"] for column in inspect(connection).get_columns("documents")}
    with Ledger.open(ledger_url) as ledger:
        (document,) = ledger.all_documents()
        assert (document.key, document.generation, document.parent, document.attachments_due) == ("a", 3, None, False)
