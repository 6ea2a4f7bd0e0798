"""Where the files of an embedded collection lie, and which generation of them is shown.

<collection>/
  owner.lock            held by the one writer
  collection.json       what the collection is made for
  current.json          the generation that readers open, swapped by rename
  generations/000007/   a shard that nobody changes any more
  generations/000007.lock   shared by its readers
  journal-000007        what was written since, and is in no generation yet
  working-1/            the writer's shard; worth nothing without its writer
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpipe.errors import ConfigurationError, IndexFull
from docpipe.index.collection import Collection


@dataclass(frozen=True, slots=True)
class Shown:
    """What `current.json` says."""

    number: int
    points: int


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one collection."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "owner.lock"

    @property
    def record(self) -> Path:
        return self.folder / "collection.json"

    @property
    def current(self) -> Path:
        return self.folder / "current.json"

    @property
    def generations(self) -> Path:
        return self.folder / "generations"

    def generation(self, number: int) -> Path:
        return self.generations / f"{number:06d}"

    def readers(self, number: int) -> Path:
        """The lock file of a generation's readers."""
        return self.generations / f"{number:06d}.lock"

    def working(self, number: int) -> Path:
        """A folder for the shard that a writer works on. What it let go of may still write to its own: so each has another."""
        return self.folder / f"working-{number}"

    def journal(self, number: int) -> Path:
        return self.folder / f"journal-{number:06d}"

    def shown(self) -> Shown | None:
        """The generation that is shown; None before the first. Raises `ConfigurationError` where that cannot be read."""
        try:
            said = read_json(self.current)
            return None if said is None else Shown(int(said["generation"]), int(said["points"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self.damaged(self.current) from error

    def check(self, collection: Collection) -> bool:
        """Whether the collection was ever written to; raises `ConfigurationError` for one that was made for something else."""
        record = self._read_record()
        if record is None:
            if self.current.exists() or any(self.folder.glob("journal-*")):
                raise ConfigurationError(f"{self.record} is missing: put it back, or delete {self.folder}, then `docpipe check --repair`")
            return False
        Collection.of_record(collection.alias, collection.name, record)
        return True

    def described(self, alias: str) -> Collection | None:
        """What the record says; None where there is none."""
        record = self._read_record()
        return None if record is None else Collection.of_record(alias, self.folder.name, record)

    def damaged(self, path: Path) -> ConfigurationError:
        return ConfigurationError(f"{path} is damaged: delete {self.folder}, then `docpipe check --repair`")

    def _read_record(self) -> Mapping[str, Any] | None:
        try:
            return read_json(self.record)
        except ValueError as error:
            raise self.damaged(self.record) from error


def read_json(path: Path) -> Mapping[str, Any] | None:
    """An object from a file; None where there is no file. Raises `ValueError` for anything else."""
    try:
        said = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(said, dict):
        raise ValueError(f"{path} holds no object")  # noqa: TRY004 - what json raises for content that it cannot read
    return said


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step, so that it is there in whole after a power cut too."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            json.dump(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync(path.parent)
    except OSError as error:
        raise IndexFull(f"{path} cannot be written ({error.strerror}): free space, or allow this user to write there") from error


def sync(path: Path) -> None:
    """Make a file's content last, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
