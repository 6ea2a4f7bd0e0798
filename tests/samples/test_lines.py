from samples.lines import SERIF, break_lines, words


def test_emphasis_and_footnote_marks_change_the_font() -> None:
    found = list(words("a **bold** and *leaning* word^1^", SERIF, 10.0))
    assert [[run.text for run in word] for word in found] == [["a"], ["bold"], ["and"], ["leaning"], ["word", "1"]]
    assert found[1][0].font == SERIF.bold
    assert found[3][0].font == SERIF.italic
    assert found[4][1].rise > 0


def test_lines_keep_every_word_and_the_width() -> None:
    text = "Observation of the temperature during the measurement was difficult between October and April. " * 3
    lines = break_lines(text.strip(), SERIF, 10.0, 130.0, hyphenate=True)
    joined = " ".join(run.text for line in lines for word in line.words for run in word)
    assert all(line.width <= 130.0 for line in lines)
    assert "- " in joined
    assert joined.replace("- ", "") == text.strip()
    assert [line.last for line in lines] == [False] * (len(lines) - 1) + [True]


def test_footnotes_are_known_by_the_line_that_calls_them() -> None:
    lines = break_lines("first words of a line that is long enough to be broken here^7^", SERIF, 10.0, 150.0)
    assert [mark for line in lines for mark in line.marks] == ["7"]
    assert lines[-1].marks == ("7",)
