"""A Terraform module as Terraform would plan it, as far as the language goes that ours is written in; what it does not know it refuses.

Terraform and its providers are in no package registry that the tests may use. What a provider says of its arguments is not seen here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import hcl2
import yaml
from lark import Token, Tree

Node = Tree[Token]
Scope = Mapping[str, Any]

_ABOUT_THE_RESOURCE = {"for_each", "depends_on"}


class Refused(Exception):
    """A condition of the module does not hold; what it says about that."""


@dataclass(frozen=True)
class Block:
    """A block as it is written."""

    kind: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Node]
    blocks: tuple[Block, ...]

    def of_kind(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]

    def expressions(self) -> Iterator[Node]:
        """Every expression in it, those of blocks within it too."""
        yield from self.attributes.values()
        for block in self.blocks:
            yield from block.expressions()


@dataclass(frozen=True)
class Plan:
    """What there would be."""

    resources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """By address, then by key of `for_each`, which is empty where there is none; a nested block is a list under its name."""
    outputs: dict[str, Any] = field(default_factory=dict)


def parse(folder: Path) -> list[Block]:
    """Every block of the module in a folder."""
    return [block for file in sorted(folder.glob("*.tf")) for block in _blocks(_only(hcl2.parses_to_tree(file.read_text())))]


def plan(folder: Path, variables: Mapping[str, Any], known_after: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Plan:
    """Plan the module with these variables; `known_after` tells what a provider adds to a resource of a type. Raises `Refused`."""
    return _Module(folder, parse(folder), variables, known_after).plan()


def references(node: Node) -> Iterator[tuple[str, ...]]:
    """Yield what an expression refers to, such as ("var", "name"), of a path whose names stand in the text; loops' own names too."""
    if node.data == "get_attr_expr_term":
        path = _path(node)
        if path:
            yield path
            return
    if node.data == "object_elem_key" and len(_path(_only(node))) == 1:
        return
    if node.data == "expr_term" and len(path := _path(node)) == 1:
        yield path
    for child in _children(node):
        if child.data != "identifier":
            yield from references(child)


