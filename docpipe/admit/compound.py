"""OLE2 compound files: Outlook messages are accepted, old Office files and encrypted new ones refused."""

from __future__ import annotations

from docpipe.admit.ranged import RangedFile, Read
from docpipe.admit.verdict import Refusal, Verdict
from docpipe.parse.formats import OUTLOOK

_LEGACY = {
    "WordDocument": "an old Word file (.doc): save it as DOCX or PDF",
    "PowerPoint Document": "an old PowerPoint file (.ppt): save it as PPTX or PDF",
    "Workbook": "an old Excel file (.xls): save it as XLSX",
    "Book": "an old Excel file (.xls): save it as XLSX",
    "FileHeader": "a HWP file: save it as DOCX or PDF",
}


def examine(size: int, read: Read) -> Verdict:
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
        raise Refusal("an encrypted Office file: save it without a password")
    if "__properties_version1.0" in names:
        return Verdict(OUTLOOK)
    for stream, refusal in _LEGACY.items():
        if stream in names:
            raise Refusal(refusal)
    raise Refusal("an OLE2 file of unknown kind: save it in a newer format, such as PDF")
