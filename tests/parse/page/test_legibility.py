from __future__ import annotations

import pytest

from docpipe.parse.page import legibility

TEXTS = {
    "English": "The harbour office keeps a register of every vessel that enters the basin, with its draught and the name of its master. ",
    "German": "Das Hafenamt führt ein Verzeichnis aller Schiffe, die in das Becken einlaufen, mit Tiefgang und Namen des Schiffers. ",
    "Polish": "Kapitanat portu prowadzi rejestr wszystkich statków wpływających do basenu, wraz z zanurzeniem i nazwiskiem kapitana. ",
    "Czech": "Přístavní úřad vede rejstřík všech lodí, které vplují do přístavu, s ponorem, nákladem a jménem svého kapitána. ",
    "Finnish": "Satamatoimisto pitää luetteloa kaikista altaaseen saapuvista aluksista, niiden syväyksestä ja päällikön nimestä. ",
    "Russian": "Портовая контора ведёт реестр всех судов, входящих в гавань, с осадкой, грузом и именем капитана каждого судна. ",
    "Greek": "Το λιμεναρχείο τηρεί μητρώο όλων των πλοίων που εισέρχονται στη λεκάνη, με το βύθισμα και το όνομα του πλοιάρχου. ",
    "Japanese": "港務所は、港に入るすべての船の記録を、喫水、積荷、船長の名前とともに保管している。",
    "Arabic": "يحتفظ مكتب الميناء بسجل لكل سفينة تدخل الحوض مع غاطسها وحمولتها واسم ربانها. ",
    "Hindi": "बंदरगाह कार्यालय बेसिन में प्रवेश करने वाले प्रत्येक जहाज का एक रजिस्टर रखता है। ",
}


@pytest.mark.parametrize("language", TEXTS)
def test_honest_text_is_believed(language: str) -> None:
    text = TEXTS[language] * 8
    assert legibility.suspicion(text) == ""
    assert legibility.bad_share(text) == 0
    assert legibility.mess(text) < 0.1


@pytest.mark.parametrize("shift", range(1, 26))
def test_shifted_letters_are_suspected_mostly(shift: int) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = (TEXTS["English"] * 8).lower().translate(str.maketrans(letters, letters[shift:] + letters[:shift]))
    # A few shifts lay common letters on common letters.
    assert bool(legibility.suspicion(text)) is (shift not in (10, 13, 22))


def test_one_character_over_and_over_is_suspected_and_leaders_are_not() -> None:
    assert "the same" in legibility.suspicion("\u25a1" * 300 + "page")
    assert legibility.suspicion("." * 300 + TEXTS["English"]) == ""


def test_unreadable_characters_are_counted() -> None:
    assert legibility.bad_share("ab \ufffd\ue001 \x03\x04") == pytest.approx(4 / 6)
    assert legibility.bad_share("(cid:12)(cid:7) ab") == pytest.approx(2 / 4)
    assert legibility.bad_share("") == 0


def test_a_table_of_numbers_is_not_judged() -> None:
    assert legibility.suspicion("1 310 95 420 17.5 " * 100) == ""
