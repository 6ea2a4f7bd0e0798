"""Counts tokens with the embedder's own tokenizer: quickly while text is being cut, exactly at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from docpipe.chunk.graphemes import at_or_after, at_or_before, boundaries

CHARACTERS_PER_TOKEN = 16
"""A token counts as at least this many characters (prose has 4 to 5 a token), so that a run which the tokenizer takes
for one unknown token still has a bounded length."""

# The blanks that every tokenizer splits at. str.split knows more of them, some of which BERT deletes instead.
_BLANKS = " \t\n\r"
_WORD = re.compile(rf"[^{_BLANKS}]+")
_LONG_WORD = 256
_HAS_LONG_WORD = re.compile(rf"[^{_BLANKS}]{{{_LONG_WORD + 1}}}")
_SLICE = 4_096
_MEMORY = 200_000
_BATCH = 512


class TokenCounter:
    """Token counts of texts, without special tokens."""

    def __init__(self, tokenizer: Tokenizer, prompt: str = "") -> None:
        """`tokenizer` neither cuts nor pads; `prompt` will stand before every text that is counted exactly."""
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._prompt_tokens = len(tokenizer.encode(prompt, add_special_tokens=False).ids)
        self._words: dict[str, int] = {}
        self._by_words = _keeps_to_words(tokenizer) and (not prompt or prompt[-1] in _BLANKS)

    def exact(self, texts: Sequence[str]) -> list[int]:
        """What the tokenizer would make of each text whole, less the tokens of the prompt before it.

        With the prompt's own tokens that is what the model reads: behind a prompt a text may have other tokens than alone.
        """
        if not self._by_words:
            return [max(0, count - self._prompt_tokens) for count in self._tokenized([self._prompt + text for text in texts])]
        counts = self.estimate(texts)
        inexact = [number for number, text in enumerate(texts) if _HAS_LONG_WORD.search(text)]
        for number, count in zip(inexact, self._tokenized([texts[number] for number in inexact]), strict=True):
            counts[number] = count
        return counts

    def estimate(self, texts: Sequence[str]) -> list[int]:
        """Count word by word, each word tokenized once: off by little where tokens cross blanks or words are very long."""
        counts: list[int] = []
        for start in range(0, len(texts), _BATCH):
            counts += self._sums([_WORD.findall(text) for text in texts[start : start + _BATCH]])
        return counts

    def weigh(self, texts: Sequence[str]) -> list[int]:
        """Estimated tokens, or characters by `CHARACTERS_PER_TOKEN` where that is more."""
        return [max(count, -(-len(text) // CHARACTERS_PER_TOKEN)) for text, count in zip(texts, self.estimate(texts), strict=True)]

    def windows(self, text: str, room: int) -> Iterator[str]:
        """Cut a text at token boundaries, never inside a letter, into windows of about `room`; together they are the text."""
        longest = room * CHARACTERS_PER_TOKEN
        start = 0
        while start < len(text):
            piece = text[start : start + _SLICE]
            letters = boundaries(piece)
            if start + len(piece) < len(text):
                # The last letter may go on behind the slice.
                piece, letters = piece[: letters[-2]], letters[:-1]
            cuts = {at_or_before(letters, begin) for begin in self._starts(piece)[room::room]}
            for left, right in pairwise(sorted({0, *cuts, len(piece)})):
                while right - left > longest:
                    end = at_or_before(letters, left + longest)
                    end = end if end > left else left + longest
                    yield piece[left:end]
                    left = end
                yield piece[left:right]
            start += len(piece)

    def last(self, text: str, room: int) -> str:
        """The last `room` tokens of a short text, or less: never a part of a letter."""
        starts = self._starts(text)
        return text[at_or_after(boundaries(text), starts[-room]) :] if len(starts) > room else text

    def halves(self, text: str) -> Sequence[str]:
        """A short text cut in two at a token near its middle, inside a letter only where it has no other; one part where neither
        would leave a token on both sides."""
        starts, letters = self._starts(text), boundaries(text)
        middle = starts[len(starts) // 2] if starts else 0
        for at in (at_or_before(letters, middle), at_or_after(letters, middle), middle, len(text) // 2):
            parts = [text[:at], text[at:]]
            if all(self._tokenized(parts)):
                return parts
        return [text]

    def _starts(self, text: str) -> list[int]:
        """Where its tokens begin."""
        return [begin for begin, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]

    def _sums(self, texts: Sequence[Sequence[str]]) -> list[int]:
        if len(self._words) > _MEMORY:
            self._words.clear()
        known = self._words
        unknown = list(set().union(*texts).difference(known))
        short = [word for word in unknown if len(word) <= _LONG_WORD]
        long = [word for word in unknown if len(word) > _LONG_WORD]
        known.update(zip(short, self._tokenized(short), strict=True))
        for word in long:
            known[word] = sum(self._tokenized([word[start : start + _SLICE] for start in range(0, len(word), _SLICE)]))
        sums = [sum(map(known.__getitem__, words)) for words in texts]
        for word in long:
            del known[word]
        return sums

    def _tokenized(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            counts += [len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        return counts


def _keeps_to_words(tokenizer: Tokenizer) -> bool:
    """Whether the tokens of a text are those of its words: so it is in the BERT family, which splits at blanks first."""
    return isinstance(tokenizer.normalizer, BertNormalizer) and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
