from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from docpipe.cost.price_table import ModelPrice, PriceTable, price_table
from docpipe.cost.usage import Usage
from docpipe.errors import ConfigurationError, PriceMissing
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]
Table = Callable[[str], PriceTable]


@pytest.fixture
def table(settings: MakeSettings, tmp_path: Path) -> Table:
    def make(text: str) -> PriceTable:
        path = tmp_path / "prices.yaml"
        path.write_text(text)
        return price_table(settings(prices=str(path)))

    return make


def test_the_shipped_table_has_the_usual_models(settings: MakeSettings) -> None:
    shipped = price_table(settings())
    assert shipped.price("openai", "text-embedding-3-small") == ModelPrice(input=0.02)
    assert shipped.price("azure", "gpt-4o-mini") == ModelPrice(input=0.15, output=0.6)
    assert shipped.date >= date(2026, 11, 22)
    assert not shipped.prices_machines


def test_tokens_and_pictures_make_a_price() -> None:
    assert ModelPrice(1.0, 4.0, 0.01).of(Usage(input_tokens=500_000, output_tokens=250_000, pictures=2)) == pytest.approx(1.52)


def test_a_model_with_a_date_costs_what_the_one_without_does(table: Table) -> None:
    own = table("date: 2026-12-01\nproviders: {openai: {gpt-4o-2024-05-13: {input: 5, output: 15}}}")
    assert own.price("openai", "gpt-4o-2024-08-06") == own.price("openai", "gpt-4o")
    assert own.price("openai", "gpt-4o-2024-05-13") == ModelPrice(5, 15)


def test_lines_of_ones_own_go_before_the_shipped_ones(table: Table) -> None:
    own = table(
        "date: 2026-12-01\nlocal: {cpu_hour: 3.6}\n"
        "providers: {openai: {text-embedding-3-small: {input: 0.01}}, mistral: {'*': {picture: 0.001}}}"
    )
    assert own.price("openai", "text-embedding-3-small").input == 0.01
    assert own.price("openai", "text-embedding-3-large").input == 0.13
    assert own.price("mistral", "whatever").picture == 0.001
    assert own.date == date(2026, 12, 1)
    assert own.local(cpu_seconds=1_000, gpu_seconds=1_000) == pytest.approx(1.0)


def test_a_provider_may_be_written_in_large_letters(table: Table) -> None:
    own = table("date: 2026-12-01\nproviders: {OpenAI: {text-embedding-3-small: {input: 9}}}")
    assert own.price("openai", "text-embedding-3-small").input == 9


def test_a_model_without_a_price_says_which_line_to_add(settings: MakeSettings, table: Table) -> None:
    with pytest.raises(PriceMissing, match=r'providers: {openai: {"gpt-9": {input: .*DOCPIPE_PRICES') as raised:
        price_table(settings()).price("openai", "gpt-9")
    line = str(raised.value).split("`")[1].replace("<US dollars a million tokens>", "7")
    assert table(f"date: 2026-12-01\n{line}").price("openai", "gpt-9").input == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "date: [",
        "date: yesterday",
        "date: 2026-13-45",
        "date: 2026-11-22T10:00:00",
        "providers: {}",
        "date: 2026-11-22\nproviders: [openai]",
        "date: 2026-11-22\nproviders: {openai: 3}",
        "date: 2026-11-22\nproviders: {openai: {gpt: 3}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {input: -1}}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {input: .nan}}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {input: .inf}}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {input: '3'}}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {input: true}}}",
        "date: 2026-11-22\nproviders: {openai: {gpt: {inptu: 1}}}",
        "date: 2026-11-22\nproviders: {openai: {1: {input: 1}}}",
        "date: 2026-11-22\nproviders: {openai: {}, OpenAI: {}}",
        "date: 2026-11-22\nlocal: {cpu_hour: -0.1}",
        "date: 2026-11-22\nlocal: {tpu_hour: 1}",
        "date: 2026-11-22\nprices: {}",
        "!!python/object/apply:os.system ['true']",
        "[" * 20_000,
        "x" * 1_100_000,
    ],
    ids=range(24),
)
def test_a_table_that_is_wrong_is_no_table(table: Table, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prices\.yaml cannot be used: "):
        table(text)


def test_a_table_that_is_not_there_is_said_to_be_missing(settings: MakeSettings, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigurationError, match=r"DOCPIPE_PRICES=.*cannot be read"):
            price_table(settings(prices=str(path)))


def test_a_table_that_was_changed_is_read_again(table: Table) -> None:
    assert table("date: 2026-11-22\nproviders: {openai: {gpt: {input: 1}}}").price("openai", "gpt").input == 1
    assert table("date: 2026-11-22\nproviders: {openai: {gpt: {input: 2.5}}}").price("openai", "gpt").input == 2.5
