"""The alias that is searched, kept by the server."""

from __future__ import annotations

from qdrant_client import QdrantClient, models

from docpipe.index.collection import is_named_for


def active_collection(client: QdrantClient, alias: str) -> str | None:
    """The collection that the alias names; None where it names none."""
    aliases = client.get_aliases().aliases
    return next((one.collection_name for one in aliases if one.alias_name == alias), None)


def make_active(client: QdrantClient, alias: str, name: str) -> None:
    """Point the alias to this collection, in one request that is done whole or not at all."""
    client.update_collection_aliases(
        [
            # Nothing happens where there is none.
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)),
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias)),
        ]
    )


def names_behind(client: QdrantClient, alias: str) -> list[str]:
    """Every collection whose name says that it belongs to the alias, sorted."""
    return sorted(one.name for one in client.get_collections().collections if is_named_for(alias, one.name))
