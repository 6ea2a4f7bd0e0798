"""What can be said about a document from its text alone, without the embedder."""

from __future__ import annotations

from collections import Counter

from docpipe.enrich.findings import find
from docpipe.enrich.language import NO_LANGUAGE, detect
from docpipe.enrich.phrases import key_phrases
from docpipe.enrich.quality import score
from docpipe.models import ChunkedDocument, EnrichedDocument, Enrichment

_BEGINNING = 4_000
"""Characters; more than any 200 tokens of prose."""


def analyse(chunked: ChunkedDocument, most_phrases: int) -> EnrichedDocument:
    """Language, key phrases, findings and quality of every chunk, and of the document; its class stays empty.

    Text that a chunk repeats from the one before is not looked at again, apart from a finding that crosses its end.
    """
    chunks = chunked.chunks
    own = [chunk.text[chunk.overlap :] for chunk in chunks]
    detected = [detect(text) for text in own]
    languages = ["" if language == NO_LANGUAGE else language for language in detected]
    # Chunks without words do not count; a document of short chunks is told by its beginning.
    tokens: Counter[str] = Counter()
    for chunk, language in zip(chunks, languages, strict=True):
        tokens[language] += chunk.tokens if language else 0
    whole = max(tokens, key=lambda language: (tokens[language], language), default="") or detect(beginning(chunked))
    whole = "" if whole == NO_LANGUAGE else whole
    phrases = key_phrases(own, [language or whole for language in languages], most_phrases)
    scores = [score(chunk, language) for chunk, language in zip(chunks, detected, strict=True)]
    total = sum(chunk.tokens for chunk in chunks)
    quality = sum(value * chunk.tokens for chunk, (value, _) in zip(chunks, scores, strict=True)) / total if total else 1.0
    return EnrichedDocument(
        language=whole,
        quality=round(quality, 2),
        enrichments=tuple(
            Enrichment(
                chunk=chunk.index,
                language=language,
                key_phrases=few,
                findings=find(chunk.text, chunk.overlap),
                quality=value,
                quality_reasons=reasons,
            )
            for chunk, language, few, (value, reasons) in zip(chunks, languages, phrases, scores, strict=True)
        ),
    )


def beginning(chunked: ChunkedDocument) -> str:
    """Title, headings and text of the first chunks: what tells a reader what kind of document it is."""
    lines: dict[str, None] = {chunked.title: None} if chunked.title else {}
    size = 0
    for chunk in chunked.chunks:
        if size >= _BEGINNING:
            break
        lines |= dict.fromkeys((*chunk.heading_path, chunk.text[chunk.overlap :]))
        size += len(chunk.text)
    return "\n".join(lines)[:_BEGINNING]
