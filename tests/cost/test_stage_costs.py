from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docpipe.cost.stage_costs import LOCAL, StageCosts
from docpipe.cost.usage import Usage
from docpipe.embed.model import find_model
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
    ("stage", "given", "model"),
    [
        (StageName.EMBEDDINGS, {}, "all-MiniLM-L6-v2"),
        (StageName.EMBEDDINGS, {"embedder": "openai:text-embedding-3-small", "embed_url": "https://api.openai.com/v1"}, ""),
        (StageName.PARSED_PAGES, {}, ""),
    ],
    ids=["own model", "provider's model", "several models"],
)
def test_what_our_own_model_cost_goes_by_its_name(
    machines: Settings, ledger: Ledger, stage: StageName, given: dict[str, str], model: str
) -> None:
    with StageCosts(machines.model_copy(update=given), ledger, stage) as costs:
        costs.add(Effort(1.0))
    assert [(one.provider, one.model) for one in ledger.spending(ledger.today())] == [(LOCAL, model)]


def test_a_model_in_a_folder_goes_by_the_end_of_its_path(machines: Settings, ledger: Ledger, tmp_path: Path) -> None:
    own, folder = find_model(machines).folder, tmp_path / "somebody" / "tiny"
    assert own
    folder.mkdir(parents=True)
    for path in own.iterdir():
        (folder / path.name).symlink_to(path)
    with StageCosts(machines.model_copy(update={"embedder": str(folder)}), ledger, StageName.EMBEDDINGS) as costs:
        costs.add(Effort(1.0))
    assert [one.model for one in ledger.spending(ledger.today())] == ["tiny"]


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
