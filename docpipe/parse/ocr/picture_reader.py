"""Reads the text of pictures in the configured languages, by the engine that knows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docpipe.parse.model_files import hashes
from docpipe.parse.ocr import ocr
from docpipe.parse.ocr.ocr import Image, Recognition
from docpipe.parse.ocr.ocr_languages import BUNDLED, for_tesseract, names_of, reads_bundled
from docpipe.parse.ocr.tesseract import Tesseract

_ENOUGH = 0.5
"""Share of the letters of an unsure reading that Tesseract must find for its own to be kept instead."""


@dataclass(frozen=True, slots=True)
class PictureReader:
    """The engines; picklable, so that a worker can be told which."""

    languages: tuple[str, ...] = ()
    """ISO 639-1 codes; none means all that the bundled model reads."""
    tessdata: str = ""
    """Folder of Tesseract's data; empty where no language needs it."""
    tesseract: str = ""
    """Path of its program; empty likewise."""
    confidence: float = 0.85
    """Mean confidence below which a reading counts as unsure."""

    def read(self, image: Image, scale: float) -> Recognition:
        """What the picture says, by the bundled model where that is sure of it, else by Tesseract where it is configured."""
        if not self.tessdata:
            return ocr.recognize(image, scale)
        if not reads_bundled(self.languages):
            return self._by_tesseract(image, scale)
        found = ocr.recognize(image, scale)
        if found.words and found.confidence >= self.confidence:
            return found
        other = self._by_tesseract(image, scale)
        better = other.confidence > found.confidence and _letters(other) >= _ENOUGH * _letters(found)
        return other if better else found

    def models(self) -> dict[str, str]:
        """The sha256 of Tesseract's data that it uses; the bundled model is a part of its package."""
        return hashes(self.tessdata, (f"{name}.traineddata" for name in self._tesseract_languages())) if self.tessdata else {}

    def _by_tesseract(self, image: Image, scale: float) -> Recognition:
        engine = Tesseract(self.tesseract, self.tessdata, self._tesseract_languages())
        straight = ocr.straighten(image, scale)
        found = engine.read(straight)
        if found.confidence < self.confidence:
            # It may stand on its head: Tesseract is sure of less of it then.
            found = max(found, engine.read(ocr.turned(straight, 2)), key=lambda one: (one.confidence, _letters(one)))
        return found

    def _tesseract_languages(self) -> tuple[str, ...]:
        """Those that need it, and of the others those whose data is there too, for pages in both."""
        others = names_of(code for code in self.languages if code in BUNDLED)
        return (*for_tesseract(self.languages), *(name for name in others if (Path(self.tessdata) / f"{name}.traineddata").is_file()))


def _letters(found: Recognition) -> int:
    return sum(sum(map(str.isalpha, word.text)) for word in found.words if len(word.text) > 1)
