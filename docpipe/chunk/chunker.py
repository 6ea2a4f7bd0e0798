"""Cuts a parsed document into chunks that fit the embedder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from tokenizers import Tokenizer

from docpipe.chunk.draft import Draft, Part
from docpipe.chunk.outline import Outline, Path
from docpipe.chunk.packing import Packer
from docpipe.chunk.passages import Content, Division, Grid, Heading, Passage
from docpipe.chunk.reading import DocumentReader
from docpipe.chunk.splitter import Splitter
from docpipe.chunk.tokens import TokenCounter
from docpipe.errors import PermanentError
from docpipe.models import Chunk, ChunkedDocument, ParsedDocument

_TITLE_CHARACTERS = 300
_UNCOUNTED = -1


class Chunker:
    """Structure first, then size.

    A chunk never crosses a slide, a sheet or a heading (two in a row of the same name count as one; headings with
    nothing below them are kept together). Paragraphs, list items, captions and code under one heading are packed up to
    the budget; a paragraph that is too long is cut at sentences, then words, then tokens, and every further chunk
    of the run repeats the end of the one before. A table has chunks of its own, one row a line, with its captions first
    and its header rows repeated in each; small tables under one heading share a chunk. A row is whole unless it alone
    exceeds the budget: then it is cut between cells, and a cell that alone exceeds it is cut like a paragraph, each
    piece below the header. Header rows of more than a third of the budget are not repeated.

    The budget counts everything in `Chunk.embedding_text`: the heading path (at most a third; its outermost headings
    give way first, and what was left out stands as text once), the repeated text and the passage. Text in which the
    tokenizer sees no token at all (control and private characters) makes no chunk.
    """

    def __init__(self, tokenizer: Tokenizer, budget: int, overlap: int, prompt: str = "") -> None:
        """`budget` and `overlap` are tokens of `tokenizer`, without special ones; `overlap` is at most half of `budget`.

        `prompt` is what the embedder puts before every chunk; its own tokens are not part of the budget.
        """
        self._budget = budget
        self._overlap = overlap
        self._counter = TokenCounter(tokenizer, prompt)
        self._splitter = Splitter(self._counter)

    def chunk(self, parsed: ParsedDocument) -> ChunkedDocument:
        """Cut one document; one without text has no chunks.

        Raises `ArtifactDamaged` for a document that contradicts itself.
        """
        contents = self._visible(list(DocumentReader(parsed).contents()))
        packer = Packer(self._counter, self._splitter, self._budget, self._overlap)
        outline = Outline(self._counter, self._budget // 3)
        for content in contents:
            for path, placed in _placed(content, outline):
                packer.add(path, placed)
            if isinstance(content, Division):
                packer.divide()
        for path, placed in outline.close():
            packer.add(path, placed)
        visible = self._counter.estimate([draft.own for draft in packer.drafts])
        drafts = [draft for draft, tokens in zip(packer.drafts, visible, strict=True) if tokens]
        for before, draft in pairwise(drafts):
            if draft.joint is not None and before.kind == draft.kind:
                draft.overlap = self._splitter.tail(before.own, self._overlap)
        return ChunkedDocument(title=_title(contents), chunks=tuple(self._chunks(drafts)))

    def _visible(self, contents: Sequence[Content]) -> list[Content]:
        """All but headings in which the tokenizer sees nothing: one of them alone must not pass for the content of a section."""
        texts = [content.text for content in contents if isinstance(content, Heading | Passage)]
        # Many small calls of the tokenizer cost more than one large one: its words are known from here on.
        tokens = dict(zip(texts, self._counter.estimate(texts), strict=True))
        return [content for content in contents if not isinstance(content, Heading) or tokens[content.text]]

    def _chunks(self, drafts: Iterable[Draft]) -> Iterator[Chunk]:
        for index, (draft, tokens) in enumerate(self._fitted(drafts)):
            yield Chunk(
                index=index,
                text=draft.text,
                heading_path=draft.path,
                boxes=draft.boxes,
                pages=draft.pages,
                tokens=tokens,
                kind=draft.kind,
                overlap=len(draft.overlap),
            )

    def _fitted(self, drafts: Iterable[Draft]) -> list[tuple[Draft, int]]:
        """The drafts with their exact tokens; one that is over the budget after all is made smaller until it fits."""
        fitted = [(draft, _UNCOUNTED) for draft in drafts]
        while uncounted := [place for place, (_, tokens) in enumerate(fitted) if tokens == _UNCOUNTED]:
            counts = self._counter.exact([fitted[place][0].embedding_text for place in uncounted])
            for place, tokens in zip(uncounted, counts, strict=True):
                fitted[place] = (fitted[place][0], tokens)
            if max(counts) <= self._budget:
                break
            smaller: list[tuple[Draft, int]] = []
            for draft, tokens in fitted:
                smaller += [(draft, tokens)] if tokens <= self._budget else [(each, _UNCOUNTED) for each in self._smaller(draft)]
            fitted = [smaller[0]]
            for (before, _), (draft, tokens) in pairwise(smaller):
                if draft.overlap and not before.text.endswith(draft.overlap):
                    draft.overlap, tokens = "", _UNCOUNTED
                fitted.append((draft, tokens))
        return fitted

    def _smaller(self, draft: Draft) -> list[Draft]:
        if draft.overlap:
            draft.overlap = ""
            return [draft]
        if len(draft.parts) > 1:
            return list(draft.divided())
        if draft.header:
            draft.header = ""
            return [draft]
        part = draft.parts[0]
        if len(texts := self._splitter.halves(part.text)) > 1:
            pieces = [
                Part(text, weight, part.places, fresh=part.fresh and number == 0)
                for number, (text, weight) in enumerate(zip(texts, self._counter.weigh(texts), strict=True))
            ]
            return [Draft(draft.path, draft.kind, draft.room, parts=[piece], weight=piece.weight) for piece in pieces]
        if draft.path:
            draft.path = draft.path[1:]
            return [draft]
        raise PermanentError(f"one letter has more than {self._budget} tokens: raise DOCPIPE_CHUNK_TOKENS or choose another embedder")


def _placed(content: Content, outline: Outline) -> Iterator[tuple[Path, Passage | Grid]]:
    """A passage or table with its heading path, after the headings that no path would show."""
    if isinstance(content, Heading):
        yield from outline.enter(content)
    elif isinstance(content, Division):
        yield from outline.divide(content)
    else:
        yield from outline.lead()
        yield outline.path, content


def _title(contents: Sequence[Content]) -> str:
    headings = [content for content in contents if isinstance(content, Heading)]
    titles = [heading for heading in headings if heading.level == 0] or headings
    return titles[0].text[:_TITLE_CHARACTERS] if titles else ""
