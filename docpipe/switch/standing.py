"""How the collections stand: which there are, which is searched, which is written, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docpipe.errors import ConfigurationError
from docpipe.index import Collection, Listed, open_catalog, own_collection, searched_model
from docpipe.ledger import Switch
from docpipe.pipeline import Pipeline
from docpipe.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """What the engine and the ledger say about one alias."""

    listed: tuple[Listed, ...]
    """By name."""
    decisions: tuple[Switch, ...]
    """Newest first."""
    own: Collection | None
    """What runs write to; None where the settings' model cannot be found."""
    problem: str = ""
    """Why it cannot."""

    @property
    def searched(self) -> Listed | None:
        """Where the engine sends searches; None where the alias names nothing that is there."""
        return next((one for one in self.listed if one.active), None)

    @property
    def trail(self) -> Iterator[Listed]:
        """The collections that were searched one after the other and are still there, newest first; one may come more than once.

        A decision is recorded before the engine follows it, so the first of them is where searches belong.
        """
        names = (name for one in self.decisions if one.accepted for name in (one.collection, one.previous) if name)
        return (found for name in names if (found := self.find(name)))

    @property
    def newest(self) -> int:
        """Number of the newest decision; 0 without any."""
        return self.decisions[0].number if self.decisions else 0

    def find(self, name: str) -> Listed | None:
        return next((one for one in self.listed if one.collection.name == name), None)

    def named(self, name: str) -> Listed:
        """The collection of this name; raises `ConfigurationError` with the names that there are."""
        found = self.find(name)
        if found is None:
            names = ", ".join(one.collection.name for one in self.listed) or "none"
            raise ConfigurationError(f"there is no collection {name!r}; there are: {names}")
        return found

    def decided(self, name: str) -> Switch | None:
        """The newest decision about a collection."""
        return next((one for one in self.decisions if one.collection == name), None)

    def is_own(self, name: str) -> bool:
        return self.own is not None and self.own.name == name


def look(pipeline: Pipeline) -> Standing:
    """Ask the engine and the ledger; raises `IndexUnavailable`, `IndexTooNew`."""
    settings = pipeline.settings
    # The ledger first: a decision is there before the engine follows it.
    decisions = pipeline.ledger.switches(settings.collection)
    with open_catalog(settings) as catalog:
        listed = catalog.listed()
    own, problem = None, ""
    try:
        own = own_collection(settings)
    except ConfigurationError as error:
        problem = str(error)
    return Standing(tuple(listed), tuple(decisions), own, problem)


def variables(collection: Collection, settings: Settings) -> Mapping[str, str]:
    """The environment variables, and their values, that make runs write to a collection; those that do so already are left out.

    An empty value means that the variable is taken away. Raises `ModelMissing` where the collection's model is gone.
    """
    wanted = searched_model(settings, collection).model_copy(update={"index_quantization": collection.quantization})
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    changed = {name: getattr(wanted, name) for name in defaults if getattr(wanted, name) != getattr(settings, name)}
    return {f"DOCPIPE_{name.upper()}": "" if value == defaults[name] else str(value) for name, value in changed.items()}
