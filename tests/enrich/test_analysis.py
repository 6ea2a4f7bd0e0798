from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docpipe.enrich.analysis import analyse, beginning
from docpipe.enrich.language import NO_LANGUAGE, detect
from docpipe.enrich.phrases import key_phrases
from docpipe.enrich.quality import score
from docpipe.enrich.stopwords import stopwords
from docpipe.models import Chunk, ChunkedDocument, EnrichedDocument

TEXTS = {
    "en": "The board approved the annual budget for the coming year, and the auditors had no objections to the accounts.",
    "de": "Der Vorstand hat den Haushalt für das kommende Jahr beschlossen, und die Prüfer hatten keine Einwände.",
    "fr": "Le conseil a approuvé le budget de l’année prochaine, et les commissaires aux comptes n’ont émis aucune réserve.",
    "es": "El consejo aprobó el presupuesto para el próximo año y los auditores no tuvieron objeciones a las cuentas.",
    "nl": "De raad heeft de begroting voor het komende jaar goedgekeurd en de accountants hadden geen bezwaren.",
    "ru": "Совет утвердил бюджет на следующий год, и у аудиторов не было замечаний к отчётности.",
    "ar": "وافق المجلس على ميزانية العام المقبل ولم يكن لدى المدققين أي اعتراضات على الحسابات.",
    "zh": "董事会批准了下一年度的预算，审计师对账目没有异议。",
    "ja": "取締役会は来年度の予算を承認し、監査人は決算に異議を唱えなかった。",
    "ko": "이사회는 내년 예산을 승인했으며 감사인은 회계에 이의를 제기하지 않았습니다.",
    "hi": "बोर्ड ने अगले वर्ष के बजट को मंजूरी दी और लेखा परीक्षकों को खातों पर कोई आपत्ति नहीं थी।",
}


def chunk(text: str, index: int = 0, tokens: int = 100, kind: str = "text", overlap: int = 0) -> Chunk:
    return Chunk(index=index, text=text, tokens=tokens, kind=kind, overlap=overlap)


