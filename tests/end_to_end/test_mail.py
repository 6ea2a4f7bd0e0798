"""A mail through Dagster, with the real stages: its attachments are found as documents, change with it and go with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import boto3
import pytest
from sqlalchemy import create_engine, make_url
from typer.testing import CliRunner

from docpipe.cli.main import app
from docpipe.consistency import check
from docpipe.models import DocumentStatus, StageName
from docpipe.search import Hit, search
from resources.pipeline import _pipeline
from tests.end_to_end.home import opened
from tests.environment import remaining_variables
from tests.installation import Installation, installation_at

ROOT = Path(__file__).parents[2]
OFFER = "mail.eml!//01-offer.md"
MARK = "# Offer\n\nThe gear rim costs 4,711 crowns, and it is guaranteed for sixty months."
TIDE = "# Tide table\n\nHigh water at Pellworm is at 14:20 on Thursday."


def mail(**attachments: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "jette@example.org", "oke@example.org", "Papers for Friday"
    message["Date"] = "Tue, 17 Sep 2024 17:55:00 +0200"
    message.set_content("Dear Oke, the papers for Friday are attached.")
    for name, text in attachments.items():
        message.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename=f"{name}.md")
    message.set_boundary("=_one")
    return message.as_bytes()


@pytest.fixture(params=["folder and SQLite", "S3 and Postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation without OCR."""
    environment = {"DOCPIPE_OCR": "false", "DOCPIPE_WORKERS": "2"}
    database = None
    if request.param == "S3 and Postgres":
        endpoint: str = request.getfixturevalue("s3_endpoint")
        name = f"mail-{uuid.uuid4().hex}"
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=name)
        environment |= {
            "DOCPIPE_BUCKET": f"s3://{name}/in",
            "DOCPIPE_ARTIFACTS": f"s3://{name}/artifacts",
            "S3_ENDPOINT": endpoint,
            "S3_ACCESS_KEY": "key",
            "S3_SECRET_KEY": "secret",
        }
        server = make_url(request.getfixturevalue("postgres_url"))
        database = f"docpipe_{uuid.uuid4().hex}"
        engine = create_engine(server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {database}")
        environment["DOCPIPE_LEDGER"] = server.set(database=database).render_as_string(hide_password=False)
    with installation_at(tmp_path / "home", monkeypatch) as made:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        _pipeline.cache_clear()
        yield made
    if database:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {database} WITH (FORCE)")
        engine.dispose()


def settle(place: Installation) -> int:
    """Ticks with all that they request, until one requests nothing; returns how many did."""
    for number in range(6):
        if not all(result.success for result in place.process_all()):
            raise AssertionError({one.object_key: one.error for one in place.pipeline.ledger.all_documents()})
        if not place.tick().requests:
            return number + 1
    raise AssertionError("it does not come to rest")


def best(place: Installation, question: str) -> Hit:
    return search(place.pipeline.settings, question, limit=1)[0]


def alive(place: Installation) -> dict[str, DocumentStatus]:
    return {one.object_key: one.status for one in place.pipeline.ledger.all_documents() if one.status is not DocumentStatus.DELETED}


def test_the_life_of_a_mail(place: Installation) -> None:
    place.pipeline.bucket.write("mail.eml", mail(offer=MARK))
    first = place.tick()
    assert [place.run(request).success for request in first.requests] == [True]
    second = place.tick()
    assert [request.tags["docpipe/documents"] for request in second.requests] == ["1"]
    assert [place.run(request).success for request in second.requests] == [True]
    hit = best(place, "For how long is the gear rim guaranteed?")
    assert (hit.object_key, hit.parent) == (OFFER, "mail.eml")
    assert "sixty months" in hit.text
    assert best(place, "Papers for Friday").parent == ""
    assert check(place.pipeline).inconsistencies == []
    key = place.pipeline.ledger.attachments(["mail.eml"])["mail.eml"][0].key
    for stage in StageName:
        assert place.partitions(stage).materialized == {"mail.eml", key}
    newest = place.materializations(StageName.PARSED_PAGES)[0]
    assert (newest.partition, newest.metadata["parent"].value) == (key, "mail.eml")

    # Another attachment takes the place of the first.
    place.pipeline.bucket.write("mail.eml", mail(tides=TIDE))
    settle(place)
    assert alive(place) == dict.fromkeys(("mail.eml", "mail.eml!//01-tides.md"), DocumentStatus.INDEXED)
    assert best(place, "When is high water at Pellworm?").parent == "mail.eml"
    assert not [hit for hit in search(place.pipeline.settings, "gear rim guaranteed sixty months", limit=10) if "4,711" in hit.text]
    assert check(place.pipeline).inconsistencies == []

    # Both go with the mail, and nothing of them stays.
    place.pipeline.bucket.delete("mail.eml")
    settle(place)
    assert alive(place) == {}
    assert search(place.pipeline.settings, "high water", limit=10) == []
    assert [one for stage in StageName for one in place.pipeline.artifacts.list_stage(stage)] == []
    assert list(place.instance.get_dynamic_partitions("documents")) == []
    found = check(place.pipeline)
    assert (found.inconsistencies, found.points) == ([], 0)


def test_a_mail_shows_what_came_with_it(place: Installation) -> None:
    place.pipeline.bucket.write("mail.eml", mail(offer=MARK, broken="\0\1\2 nothing that anybody reads"))
    settle(place)
    assert alive(place) == {
        "mail.eml": DocumentStatus.INDEXED,
        OFFER: DocumentStatus.INDEXED,
        "mail.eml!//02-broken.md": DocumentStatus.REFUSED,
    }
    terminal = CliRunner()
    shown = terminal.invoke(app, ["status", "mail.eml"])
    assert OFFER in shown.stdout
    assert "refused" in shown.stdout
    assert "an attachment of mail.eml" in terminal.invoke(app, ["status", OFFER]).stdout
    assert "in mail.eml" in terminal.invoke(app, ["query", "gear rim guaranteed", "--limit", "1"]).stdout


@pytest.mark.parametrize("point", ["stored", "completed", "registered"])
def test_kill_9_between_the_mail_and_its_attachments(tmp_path: Path, point: str) -> None:
    home, bucket = tmp_path / "home", tmp_path / "bucket"
    bucket.mkdir()
    (bucket / "mail.eml").write_bytes(mail(offer=MARK))
    environment = remaining_variables()
    environment |= {"DOCPIPE_HOME": str(home), "DOCPIPE_BUCKET": bucket.as_uri(), "DOCPIPE_OCR": "false", "DOCPIPE_WORKERS": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.end_to_end.killed_mail", point]
    died = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    with opened(home, bucket) as pipeline:
        before = alive_in(pipeline.ledger.all_documents())
        assert before == {"mail.eml"} | ({OFFER} if point == "registered" else set())
    monkeypatch = pytest.MonkeyPatch()
    with installation_at(home, monkeypatch) as made:
        for variable in ("DOCPIPE_BUCKET", "DOCPIPE_OCR", "DOCPIPE_WORKERS"):
            monkeypatch.setenv(variable, environment[variable])
        _pipeline.cache_clear()
        made.pipeline.ledger.close_run("killed", 3)
        settle(made)
        assert alive(made) == dict.fromkeys(("mail.eml", OFFER), DocumentStatus.INDEXED)
        assert {document.generation for document in made.pipeline.ledger.all_documents()} == {1}
        assert check(made.pipeline).inconsistencies == []
    monkeypatch.undo()


def alive_in(documents: Iterator[object]) -> set[str]:
    return {str(getattr(document, "object_key", "")) for document in documents}
