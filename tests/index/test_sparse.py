from docpipe.index.sparse import document_terms, query_terms


def test_a_query_shares_its_terms_with_the_text_whatever_their_form() -> None:
    stored = set(document_terms("The pumps were running near the café.").indices)
    for word in ("pump", "PUMPS", "run", "Café", "cafe"):
        assert set(query_terms(word).indices) <= stored, word
    assert not set(query_terms("turbine").indices) & stored


def test_words_are_found_in_a_script_without_spaces() -> None:
    assert set(query_terms("学习").indices) & set(document_terms("机器学习很有趣").indices)


def test_a_rarer_word_in_a_shorter_text_weighs_no_less() -> None:
    short, long = document_terms("pump"), document_terms("pump " + " ".join(f"word{number}" for number in range(300)))
    assert short.values[0] > dict(zip(long.indices, long.values, strict=True))[short.indices[0]]


def test_stop_words_and_nothing_have_no_terms() -> None:
    assert query_terms("the and of").indices == []
    assert document_terms("").indices == []
    assert query_terms("   ").indices == []
