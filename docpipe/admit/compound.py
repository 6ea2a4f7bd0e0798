"""OLE2 compound files: Outlook messages, old Office files where LibreOffice can convert them, and encrypted new ones."""

from __future__ import annotations

from docpipe.admit.passwords import opened
from docpipe.admit.ranged import RangedFile, Read
from docpipe.admit.verdict import Refusal, Verdict
from docpipe.convert import find_libreoffice
from docpipe.isolate import WorkerPool
from docpipe.parse.formats import DOC, FORMATS, OUTLOOK, PPT, XLS
from docpipe.settings import Settings

_LEGACY = {
    "WordDocument": (DOC, "save it as DOCX or PDF"),
    "PowerPoint Document": (PPT, "save it as PPTX or PDF"),
    "Workbook": (XLS, "save it as XLSX"),
    "Book": (XLS, "save it as XLSX"),
}
_DECRYPTION_SECONDS = 30.0
"""Every password costs the time that the file's author wanted it to: 0.1 s with Office's default, a hundred times that at most."""


def examine(size: int, read: Read, settings: Settings, pool: WorkerPool) -> Verdict:
    """The kind of a compound file. Raises `Refusal`."""
    import olefile

    source = RangedFile(read, size)
    try:
        with olefile.OleFileIO(source) as container:
            names = {path[0] for path in container.listdir(streams=True, storages=False) if len(path) == 1}
    except (OSError, IndexError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # olefile reports damage by whichever of these its arithmetic runs into.
        raise Refusal(f"a damaged OLE2 file: upload it again ({type(error).__name__}: {error})") from error
    if "EncryptedPackage" in names:
        return _encrypted(size, read, settings, pool)
    if "__properties_version1.0" in names:
        return Verdict(OUTLOOK)
    if "FileHeader" in names:
        raise Refusal("a HWP file: save it as DOCX or PDF")
    for stream, (media_type, advice) in _LEGACY.items():
        if stream in names:
            return _legacy(media_type, advice, settings)
    raise Refusal("an OLE2 file of unknown kind: save it in a newer format, such as PDF")


def _legacy(media_type: str, advice: str, settings: Settings) -> Verdict:
    if find_libreoffice(settings.libreoffice) is None:
        name = FORMATS[media_type].name
        raise Refusal(f"an old file, {name}, which LibreOffice converts: install it (DOCPIPE_LIBREOFFICE), or {advice}", media_type)
    return Verdict(media_type)


def _encrypted(size: int, read: Read, settings: Settings, pool: WorkerPool) -> Verdict:
    arguments = (settings.password_list,)
    header = opened(size, read, pool, "", "docpipe.admit.encrypted:kind", arguments, _DECRYPTION_SECONDS)
    found = header.get("media_type") if header else None
    if found not in FORMATS:
        raise Refusal("an encrypted Office file that is damaged, or encrypted in a way that nobody opens: save it without a password")
    return Verdict(str(found))
