"""Text from a picture by the Tesseract program, for languages that the bundled model does not read.

The Tesseract inside PyMuPDF needs no program, but gives some Arabic lines in reverse, loses others, and no confidence.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np

from docpipe.errors import ConfigurationError, ParseFailed
from docpipe.parse.ocr.ocr import Recognition
from docpipe.parse.page.words import Word

_WORD_LEVEL = "5"
_KEPT = 0.3
"""Words read with less confidence are rubbish: specks and pictures."""
_MAX_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Tesseract:
    """The program, and which data it uses."""

    program: str
    """Path of the executable."""
    folder: str
    """Holds the `.traineddata` files."""
    languages: Sequence[str]
    """Tesseract's own names of them."""

    def read(self, unread: Recognition) -> Recognition:
        """Find and recognize the words of an upright picture.

        Raises `ConfigurationError` where the program or its data went away, `ParseFailed` where it fails on the picture.
        A time limit is not needed: the program dies with the worker, whose process group it shares.
        """
        from PIL import Image

        picture = BytesIO()
        Image.fromarray(unread.image).save(picture, "PNG", compress_level=1)
        arguments = ["-l", "+".join(self.languages), "--dpi", str(round(unread.scale * 72)), "--psm", "3", "--tessdata-dir", self.folder]
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and every argument is ours
                [self.program, "stdin", "stdout", *arguments, "tsv"],
                input=picture.getvalue(),
                capture_output=True,
                check=False,
                # One worker, one core.
                env={"OMP_THREAD_LIMIT": "1"},
            )
        except OSError as error:
            raise ConfigurationError(f"{self.program} does not run ({error}): install tesseract-ocr again") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-_MAX_MESSAGE:]
            if "load" in said and "language" in said:
                raise ConfigurationError(f"Tesseract cannot load {', '.join(self.languages)} from {self.folder}: {said}")
            raise ParseFailed(f"Tesseract ended with {done.returncode}: {said}")
        return _with_words(unread, done.stdout.decode(errors="replace"))


def _with_words(unread: Recognition, table: str) -> Recognition:
    words, confidences, weights = [], [], []
    for row in table.splitlines():
        fields = row.split("\t", 11)
        if len(fields) < 12 or fields[0] != _WORD_LEVEL or not fields[11].strip():
            continue
        block, paragraph, line = (int(value) for value in fields[2:5])
        left, top, width, height = (int(value) / unread.scale for value in fields[6:10])
        confidence = float(fields[10]) / 100
        confidences.append(confidence)
        weights.append(len(fields[11]))
        if confidence >= _KEPT:
            # Half points hide the jitter of the boxes; sizes only rank headings.
            size = math.floor(height * 2) / 2
            words.append(Word(fields[11].strip(), (left, top, left + width, top + height), 100 * block + paragraph, line, size, bold=False))
    return replace(unread, words=tuple(words), confidence=float(np.average(confidences, weights=weights)) if words else 0.0)
