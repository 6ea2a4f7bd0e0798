"""What people put onto a page: the values of form fields, notes, and remarks on marked text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from docpipe.parse.page.element import Element, Rectangle, clean, join_lines

_MAX_FIELDS = 2_000
"""Of one page, and as many notes; beyond, the file is an attack, or a drawing made of notes, and they stay what the page shows."""
_MAX_TEXT = 20_000
_UNCHECKED = frozenset({"", "Off", "No", "False", "false"})
_PATH = re.compile(r"\[\d+\]")
_MARKS = frozenset({"Highlight", "Underline", "Squiggly", "StrikeOut"})


def take(page: Any) -> tuple[Any, tuple[Element, ...]]:
    """The page without what its fields and written notes draw, and these as elements, in the order of the file.

    Their text would else stand on the page twice, or without its field's name. Signatures and what is not made an element
    stay on the page. The change is made in memory alone. Where the fields are damaged, the page stays as it is.
    """
    import pymupdf

    constants: Any = pymupdf  # its type hints do not name them
    try:
        kinds = {xref: kind for xref, kind, _ in page.annot_xrefs()}
        if all(kind == constants.PDF_ANNOT_LINK for kind in kinds.values()):
            return page, ()
        fields, shown_by_fields = _fields(page)
        notes, shown_by_notes = _notes(page)
        found, drawn = (*fields, *notes), shown_by_fields | shown_by_notes
        if not drawn:
            return page, found
        kept = " ".join(f"{xref} 0 R" for xref in kinds if xref not in drawn)
        page.parent.xref_set_key(page.xref, "Annots", f"[{kept}]")
        return page.parent.reload_page(page), found
    except (RuntimeError, ValueError, TypeError, AttributeError, pymupdf.mupdf.FzErrorBase):
        return page, ()


def placed(elements: Sequence[Element], taken: Sequence[Element]) -> tuple[Element, ...]:
    """The elements in reading order with fields and notes among them: each after the last one that begins above its middle
    and stands in its column."""
    after: dict[int, list[Element]] = {}
    for one in sorted(taken, key=lambda one: (one.box[1], one.box[0])):
        middle = (one.box[1] + one.box[3]) / 2
        above = [
            number
            for number, other in enumerate(elements)
            if other.box[1] <= middle and other.box[0] < one.box[2] and one.box[0] < other.box[2]
        ]
        after.setdefault(max(above, key=lambda number: elements[number].box[1], default=-1), []).append(one)
    if not after:
        return tuple(elements)
    order = [(-1, one) for one in after.get(-1, [])]
    for number, element in enumerate(elements):
        order += [(number, element), *((-1, one) for one in after.get(number, []))]
    moved = {number: place for place, (number, _) in enumerate(order) if number >= 0}
    return tuple(_moved(element, moved) for _, element in order)


def _moved(element: Element, moved: dict[int, int]) -> Element:
    return replace(element, caption_of=moved[element.caption_of]) if element.caption_of >= 0 else element


def _fields(page: Any) -> tuple[list[Element], set[int]]:
    """The fields that say something, and the references of all that an element, or nothing, stands for now."""
    found: list[Element] = []
    drawn: set[int] = set()
    for widget in islice(page.widgets(), _MAX_FIELDS):
        kind, value = widget.field_type_string, widget.field_value
        # Who signed, and when, is in what the signature draws, and nowhere else.
        if kind == "Signature" and widget.is_signed:
            continue
        drawn.add(widget.xref)
        label = clean(" ".join(str(widget.field_label or "").split()))[:_MAX_TEXT]
        name = label or _readable(widget.field_name or "")
        box = _box(widget.rect)
        if kind in ("CheckBox", "RadioButton"):
            # The state that is drawn; a group of radio buttons has one value for all of them.
            state_type, state = page.parent.xref_get_key(widget.xref, "AS")
            checked = state != "/Off" if state_type == "name" else str(value) not in _UNCHECKED
            # An empty box that nobody named says nothing: what it stands for is printed beside it.
            if name and (checked or label):
                found.append(Element("checkbox_selected" if checked else "checkbox_unselected", name, box))
        elif kind not in ("Button", "Signature"):
            values = value if isinstance(value, list | tuple) else [value]
            text = clean(join_lines(", ".join(str(one) for one in values if one).splitlines()))[:_MAX_TEXT]
            if text:
                found.append(Element("field", f"{name}: {text}" if name else text, box))
    return found, drawn


def _readable(name: str) -> str:
    """The last part of a field's path, without the counters that forms of XFA have: `form1[0].City[0]` is `City`."""
    return clean(_PATH.sub("", name).rsplit(".", 1)[-1].replace("_", " ").strip())


def _notes(page: Any) -> tuple[list[Element], set[int]]:
    """The notes, and the references of those whose text the page shows."""
    found: list[Element] = []
    drawn: set[int] = set()
    for annotation in islice(page.annots(), _MAX_FIELDS):
        kind, information = annotation.type[1], annotation.info
        text = clean(join_lines(str(information.get("content") or "").splitlines()))[:_MAX_TEXT]
        if kind == "Popup" or not text:
            continue
        box = _box(annotation.rect)
        if kind == "FreeText":
            found.append(Element("text", text, box))
            drawn.add(annotation.xref)
            continue
        marked = _marked(page, annotation.rect) if kind in _MARKS else ""
        author = clean(str(information.get("title") or "").strip())
        about = f"on \u201c{marked[:200]}\u201d" if marked else ""
        head = " ".join(filter(None, (author, about)))
        found.append(Element("note", f"{head}: {text}" if head else text, box))
    return found, drawn


def _marked(page: Any, area: Any) -> str:
    """The words under a mark."""
    middles = ((word[4], (word[0] + word[2]) / 2, (word[1] + word[3]) / 2) for word in page.get_text("words", clip=area))
    return clean(join_lines([" ".join(text for text, x, y in middles if area.x0 <= x <= area.x1 and area.y0 <= y <= area.y1)]))


def _box(rectangle: Any) -> Rectangle:
    return (float(rectangle.x0), float(rectangle.y0), float(rectangle.x1), float(rectangle.y1))
