"""The files that a bucket should not hold, but does: cut off, locked, empty, misnamed and unknown."""

from __future__ import annotations

import io
import random

import pymupdf
from docx import Document

from samples.archive import settled
from samples.flow import Look, Parts, compose
from samples.lines import SERIF
from samples.markup import parse

PASSWORD = "hallig-1362"  # noqa: S105 - the sample is about being locked; the word is published in the docs
LETTER = """# Confidential: offer for Mittelgrund

The pension fund offers EUR 212 million for 49 per cent of the operating company of Mittelgrund. The offer is valid until 30 June 2025.

The board of Nordlicht Energie has not decided. Please do not forward this letter.
"""
MINUTES = """Minutes of the meeting about the service hall, Esbjerg, 9 January 2025

Present: H. Iversen, J. Mommsen, O. Friis

The gate on the west side is to be widened to 5.20 metres so that the new trailer fits. The cost is EUR 38,000.
The drums move to the north wall. H. Iversen informs the fire brigade.

Next meeting: 6 February 2025, 10:00
"""


def truncated(whole: bytes) -> bytes:
    """The first 40 per cent of a PDF, as after an upload that broke off."""
    return whole[: len(whole) * 2 // 5]


def locked() -> bytes:
    """A letter encrypted with AES-256; its key is random, so that no two are alike byte by byte."""
    document = compose(list(parse(LETTER)), Look(SERIF), Parts())
    cipher = pymupdf.PDF_ENCRYPT_AES_256  # type: ignore[attr-defined] # set when the module is loaded
    return bytes(document.tobytes(encryption=cipher, user_pw=PASSWORD, owner_pw=f"{PASSWORD}-owner", deflate=True))


def word_file() -> bytes:
    """A Word document, to be given the name of a PDF."""
    document = Document()
    document.add_heading("Service contract 2025", 0)
    document.add_heading("1 Subject", 1)
    document.add_paragraph(
        "Seilwerk Emden inspects 412 harnesses and 96 lanyards of Nordlicht Energie once a year, in the first week of March."
    )
    document.add_heading("2 Price", 1)
    document.add_paragraph("The price is EUR 17.40 for each harness and EUR 9.80 for each lanyard, without VAT. Travel is included.")
    document.add_heading("3 Term", 1)
    document.add_paragraph("The contract runs for three years and ends on 31 December 2027 without notice.")
    document.core_properties.author = "Purchasing"
    target = io.BytesIO()
    document.save(target)
    return settled(target.getvalue())


def noise() -> bytes:
    """Four kilobytes of nothing known; the first byte keeps it from being taken for text."""
    return b"\x00" + random.Random(99).randbytes(4095)
