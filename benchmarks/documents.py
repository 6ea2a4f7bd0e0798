"""Generated documents for benchmarks: the same ones for the same seed, no two alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf

from benchmarks.vocabulary import Vocabulary, vocabularies
from docpipe.models import ObjectInfo

WIDTH, HEIGHT = 595, 842
LEFT, TOP, BOTTOM = 64.0, 76.0, 770.0
LINE = 13.5
LETTERS = 88
"""Characters in a full line of 10-point Helvetica."""
MEAN_PAGES, SPREAD = 5.0, 0.55
"""Pages are log-normal, cut to 2 to 12: many short documents and a few long ones."""


def make_documents(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Write `count` PDFs of 2 to 12 pages with 350 to 500 words a page, headings, and a table on every fourth page or so.

    Each document depends on the seed and its own number alone: the first hundred of a thousand are the hundred.
    """
    folder.mkdir(parents=True, exist_ok=True)
    topics = vocabularies(seed)
    paths = []
    for number in range(count):
        path = folder / f"document-{number:06d}.pdf"
        path.write_bytes(_document(np.random.default_rng((seed, number)), topics))
        paths.append(path)
    return paths


def make_tiny_documents(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Write `count` Markdown files of one heading and one paragraph of 40 to 90 words, a thousand to a folder."""
    topics = vocabularies(seed)
    paths = []
    for number in range(count):
        random = np.random.default_rng((seed, number))
        words = topics[random.integers(len(topics))]
        path = folder / f"{number // 1_000:04d}" / f"note-{number:07d}.md"
        if number % 1_000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"# {short_title(random, words)} {number}\n\n{paragraph(random, words, int(random.integers(40, 91)))}\n", encoding="utf-8"
        )
        paths.append(path)
    return paths


def make_objects(count: int, seed: int = 7) -> Iterator[ObjectInfo]:
    """Listings of `count` objects that exist nowhere, in the order in which a store lists them: by key."""
    random = np.random.default_rng(seed)
    for number in range(count):
        size = int(random.lognormal(12.0, 1.2))
        yield ObjectInfo(f"archive/{number // 10_000:04d}/{number:08d}.pdf", size, random.bytes(16).hex())


def _document(random: np.random.Generator, topics: list[Vocabulary]) -> bytes:
    pages = int(np.clip(round(random.lognormal(np.log(MEAN_PAGES) - SPREAD**2 / 2, SPREAD)), 2, 12))
    main, other = (topics[place] for place in random.choice(len(topics), 2, replace=False))
    document = pymupdf.open()
    title = short_title(random, main)
    for number in range(1, pages + 1):
        _page(document.new_page(width=WIDTH, height=HEIGHT), random, main if random.random() < 0.8 else other, title, number)
    document.set_metadata({"title": title, "subject": main.topic})
    return bytes(document.tobytes(deflate=True, no_new_id=True))


def _page(page: Any, random: np.random.Generator, words: Vocabulary, title: str, number: int) -> None:
    shape = page.new_shape()
    y = TOP
    if number == 1:
        shape.insert_text((LEFT, y), title, fontname="hebo", fontsize=20)
        y += 34
    left = int(random.integers(350, 501))
    section = 1
    table = random.random() < 0.25
    while left > 0 and y < BOTTOM - 4 * LINE:
        shape.insert_text((LEFT, y), f"{number}.{section} {short_title(random, words)}", fontname="hebo", fontsize=13)
        y += 20
        section += 1
        for _ in range(int(random.integers(1, 4))):
            amount = min(left, int(random.integers(50, 130)))
            lines = _lines(paragraph(random, words, amount))[: max(0, int((BOTTOM - y) / LINE))]
            if amount == 0 or not lines:
                break
            shape.insert_text((LEFT, y), lines, fontname="helv", fontsize=10, lineheight=LINE / 10)
            y += len(lines) * LINE + 6
            left -= amount
        if table and y < BOTTOM - 130:
            y = _table(shape, random, words, y)
            table = False
    shape.insert_text((LEFT, 44), title, fontname="heit", fontsize=8)
    shape.insert_text((WIDTH / 2 - 14, HEIGHT - 36), f"Page {number}", fontname="helv", fontsize=8)
    shape.commit()


def _table(shape: Any, random: np.random.Generator, words: Vocabulary, top: float) -> float:
    """Draw a table of four columns with a caption; the y where the text goes on comes back."""
    rows, step = int(random.integers(3, 7)), 16.0
    shape.insert_text((LEFT, top), f"Table: {short_title(random, words)}", fontname="heit", fontsize=9)
    top += 6
    right = WIDTH - LEFT
    for row in range(rows + 2):
        shape.draw_line((LEFT, top + row * step), (right, top + row * step))
    for column in range(5):
        x = LEFT + column * (right - LEFT) / 4
        shape.draw_line((x, top), (x, top + (rows + 1) * step))
    shape.finish(color=(0.5, 0.5, 0.5), width=0.5)
    for row in range(rows + 1):
        label = words.draw(random, 1)[0]
        cells = ["Item", "Planned", "Actual", "Share"] if row == 0 else [label, *(f"{value:,.1f}" for value in random.lognormal(5, 1.5, 3))]
        for column, cell in enumerate(cells):
            place = (LEFT + 4 + column * (right - LEFT) / 4, top + row * step + 11.5)
            shape.insert_text(place, cell, fontname="hebo" if row == 0 else "helv", fontsize=9)
    return top + (rows + 1) * step + 22


def short_title(random: np.random.Generator, words: Vocabulary) -> str:
    """Two to four longer words."""
    longer = [word for word in words.draw(random, 24) if len(word) > 4]
    return " ".join(longer[: int(random.integers(2, 5))]).capitalize() or words.topic.capitalize()


def paragraph(random: np.random.Generator, words: Vocabulary, count: int) -> str:
    """Sentences of 7 to 24 words, now and then with a number or a year."""
    drawn = words.draw(random, count)
    for place in np.flatnonzero(random.random(count) < 0.015):
        drawn[place] = str(int(random.integers(1990, 2026))) if random.random() < 0.3 else f"{random.lognormal(4, 2):,.1f}"
    sentences, start = [], 0
    while start < count:
        end = start + int(random.integers(7, 25))
        sentence = " ".join(drawn[start:end])
        sentences.append(sentence[:1].upper() + sentence[1:] + ".")
        start = end
    return " ".join(sentences)


def _lines(text: str) -> list[str]:
    lines, current = [], ""
    for word in text.split():
        if len(current) + len(word) + 1 > LETTERS:
            lines.append(current)
            current = word
        else:
            current = f"{current} {word}" if current else word
    return [*lines, current] if current else lines
