"""Languages that OCR can be asked for, and which engine reads each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from docpipe.errors import ConfigurationError

# The characters of the recognition model in rapidocr's wheel (PP-OCRv6 small: 18,708 of them) are Latin with all the accents
# of Europe, Chinese and kana. Greek lacks its accents, Vietnamese most of its vowels; of other scripts there is none.
# fmt: off
BUNDLED = frozenset({
    "af", "az", "br", "bs", "ca", "cs", "cy", "da", "de", "en", "eo", "es", "et", "eu", "fi", "fo", "fr", "fy", "ga", "gl", "hr", "hu",
    "id", "is", "it", "ja", "ku", "la", "lb", "lt", "lv", "mi", "ms", "mt", "nl", "no", "oc", "pl", "pt", "qu", "ro", "rm", "sk", "sl",
    "sq", "sv", "sw", "tl", "tr", "uz", "zh",
})
# fmt: on
"""ISO 639-1 codes of what needs nothing installed; Azerbaijani, Kurdish and Uzbek in Latin letters."""

_TESSERACT = {
    "af": "afr", "am": "amh", "ar": "ara", "as": "asm", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "bo": "bod", "br": "bre",
    "bs": "bos", "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "de": "deu", "dv": "div", "dz": "dzo", "el": "ell", "en": "eng",
    "eo": "epo", "es": "spa", "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fo": "fao", "fr": "fra", "fy": "fry", "ga": "gle",
    "gd": "gla", "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv", "ht": "hat", "hu": "hun", "hy": "hye", "id": "ind",
    "is": "isl", "it": "ita", "iu": "iku", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz", "km": "khm", "kn": "kan", "ko": "kor",
    "ku": "kmr", "ky": "kir", "la": "lat", "lb": "ltz", "lo": "lao", "lt": "lit", "lv": "lav", "mi": "mri", "mk": "mkd", "ml": "mal",
    "mn": "mon", "mr": "mar", "ms": "msa", "mt": "mlt", "my": "mya", "ne": "nep", "nl": "nld", "no": "nor", "oc": "oci", "or": "ori",
    "pa": "pan", "pl": "pol", "ps": "pus", "pt": "por", "qu": "que", "ro": "ron", "ru": "rus", "sa": "san", "sd": "snd", "si": "sin",
    "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp", "su": "sun", "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel", "tg": "tgk",
    "th": "tha", "ti": "tir", "tl": "tgl", "to": "ton", "tr": "tur", "tt": "tat", "ug": "uig", "uk": "ukr", "ur": "urd", "uz": "uzb",
    "vi": "vie", "yi": "yid", "yo": "yor", "zh": "chi_sim",
}  # fmt: skip

_FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tesseract/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
_HOMEBREW = "/opt/homebrew/share/tessdata"


def codes(value: str) -> tuple[str, ...]:
    """The codes of a comma list, each once; raises `ValueError` for one that no engine knows."""
    found = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    unknown = [code for code in found if code not in BUNDLED and code not in _TESSERACT]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not an ISO 639-1 code of a language that OCR reads, such as en, ar or ko")
    return found


def for_tesseract(languages: Sequence[str]) -> tuple[str, ...]:
    """Tesseract's names for those languages that the bundled model does not read."""
    return names_of(code for code in languages if code not in BUNDLED)


def names_of(languages: Iterable[str]) -> tuple[str, ...]:
    """What Tesseract calls them, as far as it knows them."""
    return tuple(_TESSERACT[code] for code in languages if code in _TESSERACT)


def reads_bundled(languages: Sequence[str]) -> bool:
    """Whether the bundled model reads any of them; none asked for means all that it reads."""
    return not languages or any(code in BUNDLED for code in languages)


def tessdata(languages: Sequence[str], folder: str = "") -> str:
    """The folder with Tesseract's data for those languages that need it; empty where none does.

    `folder` is looked in first, then `TESSDATA_PREFIX`, then where packages put it. Raises `ConfigurationError` that
    says what to install.
    """
    needed = for_tesseract(languages)
    if not needed:
        return ""
    places = _places(folder)
    for place in places:
        if all((place / f"{name}.traineddata").is_file() for name in needed):
            return str(place)
    best = max(places, key=lambda place: sum((place / f"{name}.traineddata").is_file() for name in needed), default=None)
    missing = [name for name in needed if best is None or not (best / f"{name}.traineddata").is_file()]
    packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
    raise ConfigurationError(
        f"DOCPIPE_OCR_LANGUAGES asks for languages whose Tesseract data is missing ({', '.join(missing)}): install it "
        f"(Debian, Ubuntu: apt install {packages}), or put {missing[0]}.traineddata from github.com/tesseract-ocr/tessdata_fast "
        "into a folder and name that in DOCPIPE_TESSDATA"
    )


def program(languages: Sequence[str]) -> str:
    """Path of Tesseract; empty where no language needs it. Raises `ConfigurationError` where it is not installed."""
    if not for_tesseract(languages):
        return ""
    found = shutil.which("tesseract")
    if not found:
        raise ConfigurationError(
            "DOCPIPE_OCR_LANGUAGES asks for languages that Tesseract reads, and it is not installed "
            "(Debian, Ubuntu: apt install tesseract-ocr; macOS: brew install tesseract)"
        )
    return found


def _places(folder: str) -> list[Path]:
    if folder:
        return [Path(folder)]
    prefix = os.environ.get("TESSDATA_PREFIX", "")
    found = [Path(prefix)] if prefix else []
    for pattern in (*_FOLDERS, _HOMEBREW):
        place = Path(pattern)
        root = Path(place.anchor)
        found += sorted(root.glob(str(place.relative_to(root))), reverse=True)
    return found
