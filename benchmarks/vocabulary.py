"""A word model for generated documents: function words, general words, words of a topic and rare made-up names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_FUNCTION = """the of and to in a is that for it as was with be by on not this are or from at which an have were been has more when will
would there their one all between after before under each other than into only some over during most two first where these such"""
_GENERAL = """year time result change number case order plan level value point report system method process group area data part work
people company question side problem reason form state country city house family office room table paper letter word page list figure
model test design quality standard project budget team manager partner member customer supplier market price product service offer
decision meeting agreement support training measure limit range average increase decrease growth loss risk chance effect cause purpose
period month week day hour date start end step stage phase history future development improvement research study analysis review
comparison example detail summary description condition position direction distance height weight size surface water air ground light
heat energy pressure speed force material machine tool device equipment building road bridge region border coast river mountain field
season summer winter weather rain snow storm morning evening night school student teacher doctor hospital police government council law
rule right duty freedom security control access information message signal image sound voice language culture art music film story
author reader book journal article chapter section note interest attention experience knowledge skill ability practice habit memory
large small long short high low early late new old good poor strong weak clear simple difficult common rare public private local
national international annual monthly daily previous following current recent main total final general special important necessary
possible similar different several both same likely useful open closed full empty whole single double central western northern eastern
use make take give find show keep hold bring build write read open close begin finish grow fall rise move turn follow lead allow
require provide include contain explain describe suggest propose accept refuse expect consider compare calculate estimate measure
record replace repair install remove deliver receive send store buy sell pay cost save spend share agree discuss confirm announce
therefore however although because while until since often usually sometimes never always almost already still again together apart"""
TOPICS = {
    "finance": "revenue margin dividend loan covenant coupon auditor liability equity forecast invoice tax asset bond shareholder",
    "medicine": "patient dose therapy symptom trial placebo diagnosis tumour infection vaccine nurse ward relapse biopsy recovery",
    "law": "contract clause tenant liability court appeal statute witness breach damages party consent hearing judge licence",
    "energy": "turbine voltage cable grid transformer battery inverter outage converter substation generator solar reactor fuel load",
    "software": "server latency query index cache thread module release compiler token database schema deployment kernel packet",
    "transport": "vessel freight harbour pallet customs container route driver warehouse delay terminal carrier ferry rail axle",
    "chemistry": "polymer catalyst solvent yield reagent acid oxide crystal reaction residue titration vapour enzyme ester salt",
    "construction": "concrete beam permit scaffold insulation foundation facade mortar drainage roof tender storey plaster timber crane",
    "farming": "harvest soil wheat irrigation pasture fertiliser seed barn drought dairy herd orchard tractor compost pest",
    "teaching": "pupil curriculum lesson exam grade classroom homework lecture seminar degree tutor essay library campus course",
}
_SHARES = (0.44, 0.36, 0.15, 0.05)
"""Of function, general, topic and rare words in a text: about what a page of English prose has."""
_ONSETS = "b|br|c|ch|d|dr|f|fl|g|gr|h|k|l|m|n|p|pl|r|s|sh|st|t|tr|v|w"
_VOWELS = "a|e|i|o|u|ai|ea|ou"
_CODAS = "|n|r|s|t|l|nd|m"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of one topic, and the sums of their probabilities up to each."""

    topic: str
    words: Sequence[str]
    cumulative: np.ndarray[tuple[int], np.dtype[np.float64]]

    def draw(self, random: np.random.Generator, count: int) -> list[str]:
        places = np.minimum(np.searchsorted(self.cumulative, random.random(count)), len(self.words) - 1)
        return [self.words[place] for place in places]


def vocabularies(seed: int, rare: int = 4_000) -> list[Vocabulary]:
    """One vocabulary a topic; within each kind of word Zipf's law (exponent 1) holds, and each topic has its own order."""
    random = np.random.default_rng(seed)
    names = sorted({_name(random) for _ in range(rare)})
    made = []
    for topic, text in TOPICS.items():
        kinds = (_FUNCTION.split(), _shuffled(random, _GENERAL.split()), _shuffled(random, text.split()), _shuffled(random, names))
        weights = [share * _zipf(len(words)) for share, words in zip(_SHARES, kinds, strict=True)]
        made.append(Vocabulary(topic, [word for words in kinds for word in words], np.cumsum(np.concatenate(weights))))
    return made


def _zipf(count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    weights = 1.0 / (np.arange(count, dtype=np.float64) + 2.7)  # Mandelbrot's shift: the first rank is not twice the second
    return np.asarray(weights / weights.sum())


def _shuffled(random: np.random.Generator, words: Sequence[str]) -> list[str]:
    return [words[place] for place in random.permutation(len(words))]


def _name(random: np.random.Generator) -> str:
    """Two or three syllables that can be spoken, as a name."""
    parts = [choices.split("|") for choices in (_ONSETS, _VOWELS, _CODAS)]
    syllables = int(random.integers(2, 4))
    return "".join(choices[random.integers(len(choices))] for _ in range(syllables) for choices in parts).capitalize()
