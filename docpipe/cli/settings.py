"""Every setting: what it is and means, and variables that were meant for one and set none."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from rich.markup import escape
from rich.table import Table

from docpipe.cli.output import Json, console, print_json, table
from docpipe.gpus import DEVICES_VARIABLE
from docpipe.logs.secrets import HIDDEN, Secrets
from docpipe.openai_api import shown_url
from docpipe.settings import Settings, load_settings

INTRODUCTION = (
    "Every setting by its environment variable, which may stand in a file `.env` in the working directory as well; "
    "`docpipe settings` shows which of them differ from their defaults, and `docpipe settings --markdown` printed this page."
)
_PREFIX = "DOCPIPE_"
_SECTION = re.compile(r"^    # (.+)\n    (\w+): ", re.MULTILINE)
"""A comment in the body of `Settings`, and the field right below it, with which its section begins."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of the settings, with what holds for it on every machine."""

    name: str
    section: str
    variable: str
    also: tuple[str, ...]
    """Other variables that set it."""
    accepts: str
    default: str
    """In Markdown."""
    meaning: str


@dataclass(frozen=True, slots=True)
class UnreadVariable:
    """One that is named like those of the settings, and that nothing reads."""

    name: str
    place: str
    nearest: str | None
    """The name that may have been meant."""


def settings(
    show_all: Annotated[bool, typer.Option("--all", help="Show those at their defaults as well.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print what every setting means, and no value of this machine.")] = False,
    as_json: Json = False,
) -> None:
    """Show the settings that differ from their defaults, without secrets, and misspelt variables, which set nothing."""
    if markdown and (show_all or as_json):
        raise typer.BadParameter("--markdown goes with neither --all nor --json: it prints everything, in a form of its own")
    if markdown:
        sys.stdout.write(reference())
        return
    loaded = load_settings()
    described = settings_described()
    shown = [one for one in described if show_all or _is_changed(loaded, one.name)]
    unread = list(_unread_variables(described))
    secrets = Secrets.of(loaded)
    if as_json:
        # The default in Markdown is for the page; programs get it as the value it is.
        lines = [asdict(one) | {"value": _shown(getattr(loaded, one.name), secrets), "default": _default(one.name)} for one in shown]
        print_json({"settings": lines, "unread": unread})
        return
    if shown:
        console.print(_rows(shown, loaded, secrets))
    if len(shown) < len(described):
        console.print(f"[dim]{len(described) - len(shown)} settings have their defaults; --all shows them[/]", highlight=False)
    for wrong in unread:
        advice = f"did you mean {wrong.nearest}?" if wrong.nearest else "`docpipe settings --all` lists those that are"
        console.print(f"[yellow]{escape(wrong.name)}[/] in {wrong.place} is read by no setting: {advice}", highlight=False)


def _rows(shown: Sequence[Setting], loaded: Settings, secrets: Secrets) -> Table:
    rows = table("variable", "value", "default", "what it means")
    # Only the names are worth their width: values and sentences may be long.
    for column in rows.columns[1:]:
        column.no_wrap = False
    for one in shown:
        names = "\n".join([one.variable, *(f"[dim]or {name}[/]" for name in one.also)])
        value, default = (escape(_text(value)) for value in (_shown(getattr(loaded, one.name), secrets), _default(one.name)))
        rows.add_row(names, value, default, escape(one.meaning))
    return rows


def reference() -> str:
    """What every setting means, in Markdown; the same on every machine."""
    lines = ["# Settings", "", INTRODUCTION]
    for section, members in groupby(settings_described(), key=lambda one: one.section):
        title, _, remark = section.partition("; ")
        lines += ["", f"## {title}", ""]
        if remark:
            lines += [f"{remark}.", ""]
        lines += ["| variable | accepts | default | what it means |", "|---|---|---|---|"]
        for one in members:
            names = " or ".join(f"`{name}`" for name in (one.variable, *one.also))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (names, one.accepts, one.default, one.meaning)) + " |")
    return "\n".join(lines) + "\n"


def settings_described() -> list[Setting]:
    """All settings, in the order in which they stand in `docpipe.settings`."""
    beginnings = {field: comment for comment, field in _SECTION.findall(inspect.getsource(Settings))}
    variables = {name: _variables(name, field) for name, field in Settings.model_fields.items()}
    section, described = "", []
    for name, field in Settings.model_fields.items():
        section = beginnings.get(name, section)
        variable, *also = variables[name]
        # The docstrings name fields by what they are called in the code.
        words = " ".join((field.description or "").split())
        meaning = re.sub(r"`(\w+)`", lambda found: f"`{variables.get(found[1], [found[1]])[0]}`", words)
        described.append(Setting(name, section, variable, tuple(also), _accepts(field), _written_default(field), meaning))
    return described


def _variables(name: str, field: FieldInfo) -> list[str]:
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [_PREFIX + name.upper()]


def _accepts(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" if choice else "empty" for choice in get_args(field.annotation))
    types = set(get_args(field.annotation)) or {field.annotation}
    for kind, words in ((bool, "`true` or `false`"), (SecretStr, "a secret"), (Path, "a folder"), (str, "text")):
        if kind in types:
            return words
    return ("a whole number" if int in types else "a number") + _limits(field)


def _limits(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    found = ((said, getattr(limit, name, None)) for limit in field.metadata for name, said in words.items())
    return "".join(f", {said} {number}" for said, number in found if number is not None)


def _written_default(field: FieldInfo) -> str:
    if field.default_factory:
        # The number is another one on every machine.
        return "the cores that may be used"
    text = _text(_shown(field.default, Secrets(())))
    return f"`{text}`" if text and field.default is not None else text or "empty"


def _default(name: str) -> object:
    """Of this machine."""
    return _shown(Settings.model_fields[name].get_default(call_default_factory=True), Secrets(()))


def _is_changed(loaded: Settings, name: str) -> bool:
    value, default = getattr(loaded, name), Settings.model_fields[name].get_default(call_default_factory=True)
    # The home is made absolute when it is read.
    return bool(value != (default.resolve() if isinstance(default, Path) else default))


def _shown(value: Any, secrets: Secrets) -> object:
    """A value for others to read: what is secret is hidden, and of the address of a server whatever may be."""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    try:
        return secrets.hidden_in(shown_url(text) if text.lower().startswith(("http://", "https://")) else text)
    except ValueError:
        # No address, so nobody can say which part of it is secret.
        return HIDDEN


def _text(value: object) -> str:
    """As it would stand in the environment."""
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unread_variables(described: Sequence[Setting]) -> Iterator[UnreadVariable]:
    """Those of the environment and of `.env` that begin like ours; the case of letters counts as little as it does for the settings."""
    names = [name for one in described for name in (one.variable, *one.also)]
    # Compared without what they all begin with; of two names that are the same then, ours is the better advice.
    bare = {name.removeprefix(_PREFIX): name for name in sorted(names, key=lambda name: name.startswith(_PREFIX))}
    sources = {"the environment": EnvSettingsSource(Settings), ".env": DotEnvSettingsSource(Settings)}
    for place, source in sources.items():
        for name in sorted(variable.upper() for variable in source.env_vars):
            if name.startswith(_PREFIX) and name not in {*names, DEVICES_VARIABLE}:
                nearest = get_close_matches(name.removeprefix(_PREFIX), bare, n=1)
                yield UnreadVariable(name, place, bare[nearest[0]] if nearest else None)
