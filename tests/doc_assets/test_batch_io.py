"""What Dagster records of a run over several partitions, and what the next asset is given."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from doc_assets.batch_io import BatchIOManager, Fingerprints, record_only
from doc_assets.partitions import DOCUMENTS
from docpipe.errors import ParseFailed
from docpipe.models import StageName
from resources.pipeline import PipelineResource
from tests.installation import Installation, use_small_stages

KEYS = ["a", "b", "c", "d"]
RANGE = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "d"}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(str(DOCUMENTS.name), KEYS)
        yield made


class Recorder(dg.IOManager):
    """The one line of the batch IO manager that leans on Dagster's private attribute."""

    def handle_output(self, context: dg.OutputContext, obj: Fingerprints) -> None:
        record_only(context, obj.keys())

    def load_input(self, context: dg.InputContext) -> Fingerprints:
        raise NotImplementedError


@pytest.mark.parametrize("made", [KEYS, ["b", "c"], ["a", "d"], ["c"]])
def test_a_run_records_the_documents_that_were_made_and_no_other(instance: dg.DagsterInstance, made: list[str]) -> None:
    # Should this fail after an upgrade of Dagster: see `record_only`, and its issue 17836 for a public way.
    @dg.asset(partitions_def=DOCUMENTS, backfill_policy=dg.BackfillPolicy.single_run())
    def batch() -> Fingerprints:
        return dict.fromkeys(made, "fingerprint")

    result = dg.materialize([batch], instance=instance, resources={"io_manager": Recorder()}, tags=RANGE)
    assert result.success
    assert sorted(str(one.partition) for one in result.asset_materializations_for_node("batch")) == made


def test_a_run_without_a_document_records_no_materialization(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, {StageName.PARSED_PAGES: lambda document, time: ParseFailed("no")})
    installation.put(a="one", b="two")
    (request,) = installation.tick().requests
    result = installation.run(request)
    assert not result.success
    for stage in StageName:
        assert installation.materializations(stage) == []
    assert installation.partitions(StageName.PARSED_PAGES).failed == {"a", "b"}


def test_an_asset_is_given_what_is_complete_in_its_present_generation(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_stages(monkeypatch, {StageName.PARSED_PAGES: lambda document, time: ParseFailed("no") if document.key == "c" else None})
    installation.put(a="one", b="two", c="three", d="four")
    (request,) = installation.tick().requests
    installation.run(request)
    installation.put(b="changed")
    installation.tick()
    ledger = installation.pipeline.ledger
    states = ledger.stage_states(KEYS)
    assert states["b", StageName.PARSED_PAGES].generation == 1
    given: list[Fingerprints] = []

    @dg.asset(name="parsed_pages", partitions_def=DOCUMENTS, io_manager_key="batch_io")
    def parsed_pages() -> None: ...

    @dg.asset(
        partitions_def=DOCUMENTS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        ins={"parsed_pages": dg.AssetIn(input_manager_key="batch_io")},
    )
    def reader(parsed_pages: Fingerprints) -> None:
        given.append(parsed_pages)

    first, *_, last = installation.instance.get_dynamic_partitions(str(DOCUMENTS.name))
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    manager = BatchIOManager(pipeline=PipelineResource())
    result = dg.materialize(
        [parsed_pages, reader], selection=[reader], instance=installation.instance, resources={"batch_io": manager}, tags=tags
    )
    assert result.success
    assert given == [{key: states[key, StageName.PARSED_PAGES].fingerprint for key in ("a", "d")}]
