"""What an encrypted Office file is: a task for a worker, since the whole file is decrypted to find out."""

from __future__ import annotations

from pathlib import Path

from docpipe.admit import archive
from docpipe.admit.verdict import Refusal
from docpipe.errors import DocumentRefused
from docpipe.isolate import Answer
from docpipe.parse.office.decryption import decrypted


def kind(path: str, passwords: tuple[str, ...]) -> Answer:
    """The media type in the dict. Raises `DocumentRefused` where no password fits or what is inside is not accepted."""
    plain = decrypted(Path(path).read_bytes(), passwords)
    try:
        verdict = archive.examine(len(plain), lambda start, length: plain[start : start + length])
    except Refusal as refusal:
        raise DocumentRefused(f"within its encryption, {refusal}") from refusal
    return {"media_type": verdict.media_type}, b""
