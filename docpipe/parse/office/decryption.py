"""Encrypted Office files, opened with the configured passwords."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from docpipe.errors import DocumentRefused, ParseFailed

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKAGE = "EncryptedPackage".encode("utf-16-le")
"""As the directory of a compound file names what is encrypted."""
_UNDOABLE = "its encryption cannot be undone: save it without a password"
_BUILT_IN = "VelvetSweatshop"
"""Excel encrypts with this password what is only protected from changes, and opens it without asking ([MS-OFFCRYPTO] 2.4.2.3)."""
_REFUSAL = "encrypted: add its password to DOCPIPE_PASSWORDS, or upload the file without one"


def decrypted(data: bytes, passwords: Sequence[str]) -> bytes:
    """The file without its encryption, unchanged where it has none.

    Raises `DocumentRefused` where no password fits, `ParseFailed` where the encryption is of a kind that nobody opens.
    A password is verified before it is used, so that a wrong one is never taken for damage.
    """
    if not data.startswith(_OLE2):
        return data
    from xml.parsers.expat import ExpatError

    import msoffcrypto
    from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

    damage = (
        FileFormatError,
        ParseError,
        ExpatError,
        struct.error,
        OSError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
    )

    try:
        container: Any = msoffcrypto.OfficeFile(BytesIO(data))
        if not container.is_encrypted():
            return data
    except (DecryptionError, *damage) as error:
        if _PACKAGE in data:
            raise ParseFailed(f"{_UNDOABLE} ({type(error).__name__}: {error})") from error
        # Of a kind that is never encrypted, or damaged: the reader of the format has the better words for it.
        return data
    for password in (*passwords, _BUILT_IN):
        try:
            _load(container, password)
            plain = BytesIO()
            container.decrypt(plain)
        except InvalidKeyError:
            continue
        except (DecryptionError, *damage) as error:
            raise ParseFailed(f"{_UNDOABLE} ({type(error).__name__}: {error})") from error
        return plain.getvalue()
    raise DocumentRefused(_REFUSAL)


def _load(container: Any, password: str) -> None:
    if container.format == "ooxml":
        container.load_key(password=password, verify_password=True)
    else:
        # The old formats verify every key, and take no argument that says so.
        container.load_key(password=password)