def document(texts: Sequence[str]) -> ChunkedDocument:
    return ChunkedDocument(title="Title", chunks=tuple(chunk(text, index) for index, text in enumerate(texts)))


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_language(language: str, text: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("text", ["", "Hello", "12 34 56 | 7", "Total 100 EUR", "🎉" * 50, "a" * 100_000])
def test_language_is_empty_where_it_cannot_be_told(text: str) -> None:
    assert detect(text) == ""


def test_gibberish_has_no_language() -> None:
    assert detect("asdkjh qwlekj zmxncb qpwoei lkqjwe zxmcnb qwpoei") == NO_LANGUAGE
    enriched = analyse(document(["asdkjh qwlekj zmxncb qpwoei lkqjwe zxmcnb qwpoei"]), 8)
    assert enriched.language == enriched.enrichments[0].language == ""
    assert enriched.enrichments[0].quality_reasons == ("no words of a language",)


def test_the_documents_language_is_that_of_most_of_its_text() -> None:
    enriched = analyse(document([TEXTS["fr"], TEXTS["de"], TEXTS["fr"], "42"]), 8)
    assert [one.language for one in enriched.enrichments] == ["fr", "de", "fr", ""]
    assert enriched.language == "fr"


def test_a_document_of_scraps_is_told_by_all_of_its_beginning() -> None:
    scraps = ["Der Vorstand", "hat den Haushalt", "für das Jahr", "beschlossen und", "keine Einwände"]
    enriched = analyse(document(scraps), 8)
    assert enriched.language == "de"


def test_key_phrases_are_words_that_carry_the_subject() -> None:
    texts = [
        "The self-locking nut holds the bolt. A self-locking nut is used where vibration is severe.",
        "Torque is applied with a torque wrench. The torque wrench must be calibrated.",
    ]
    first, second = key_phrases(texts, ["en", "en"], 3)
    assert "self-locking nut" in first
    assert "torque wrench" in second
    assert all(phrase in texts[0] for phrase in first)
    assert key_phrases(texts, ["en", "en"], 0) == [(), ()]


def test_key_phrases_of_languages_with_other_words() -> None:
    assert "entrepôt" in key_phrases(["L’analyse d’entrepôt et l’analyse."], ["fr"], 5)[0]
    assert set(key_phrases(["董事会批准了预算。审计师的意见。"], ["zh"], 5)[0]) == {"董事会批准", "预算", "审计师", "意见"}
    assert "データベース" in key_phrases(["これはデータベースです"], ["ja"], 5)[0]


def test_stopwords_come_by_language() -> None:
    assert "the" in stopwords("en")
    assert "der" in stopwords("de")
    assert stopwords("nb") == stopwords("no") != frozenset()
    assert stopwords("xx") == stopwords("") == stopwords("../../etc/passwd") == frozenset()


PROSE = TEXTS["en"] + " They asked for a second report before the summer, and it was promised to them at once."


@pytest.mark.parametrize(
    ("one", "language", "reasons"),
    [
        (chunk(PROSE), "en", ()),
        (chunk("Page 3", tokens=2), "", ("too short",)),
        (chunk("12 34 56 78 90 | 11 22 33", kind="table"), "", ("mostly digits or symbols",)),
        (chunk("Total | 1,204,331 | 332,123 | 4", kind="table"), "", ()),
        (chunk("1,204,331 332,123 44,212 9,120 total"), "", ("mostly digits or symbols",)),
        (chunk(PROSE + "\ufffd" * 20), "en", ("broken characters",)),
        (chunk("T h e q u i c k b r o w n f o x j u m p s o v e r t h e l a z y d o g s"), "en", ("words torn into letters",)),
        (chunk("Confidential draft\n" * 8), "en", ("repeated lines",)),
        (chunk("spam and eggs and " * 40), "en", ("repeated words",)),
        (
            chunk("Zorgle wibble frantle " * 2 + " ".join(f"quux{sign}ing" for sign in "abcdefghijklmnopqrstuvwxyzabcdefgh")),
            "en",
            ("no common words of its language",),
        ),
        (chunk(TEXTS["hi"] + TEXTS["ar"]), "hi", ()),
        (chunk(TEXTS["zh"] * 2), "zh", ()),
    ],
)
def test_quality_names_its_reasons(one: Chunk, language: str, reasons: tuple[str, ...]) -> None:
    value, found = score(one, language)
    assert found == reasons
    assert (value == 1) is (not reasons)


def test_the_documents_quality_is_weighted_by_tokens() -> None:
    chunks = (chunk(PROSE, 0, 90), chunk("Page 3", 1, 5))
    enriched = analyse(ChunkedDocument(chunks=chunks), 8)
    assert [one.quality for one in enriched.enrichments] == [1.0, 0.5]
    assert enriched.quality == round((90 + 2.5) / 95, 2)


def test_a_document_without_chunks() -> None:
    assert analyse(ChunkedDocument(chunks=()), 8) == EnrichedDocument()
    assert beginning(ChunkedDocument(chunks=())) == ""


def test_repeated_text_is_looked_at_once() -> None:
    second = chunk("EUR 5. New text about EUR 6.", 1, overlap=6)
    enriched = analyse(ChunkedDocument(chunks=(chunk("Old text. EUR 5."), second)), 8)
    assert [[found.text for found in one.findings] for one in enriched.enrichments] == [["EUR 5"], ["EUR 6"]]


def test_the_beginning_holds_title_headings_and_text_once() -> None:
    chunks = tuple(
        Chunk(index=index, text=f"part {index} " + "word " * 200, heading_path=("Title", f"Section {index // 2}"), tokens=200)
        for index in range(50)
    )
    text = beginning(ChunkedDocument(title="Title", chunks=chunks))
    assert text.startswith("Title\nSection 0\npart 0")
    assert text.count("Title") == text.count("Section 0") == 1
    assert len(text) <= 4_000


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), max_size=5))
def test_any_text_is_analysed_alike_twice(texts: list[str]) -> None:
    enriched = analyse(document(texts), 8)
    assert [one.chunk for one in enriched.enrichments] == list(range(len(texts)))
    assert analyse(document(texts), 8) == enriched
    assert EnrichedDocument.from_bytes(enriched.to_bytes()) == enriched


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "🎉" * 100_000, " " * 100_000 + "x", "漢" * 100_000, "a-" * 50_000, "l'" * 50_000, "\n" * 100_000 + "y"]
)
def test_one_sign_repeated(text: str) -> None:
    assert 0 <= analyse(document([text]), 8).quality <= 1