class _Module:
    def __init__(
        self,
        folder: Path,
        blocks: list[Block],
        variables: Mapping[str, Any],
        known_after: Callable[[str, dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._folder = folder
        self._blocks = blocks
        self._known_after = known_after
        self._variables = _Lazy({block.labels[0]: self._variable(block, variables) for block in blocks if block.kind == "variable"})
        self._locals = _Lazy(
            {name: partial(self._value, node, {}) for block in blocks if block.kind == "locals" for name, node in block.attributes.items()}
        )
        self._resources = _Lazy({".".join(block.labels): partial(self._instances, block) for block in blocks if block.kind == "resource"})

    def plan(self) -> Plan:
        for block in self._blocks:
            if block.kind == "variable":
                self._check(block.of_kind("validation"), {})
        planned = Plan()
        for block in self._blocks:
            if block.kind == "resource":
                address = ".".join(block.labels)
                planned.resources[address] = self._resources[address]
            elif block.kind == "output":
                planned.outputs[block.labels[0]] = self._value(block.attributes["value"], {})
        return planned

    def _variable(self, block: Block, given: Mapping[str, Any]) -> Callable[[], Any]:
        name = block.labels[0]
        return lambda: given[name] if name in given else self._value(block.attributes["default"], {})

    def _check(self, conditions: list[Block], scope: Scope) -> None:
        for block in conditions:
            if not self._value(block.attributes["condition"], scope):
                raise Refused(self._value(block.attributes["error_message"], scope))

    def _instances(self, block: Block) -> dict[str, dict[str, Any]]:
        every = self._value(block.attributes["for_each"], {}) if "for_each" in block.attributes else {"": None}
        instances = {}
        for key, value in every.items():
            scope = {"each": {"key": key, "value": value}}
            for lifecycle in block.of_kind("lifecycle"):
                self._check(lifecycle.of_kind("precondition"), scope)
            arguments = self._arguments(block, scope)
            instances[key] = {**arguments, **self._known_after(block.labels[0], arguments)}
        return instances

    def _arguments(self, block: Block, scope: Scope) -> dict[str, Any]:
        found = {name: self._value(node, scope) for name, node in block.attributes.items() if name not in _ABOUT_THE_RESOURCE}
        for inner in block.blocks:
            if inner.kind == "dynamic":
                (name,) = inner.labels
                (content,) = inner.of_kind("content")
                every = self._value(inner.attributes["for_each"], scope)
                repeated = [self._arguments(content, {**scope, name: {"value": value}}) for value in every]
                found[name] = found.get(name, []) + repeated
            elif inner.kind != "lifecycle":
                found[inner.kind] = [*found.get(inner.kind, []), self._arguments(inner, scope)]
        return found

    def _value(self, node: Node, scope: Scope) -> Any:
        if any(isinstance(child, Token) and child.type == "ELLIPSIS" for child in node.children):
            raise NotImplementedError(f"three dots: {node.pretty()}")
        children = _children(node)
        match node.data:
            case "expr_term" | "interpolation":
                return self._value(children[0], scope)
            case "literal_value":
                return {"true": True, "false": False, "null": None}[_text(node)]
            case "int_lit":
                return int(_text(node))
            case "string":
                return self._string(children, scope)
            case "tuple":
                return [self._value(child, scope) for child in children]
            case "object":
                return dict(self._element(child, scope) for child in children)
            case "identifier":
                return self._name(_text(node), scope)
            case "get_attr_expr_term":
                return self._attribute(node, scope)
            case "index_expr_term":
                return self._value(children[0], scope)[self._value(_only(children[1]), scope)]
            case "for_tuple_expr" | "for_object_expr":
                return self._each(node, scope)
            case "conditional":
                return self._value(children[1 if self._value(children[0], scope) else 2], scope)
            case "binary_op":
                return self._operation(children, scope)
            case "function_call":
                return self._call(children, scope)
        raise NotImplementedError(f"{node.data}: {node.pretty()}")

    def _string(self, parts: list[Node], scope: Scope) -> str:
        text = ""
        for part in parts:
            (piece,) = part.children
            if isinstance(piece, Tree):
                value = self._value(piece, scope)
                assert isinstance(value, str), f"{value!r} within a text"
                text += value
            else:
                assert "\\" not in piece, "no escapes are known"
                text += piece
        return text

    def _name(self, name: str, scope: Scope) -> Any:
        if name in scope:
            return scope[name]
        return {"var": self._variables, "local": self._locals, "path": {"module": str(self._folder)}}[name]

    def _attribute(self, node: Node, scope: Scope) -> Any:
        path = _path(node)
        if len(path) == 2 and ".".join(path) in self._resources:
            instances = self._resources[".".join(path)]
            return instances.get("", instances)
        before, after = _children(node)
        return self._value(before, scope)[_text(_only(after))]

    def _element(self, node: Node, scope: Scope) -> tuple[str, Any]:
        key, value = _children(node)
        term = _only(key)
        name = _only(term)
        return _text(name) if name.data == "identifier" else self._value(term, scope), self._value(value, scope)

    def _each(self, node: Node, scope: Scope) -> Any:
        intro, *results = _children(node)
        *names, every = _children(intro)
        condition = _only(results.pop()) if results[-1].data == "for_cond" else None
        values = self._value(every, scope)
        pairs = list(values.items()) if isinstance(values, dict) else list(enumerate(values))
        found = []
        for pair in pairs:
            inner = {**scope, **dict(zip(map(_text, names), pair if len(names) == 2 else pair[1:], strict=True))}
            if condition is None or self._value(condition, inner):
                found.append([self._value(result, inner) for result in results])
        return dict(found) if node.data == "for_object_expr" else [one for (one,) in found]

    def _operation(self, children: list[Node], scope: Scope) -> bool:
        left, term = children
        operator, right = _children(term)
        one, other = self._value(left, scope), self._value(right, scope)
        match _text(operator):
            case "==":
                return bool(one == other)
            case "!=":
                return bool(one != other)
            case "||":
                return bool(one or other)
        raise NotImplementedError(_text(operator))

    def _call(self, children: list[Node], scope: Scope) -> Any:
        name, arguments = _text(children[0]), _children(children[1])
        if "..." in children[1].children:
            raise NotImplementedError(f"three dots: {children[1].pretty()}")
        if name in ("try", "can"):
            try:
                value = self._value(arguments[0], scope)
            except (KeyError, ValueError, TypeError):
                return self._value(arguments[1], scope) if name == "try" else False
            return value if name == "try" else True
        if name not in _FUNCTIONS:
            raise NotImplementedError(name)
        return _FUNCTIONS[name](*[self._value(argument, scope) for argument in arguments])


class _Lazy(dict[str, Any]):
    """Values that are worked out when they are asked for, once."""

    def __init__(self, ways: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(ways)
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = super().__getitem__(name)()
        return self._found[name]


def _replace(text: str, old: str, new: str) -> str:
    if old.startswith("/") and old.endswith("/"):
        return re.sub(old[1:-1], lambda _: new, text)
    return text.replace(old, new)


def _regex(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{text!r} does not match {pattern}")
    return found[0]


def _flatten(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (_flatten(value) if isinstance(value, list) else [value])]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *lists: [one for values in lists for one in values],
    "file": lambda path: Path(path).read_text(),
    "flatten": _flatten,
    "jsondecode": json.loads,
    "jsonencode": json.dumps,
    "keys": sorted,
    "length": len,
    "lookup": lambda values, name, default: values.get(name, default),
    "merge": lambda *maps: {name: value for values in maps for name, value in values.items()},
    "regex": _regex,
    "replace": _replace,
    "setsubtract": lambda values, others: set(values) - set(others),
    "split": lambda separator, text: text.split(separator),
    "yamlencode": yaml.safe_dump,
}


def _blocks(body: Node) -> Iterator[Block]:
    for node in _children(body):
        if node.data == "block":
            kind, *labels, inner = _children(node)
            attributes = {_text(name): value for name, value in map(_children, inner.find_pred(_is_attribute_of(inner)))}
            yield Block(_text(kind), tuple(_text(label).strip('"') for label in labels), attributes, tuple(_blocks(inner)))


def _is_attribute_of(body: Node) -> Callable[[Node], bool]:
    own = {id(child) for child in body.children}
    return lambda node: node.data == "attribute" and id(node) in own


def _path(node: Node) -> tuple[str, ...]:
    """The names of `a.b.c`; nothing where it begins with anything else than a name."""
    if node.data == "expr_term":
        return _path(_only(node)) if len(_children(node)) == 1 else ()
    if node.data == "identifier":
        return (_text(node),)
    if node.data == "get_attr_expr_term":
        before, after = _children(node)
        start = _path(before)
        return (*start, _text(_only(after))) if start else ()
    return ()


def _children(node: Node) -> list[Node]:
    return [child for child in node.children if isinstance(child, Tree) and child.data != "new_line_or_comment"]


def _only(node: Node) -> Node:
    (child,) = _children(node)
    return child


def _text(node: Node) -> str:
    return "".join(str(token) for token in node.scan_values(lambda value: isinstance(value, Token)))
