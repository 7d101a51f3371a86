"""The smallest JSON value that fits a JSON schema: what the stub answers when structured output is asked for."""

from __future__ import annotations

from typing import Any

from .script import Json

_BY_TYPE: Json = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def instance(schema: Json, root: Json | None = None) -> Any:
    """A value of `schema`; `root` is the document that `$ref` pointers start from."""
    root = schema if root is None else root
    if "$ref" in schema:
        return instance(_resolve(schema["$ref"], root), root)
    if "const" in schema:
        return schema["const"]
    for choice in ("enum", "examples"):
        if schema.get(choice):
            return schema[choice][0]
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return instance(schema[union][0], root)
    return _of_type(schema, root)


def _of_type(schema: Json, root: Json) -> Any:
    named: str | list[str] = schema.get("type", "object")
    kind = named if isinstance(named, str) else named[0]
    if kind == "object":
        return {name: instance(part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {}), root)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("minimum", _BY_TYPE[kind])
    return _BY_TYPE[kind]


def _resolve(pointer: str, root: Json) -> Json:
    node: Any = root
    for part in pointer.removeprefix("#").strip("/").split("/"):
        node = node[part] if part else node
    target: Json = node
    return target
