from __future__ import annotations

import pytest

from docpipe.parse.text.decoding import decode, encoding_of

GREEK = "Η θάλασσα είναι ήρεμη σήμερα και τα πλοία περιμένουν στο λιμάνι. " * 20
CYRILLIC = "Корабль стоит у причала и ждёт разгрузки до самого утра. " * 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_exactly(encoding: str) -> None:
    assert decode(GREEK.encode(encoding)) == GREEK


@pytest.mark.parametrize(("text", "encoding"), [(GREEK, "cp1253"), (CYRILLIC, "cp1251"), ("Käse für 5 € – größer\n" * 9, "cp1252")])
def test_old_encodings_are_guessed(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


SENTENCES = {
    "French": "Le bureau du port tient un registre de chaque navire qui entre dans le bassin, avec son tirant d'eau, sa cargaison et le "
    "nom de son capitaine. À minuit, on ferme le registre; déjà l'été dernier, les bâtiments étaient plus nombreux.\n",
    "German": "Das Hafenamt führt ein Verzeichnis über jedes Schiff, das in das Becken einläuft, mit Tiefgang, Ladung und dem Namen des "
    "Kapitäns. Größere Übergaben müssen außerdem gemeldet werden.\n",
    "Russian": "Портовая контора ведёт журнал каждого судна, которое входит в бассейн, с его осадкой, грузом и именем капитана.\n",
    "Polish": "Urząd portowy prowadzi rejestr każdego statku, który wpływa do basenu, z jego zanurzeniem, ładunkiem i nazwiskiem kapitana. "
    "Księgę zamyka się o północy i przesyła do urzędu celnego.\n",
    "Czech": "Přístavní úřad vede rejstřík každé lodi, která vpluje do přístavu, s jejím ponorem, nákladem a jménem kapitána.\n",
    "Japanese": "港の事務所は、入港するすべての船の記録を保管しており、喫水、積荷、船長の名前が記されている。\n",
    "Chinese": "港务处保存着每一艘进港船只的登记册，记录其吃水、货物和船长姓名。登记册在午夜关闭，并由清晨第一班电车送往海关。\n",
    "Taiwanese": "港務處保存著每一艘進港船隻的登記冊，記錄其吃水、貨物和船長姓名。登記冊在午夜關閉。\n",
    "Korean": "항만 사무소는 항구에 들어오는 모든 선박의 등록부를 보관하며, 흘수와 화물, 선장의 이름을 기록한다.\n",
    "Greek": "Το γραφείο του λιμανιού τηρεί μητρώο για κάθε πλοίο που μπαίνει στη λεκάνη, με το βύθισμα και το φορτίο.\n",
    "Turkish": "Liman dairesi, havuza giren her geminin su çekimini, yükünü ve kaptanının adını gösteren bir kayıt tutar.\n",
    "Hebrew": "משרד הנמל מנהל רישום של כל כלי שיט הנכנס לאגן, עם שוקעו, מטענו ושם רב החובל שלו. הרישום נסגר בחצות.\n",
    "Arabic": "يحتفظ مكتب الميناء بسجل لكل سفينة تدخل الحوض، مع غاطسها وحمولتها واسم ربانها. يغلق السجل عند منتصف الليل.\n",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("French", "cp1252"),
        ("French", "latin-1"),
        ("French", "mac_roman"),
        ("German", "cp1252"),
        ("German", "iso8859-15"),
        ("Russian", "cp1251"),
        ("Russian", "koi8-r"),
        ("Russian", "cp866"),
        ("Russian", "iso8859-5"),
        ("Polish", "cp1250"),
        ("Polish", "iso8859-2"),
        ("Czech", "cp1250"),
        ("Czech", "iso8859-2"),
        ("Japanese", "shift_jis"),
        ("Japanese", "euc_jp"),
        ("Japanese", "iso2022_jp"),
        ("Chinese", "gb18030"),
        ("Taiwanese", "big5"),
        ("Korean", "euc_kr"),
        ("Greek", "cp1253"),
        ("Greek", "iso8859-7"),
        ("Turkish", "cp1254"),
        ("Hebrew", "cp1255"),
        ("Arabic", "cp1256"),
    ],
)
def test_real_sentences_in_the_encodings_of_their_language(language: str, encoding: str) -> None:
    text = SENTENCES[language]
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_real_sentences_in_unicode_with_and_without_a_mark(language: str, encoding: str) -> None:
    text = SENTENCES[language]
    assert decode(text.encode(encoding)) == text


def test_utf16_cut_within_a_character_is_still_utf16() -> None:
    assert encoding_of(("ship 🚢 " * 40).encode("utf-16-le")[:-5]) == "utf-16-le"


def test_line_ends_become_one() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_a_character_cut_by_the_sample_is_still_utf8() -> None:
    assert encoding_of("aé".encode()[:2]) == "utf-8"


def test_an_old_encoding_may_show_late_in_a_file() -> None:
    text = "The registrar keeps the records of the harbour. " * 2_000 + SENTENCES["French"]
    assert decode(text.encode("cp1252")) == text


def test_bytes_that_are_damaged_late_do_not_change_the_encoding() -> None:
    text = SENTENCES["French"] * 500
    assert decode(text.encode() + b"\xff" + text.encode()) == f"{text}\ufffd{text}"
    assert decode(b"a" * 70_000 + "größer".encode() * 9 + b"\xff").endswith("größer\ufffd")


def test_one_bad_byte_late_in_a_file_does_not_fail_it() -> None:
    assert decode(b"a" * 70_000 + b"\xff").startswith("aaa")


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"text\x00text", bytes(range(32))])
def test_binary_is_no_text(data: bytes) -> None:
    assert encoding_of(data) is None
