"""What of a mail becomes a document of its own, and what a hostile or broken mail cannot do."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO
from pathlib import Path

import pytest
from oxmsg import Message
from oxmsg.storage import Storage, Stream
from PIL import Image

from docpipe.admit import admit
from docpipe.errors import PermanentError
from docpipe.isolate import WorkerPool
from docpipe.models import Document, DocumentStatus, ObjectInfo, ParsedDocument
from docpipe.parse.formats import EMAIL, FORMATS, OUTLOOK
from docpipe.parse.mail import attachments, mail, outlook
from docpipe.parse.mail.attachments import File, files
from docpipe.parse.mail.mail import Limits
from docpipe.parse.opening import Opening
from docpipe.parse.parts import collect, parts_folder
from docpipe.parse.stage import ParseStage
from docpipe.settings import Settings
from docpipe.stage import Item, Made

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "files"


def picture(width: int, height: int) -> bytes:
    target = BytesIO()
    Image.new("RGB", (width, height), "teal").save(target, "PNG")
    return target.getvalue()


def message(text: str = "Dear all, see below.") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@example.org", "b@example.org", "The subject"
    made.set_content(text)
    return made


def names(made: EmailMessage) -> list[str]:
    return [file.name for file in files(made.as_bytes())]


def test_texts_and_signatures_are_no_attachments() -> None:
    made = message()
    made.add_alternative("<p>Dear all</p>", subtype="html")
    made.add_attachment(b"signed", maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    assert names(made) == []


def test_everything_else_is() -> None:
    made = message()
    made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="größe\n.pdf")
    made.add_attachment("a;b", subtype="csv", filename="list.csv")
    made.add_attachment(b"no name", maintype="application", subtype="octet-stream")
    assert [(file.name, file.data) for file in files(made.as_bytes())] == [
        ("größe .pdf", b"%PDF-1.7"),
        ("list.csv", b"a;b\n"),
        ("attachment", b"no name"),
    ]


def test_pictures_in_the_text_count_when_there_is_something_to_see() -> None:
    made = message()
    made.add_alternative("<p><img src=\"cid:logo\"><img src='cid:screen'></p>", subtype="html")
    html = made.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(picture(600, 90), "image", "png", cid="<logo>", filename="logo.png")
    html.add_related(picture(800, 600), "image", "png", cid="<screen>", filename="screen.png")
    # One that the text does not show was attached on purpose, whatever its size.
    html.add_related(picture(20, 20), "image", "png", cid="<other>", filename="small.png")
    assert names(made) == ["screen.png", "small.png"]


def test_a_mail_in_a_mail_is_one_attachment() -> None:
    inner = message()
    inner.replace_header("Subject", "Über den Turm")
    inner.add_attachment(b"data", maintype="application", subtype="pdf", filename="deep.pdf")
    made = message()
    made.add_attachment(inner)
    (found,) = files(made.as_bytes())
    assert found.name == "Über den Turm.eml"
    assert found.data
    assert [(one.name, one.data) for one in files(found.data)] == [("deep.pdf", b"data")]
    # The same bytes every time: they name the part, and decide whether the attachment has changed.
    assert [one.data for one in files(made.as_bytes())] == [found.data]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b'Content-Disposition: attachment; filename="gr\xc3\xb6\xc3\x9fe.pdf"', "größe.pdf"),
        (b'Content-Disposition: attachment; filename="=?utf-8?q?gr=C3=B6=C3=9Fe=2Epdf?="', "größe.pdf"),
        (b"Content-Disposition: attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.pdf", "größe.pdf"),
        (b'Content-Disposition: attachment; filename="=?nonsense?q?x?="', "=?nonsense?q?x?="),
        (b'Content-Disposition: attachment; filename="gr\xf6\xdfe.pdf"', "gr\ufffd\ufffde.pdf"),
        (b'Content-Type: application/pdf; name="../../a.pdf"', "../../a.pdf"),
        (b"Content-Disposition: attachment", "attachment"),
    ],
)
def test_names_in_every_spelling(headers: bytes, expected: str) -> None:
    kind = b"" if b"Content-Type" in headers else b"Content-Type: application/pdf\r\n"
    part = b"--x\r\n" + kind + headers + b"\r\n\r\ndata\r\n--x--\r\n"
    (found,) = files(b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + part)
    assert found == File(expected, b"data")


def test_what_lies_elsewhere_is_never_fetched(tmp_path: Path) -> None:
    external = b"Content-Type: message/external-body; access-type=local-file; name=/etc/passwd\r\n\r\nContent-Type: text/plain\r\n\r\n"
    data = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + external + b"\r\n--x--\r\n"
    (found,) = files(data)
    assert found.data is None
    (tmp_path / "0").write_bytes(data)
    kept, warnings = mail._keep(tmp_path / "0", EMAIL, Limits(10, 1_000))
    assert kept == ()
    assert "nothing is fetched" in warnings[0]


def test_a_name_that_cannot_be_decoded_costs_no_attachment() -> None:
    part = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=a\0b''x%ff\r\n\r\n%PDF\r\n"
    data = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + part + b"--x\r\n" + part + b"--x--\r\n"
    assert list(files(data)) == [File("attachment", b"%PDF")] * 2


def test_a_mail_in_a_mail_is_called_by_its_subject_in_plain_unicode() -> None:
    (found,) = files(b"Subject: s\r\nContent-Type: message/rfc822\r\n\r\n" + "Subject: Größe\r\n\r\ntext".encode())
    assert found.name == "Größe.eml"


def test_any_number_of_files_leaves_few_warnings(tmp_path: Path) -> None:
    external = b"--x\r\nContent-Type: message/external-body; name=a\r\n\r\nContent-Type: text/plain\r\n\r\n\r\n"
    (tmp_path / "0").write_bytes(b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + external * 300 + b"--x--\r\n")
    _, warnings = mail._keep(tmp_path / "0", EMAIL, Limits(10, 1_000))
    assert len(warnings) == 101
    assert warnings[-1] == "200 more attachments were left out"


def test_limits_leave_out_and_say_so(tmp_path: Path) -> None:
    made = message()
    for number in range(5):
        made.add_attachment(bytes([number]) * 100, maintype="application", subtype="pdf", filename=f"{number}.pdf")
    made.add_attachment(bytes([0]) * 100, maintype="application", subtype="pdf", filename="again.pdf")
    path = tmp_path / "0"
    path.write_bytes(made.as_bytes())
    kept, warnings = mail._keep(path, EMAIL, Limits(3, 10_000))
    assert [attachment.name for attachment in kept] == ["0.pdf", "1.pdf", "2.pdf"]
    assert warnings == ("2 attachments were left out: DOCPIPE_ATTACHMENTS allows 3",)
    assert {part.name for part in parts_folder(path).iterdir()} == {attachment.sha256 for attachment in kept}
    kept, warnings = mail._keep(path, EMAIL, Limits(10, 250))
    assert [attachment.name for attachment in kept] == ["0.pdf", "1.pdf"]
    assert all("DOCPIPE_WORKER_OUTPUT_MB" in warning for warning in warnings)
    assert len(warnings) == 3


def test_a_damaged_mail_keeps_its_text_and_says_what_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> Sequence[File]:
        raise ValueError("no such part")

    monkeypatch.setattr(attachments, "files", broken)
    path = tmp_path / "0"
    path.write_bytes(message().as_bytes())
    header, data = mail.read(str(path), "a.eml", EMAIL, Opening(), Limits(10, 1_000))
    parsed = ParsedDocument.from_bytes(data)
    assert "no such part" in parsed.warnings[0]
    assert header["counts"] == parsed.counts
    assert any("see below" in text.text for text in parsed.document.texts)


def _document(media_type: str = EMAIL) -> Document:
    return Document("a.eml", "a.eml", 1, media_type, 10, "e", "", DocumentStatus.RUNNING)


def test_the_stage_hands_the_files_on_as_parts(tmp_path: Path, settings: Settings) -> None:
    made = message()
    made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="a.pdf")
    (tmp_path / "0").write_bytes(made.as_bytes())
    for outcome in ParseStage(settings).process([Item(_document(), source=tmp_path / "0")]):
        assert isinstance(outcome, Made)
        (attachment,) = ParsedDocument.head_of(outcome.data).attachments
        assert (attachment.name, attachment.size, outcome.counts["attachments"]) == ("a.pdf", 8, 1)
        assert [path.read_bytes() for path in outcome.parts] == [b"%PDF-1.7"]
    assert not parts_folder(tmp_path / "0").exists()


def test_without_attachments_wanted_there_are_none(tmp_path: Path, settings: Settings) -> None:
    made = message()
    made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="a.pdf")
    (tmp_path / "0").write_bytes(made.as_bytes())
    wanted, unwanted = ParseStage(settings), ParseStage(settings.model_copy(update={"attachments": 0}))
    (outcome,) = unwanted.process([Item(_document(), source=tmp_path / "0")])
    assert isinstance(outcome, Made)
    assert (list(outcome.parts), ParsedDocument.head_of(outcome.data).attachments) == ([], ())
    assert wanted.recipe(_document()).hash != unwanted.recipe(_document()).hash


@pytest.mark.parametrize("claimed", ["/etc/passwd", "../0", "0" * 64, hashlib.sha256(b"").hexdigest()])
def test_a_worker_taken_over_makes_the_stage_read_nothing(tmp_path: Path, claimed: str) -> None:
    source = tmp_path / "0"
    source.write_bytes(b"mail")
    folder = parts_folder(source)
    folder.mkdir()
    (folder / ("0" * 64)).write_bytes(b"something else")
    os.mkfifo(folder / hashlib.sha256(b"").hexdigest())
    with pytest.raises(PermanentError, match="the worker"):
        collect(source, [claimed], 1_000)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_mail_with_html_in_it_is_a_mail(settings: Settings, line_end: bytes) -> None:
    made = message()
    made.add_alternative("<html><body>Dear all</body></html>", subtype="html")
    data = made.as_bytes().replace(b"\n", line_end)
    with WorkerPool.from_settings(settings) as pool:
        admission = admit(ObjectInfo("a.html", len(data), "e"), lambda start, length: data[start : start + length], settings, pool)
    assert admission.media_type == EMAIL


_TEXT, _BINARY, _OBJECT = 0x001F, 0x0102, 0x000D
_SUBJECT, _BODY, _SENDER = 0x0037, 0x1000, 0x0C1A


def storage(path: str, header: int, values: dict[int, str | bytes], inside: Sequence[Storage] = ()) -> Storage:
    """A storage of an Outlook message: its properties, as they are stored, and what lies in it."""
    entries, streams = b"", []
    for pid, value in values.items():
        kind = _TEXT if isinstance(value, str) else _BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        entries += struct.pack("<HHIQ", kind, pid, 6, len(data))
        streams.append(Stream(f"{path}/__substg1.0_{pid:04X}{kind:04X}", data))
    properties = Stream(f"{path}/__properties_version1.0", bytes(header) + entries)
    return Storage(path, (properties, *streams), tuple(inside))


def attached(number: int, values: dict[int, str | bytes], inside: Sequence[Storage] = ()) -> Storage:
    return storage(f"__attach_version1.0_#{number:08X}", 8, values, inside)


def test_a_message_in_an_outlook_message_becomes_a_mail() -> None:
    deep = attached(0, {0x3707: "deep.pdf", 0x3701: b"data"})
    inner = storage("x/__substg1.0_3701000D", 24, {_SUBJECT: "Inner", _BODY: "the inner text", _SENDER: "Jette"}, [deep])
    parts = [
        attached(0, {0x3001: "Inner"}, [inner]),
        attached(1, {0x3704: "SHORT.TXT", 0x3701: b"text"}),
        attached(2, {0x3707: "link.docx"}),
    ]
    found = list(outlook._files(Message(storage("", 32, {_SUBJECT: "Outer", _BODY: "the outer text"}, parts)), 1))
    assert [file.name for file in found] == ["Inner.eml", "SHORT.TXT", "link.docx"]
    assert (found[1].data, found[2].data) == (b"text", None)
    assert found[0].data
    assert b"the inner text" in found[0].data
    assert [(file.name, file.data) for file in files(found[0].data)] == [("deep.pdf", b"data")]
    again = list(outlook._files(Message(storage("", 32, {_SUBJECT: "Outer", _BODY: "the outer text"}, parts)), 1))
    assert again == found


@pytest.mark.parametrize("text", ["a <", '"', "<@", "x@[", "x@", ":;", "a.b@c..", "Größe <x", '"Ann" <ann@example.org>'])
def test_whatever_outlook_takes_for_an_address_makes_a_mail(text: str) -> None:
    made = EmailMessage(policy=SMTP)
    outlook._address(made, "From", text)
    made.set_content("text")
    assert str(message_from_bytes(made.as_bytes()).get_payload()).strip() == "text"


def test_an_outlook_message_of_the_corpus() -> None:
    path = CORPUS / "fake-email-attachment.msg"
    if not path.exists():
        pytest.skip("the shared corpus is not there")
    (found,) = outlook.files(path.read_bytes())
    assert (found.name, found.data) == ("fake-attachment.txt", b"Hey this is a fake attachment!")


def test_media_types_are_read_as_mails() -> None:
    assert {media_type for media_type, form in FORMATS.items() if form.reader == "mail"} == {EMAIL, OUTLOOK}
