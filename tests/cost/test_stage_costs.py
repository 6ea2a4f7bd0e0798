from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docpipe.cost.stage_costs import LOCAL, StageCosts
from docpipe.cost.usage import Usage
from docpipe.errors import ConfigurationError, PriceMissing
from docpipe.ledger import Ledger
from docpipe.ledger.spending import Cost
from docpipe.models import StageName
from docpipe.settings import Settings
from docpipe.stage import Effort

MakeSettings = Callable[..., Settings]
STAGE = StageName.CHUNKS


@pytest.fixture
def ledger(settings: MakeSettings) -> Iterator[Ledger]:
    with Ledger.open(settings().ledger_url) as opened:
        yield opened


@pytest.fixture
def machines(settings: MakeSettings, tmp_path: Path) -> Settings:
    prices = tmp_path / "prices.yaml"
    prices.write_text("date: 2026-11-22\nlocal: {cpu_hour: 3.6, gpu_hour: 36}")
    return settings(prices=str(prices))


def test_what_nobody_charges_for_has_no_cost(settings: MakeSettings, ledger: Ledger) -> None:
    with StageCosts(settings(), ledger, STAGE) as costs:
        assert costs.of(Effort(2.0)) == Cost(2.0, 0.0, None)
        assert costs.of(Effort(2.0, usage=Usage("gpu", "own", 1, 5))) == Cost(2.0, 0.0, 0.0)
        costs.add(Effort(2.0))
    assert ledger.spending(ledger.today()) == []


def test_our_own_machines_cost_what_the_table_says(machines: Settings, ledger: Ledger) -> None:
    with StageCosts(machines, ledger, STAGE) as costs:
        assert costs.of(Effort(1.0, 2.0)).cost_usd == pytest.approx(0.001 + 0.02)
        assert costs.of(Effort(1.0, usage=Usage("openai", "m", usd=0.5))).cost_usd == pytest.approx(0.501)
        for _ in range(60):
            costs.add(Effort(1.0))
        (spent,) = ledger.spending(ledger.today())
        assert spent.usd == pytest.approx(0.05), "entered now and then"
    (spent,) = ledger.spending(ledger.today())
    assert (spent.provider, spent.stage, spent.requests, spent.tokens) == (LOCAL, STAGE, 0, 0)
    assert spent.usd == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [({"embedder": "openai:unpriced"}, PriceMissing), ({"prices": "nowhere.yaml"}, ConfigurationError)],
    ids=["a model without a price", "no table"],
)
def test_what_cannot_be_priced_stops_a_run_before_its_first_document(
    settings: MakeSettings, ledger: Ledger, wrong: dict[str, str], kind: type[ConfigurationError]
) -> None:
    with pytest.raises(kind):
        StageCosts(settings(**wrong), ledger, STAGE)
