"""Dates, in the ways that European and East Asian documents write them."""

from __future__ import annotations

import re
from datetime import date

from docpipe.enrich.recognizer import Found, Recognizer, whole

_MONTHS = (
    "january jan januar januari janvier janv enero ene gennaio gen janeiro",
    "february feb februar februari février fevrier févr febrero febbraio fevereiro",
    "march mar märz maerz mrz maart mars marzo março",
    "april apr avril avr abril abr aprile",
    "may mai mei mayo maggio mag maio",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug augustus août aout agosto ago",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro",
)
_NUMBER_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_NAME = "|".join(sorted(_NUMBER_OF, key=len, reverse=True))
_YEAR = r"(?P<year>[12][0-9]{3})"
_BLANK = r"[ \u00a0\n]{1,2}"
_END = r"(?![\w])"
_ALONE = r"(?<![\w.,/-])"


def _named(match: re.Match[str]) -> Found | None:
    parts = match.groupdict()
    month = _NUMBER_OF[parts["month"].lower()]
    if not parts.get("day"):
        return whole(match, f"{parts['year']}-{month:02}")
    return _dated(match, int(parts["year"]), month, int(parts["day"]))


def _numbered(match: re.Match[str]) -> Found | None:
    return _dated(match, int(match["year"]), int(match["month"]), int(match["day"]))


def _slashed(match: re.Match[str]) -> Found | None:
    """03/12/2024 is 3 December or 12 March: it is a date, but which one is not known."""
    first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
    if first <= 12 and second <= 12 and first != second:
        return whole(match) if first and second else None
    return _dated(match, year, second, first) if first > 12 or first == second else _dated(match, year, first, second)


def _dated(match: re.Match[str], year: int, month: int, day: int) -> Found | None:
    try:
        return whole(match, date(year, month, day).isoformat())
    except ValueError:
        return None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_DAY = r"(?P<day>[0-9]{1,2})"
_NAMED_MONTH = rf"(?P<month>{_NAME})\b\.?"

DATES = (
    Recognizer("date", _pattern(rf"{_ALONE}{_YEAR}([-/.])(?P<month>[0-9]{{1,2}})\2(?P<day>[0-9]{{1,2}})(?![0-9/.-]*[0-9])"), _numbered),
    Recognizer("date", _pattern(rf"(?<![0-9]){_YEAR}[年년] ?(?P<month>[0-9]{{1,2}})[月월] ?(?P<day>[0-9]{{1,2}})[日일]"), _numbered),
    Recognizer(
        "date",
        _pattern(
            rf"{_ALONE}{_DAY}(?:st|nd|rd|th|\.|er|º|°)?(?:{_BLANK}(?:of|de))?{_BLANK}?{_NAMED_MONTH},?(?:{_BLANK}(?:de|del))?{_BLANK}{_YEAR}{_END}"
        ),
        _named,
    ),
    Recognizer("date", _pattern(rf"(?<!\w){_NAMED_MONTH}{_BLANK}{_DAY}(?:st|nd|rd|th)?,?{_BLANK}{_YEAR}{_END}"), _named),
    Recognizer("date", _pattern(rf"{_ALONE}(?P<day>[0-9]{{1,2}})\. ?(?P<month>[0-9]{{1,2}})\. ?{_YEAR}{_END}"), _numbered),
    Recognizer("date", _pattern(rf"{_ALONE}(?P<first>[0-9]{{1,2}})([/-])(?P<second>[0-9]{{1,2}})\2{_YEAR}(?![\w/-])"), _slashed),
    Recognizer("date", _pattern(rf"(?<!\w){_NAMED_MONTH}(?:{_BLANK}de)?{_BLANK}{_YEAR}{_END}"), _named),
)
"""In the order in which they claim text."""
