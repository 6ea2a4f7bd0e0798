"""Against a real SMTP server on this machine, with encryption and a password."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from docpipe.alerts.mail_sink import MailSink
from docpipe.errors import TransientError
from docpipe.settings import Settings
from tests.alerts.notices import notice
from tests.servers import free_port

MakeSettings = Callable[..., Settings]


@dataclass
class Mailbox:
    """What arrived, and what the server says to it."""

    port: int
    mails: list[Message] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name is aiosmtpd's
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(bytes(envelope.content or b""), policy=default))  # type: ignore[arg-type]
            self.receivers += envelope.rcpt_tos
        return self.answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"k3y", handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for this machine and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def mailbox(certificate: Path) -> Iterator[Mailbox]:
    """A server that wants STARTTLS and a password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    box = Mailbox(free_port())
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=box.authenticate,
    )
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def sink(mailbox: Mailbox, certificate: Path, settings: MakeSettings) -> Callable[..., MailSink]:
    usual = {
        "alert_email_to": "a@example.org, b@example.org",
        "alert_email_from": "docpipe@example.org",
        "smtp_host": "127.0.0.1",
        "smtp_port": mailbox.port,
        "smtp_ca": str(certificate),
        "smtp_user": "docpipe",
        "smtp_password": "k3y",
    }
    return lambda **changes: MailSink(settings(**(usual | changes)))


def test_a_mail_arrives_encrypted_and_signed_in(mailbox: Mailbox, sink: Callable[..., MailSink]) -> None:
    sink().send(notice(labels={"lane": "cpu", "text": "ä\nBcc: c@example.org"}))
    (mail,) = mailbox.mails
    assert mailbox.receivers == ["a@example.org", "b@example.org"]
    assert mailbox.users == ["docpipe"]
    assert (mail["Subject"], mail["From"]) == ("docpipe [critical] waits firing", "docpipe@example.org")
    assert mail["Message-ID"] == f"<{notice(labels={'lane': 'cpu', 'text': 'ä' + chr(10) + 'Bcc: c@example.org'}).id}@docpipe>"
    assert mail["Bcc"] is None
    body = mail.get_content()  # type: ignore[attr-defined]
    assert body.startswith("4,000 s on lane=cpu")
    assert "value: 4000" in body
    assert "text: ä" in body


def test_a_repetition_has_the_same_number(mailbox: Mailbox, sink: Callable[..., MailSink]) -> None:
    sink().send(notice())
    sink().send(notice(attempts=3))
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"smtp_password": "wrong"}, "SMTPAuthenticationError"),
        ({"smtp_user": ""}, "530"),
        ({"smtp_tls": "off"}, "AUTH extension not supported"),
        ({"smtp_ca": ""}, "CERTIFICATE_VERIFY_FAILED"),
        ({"smtp_port": 9}, "Connection refused"),
    ],
    ids=["password", "no login", "no encryption", "unknown certificate", "no server"],
)
def test_what_goes_wrong_is_told_and_tried_again(
    mailbox: Mailbox, sink: Callable[..., MailSink], changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(TransientError, match=complaint) as caught:
        sink(**changes).send(notice())
    assert "k3y" not in str(caught.value)
    assert mailbox.mails == []


def test_a_server_that_is_full(mailbox: Mailbox, sink: Callable[..., MailSink]) -> None:
    mailbox.answer = "452 no room"
    with pytest.raises(TransientError, match="no room"):
        sink().send(notice())
