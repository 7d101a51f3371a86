"""Fields are read from every kind of object in which an SDK gives its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from pydantic import BaseModel, ConfigDict

from genmeter.metering.dialects.values import fields


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


@dataclass
class Record:
    name: str


class Azure(Mapping[str, Any]):
    """azure-ai-inference: a mapping whose own dictionary holds something else."""

    def __init__(self, **data: Any) -> None:
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


@dataclass
class Hub(dict[str, Any]):
    """huggingface_hub: a dictionary and a dataclass in one; only the object has fields that the class does not declare."""

    name: str


class ProtoPlus:
    """proto-plus: a message of Protocol Buffers inside, which the class's own methods reach."""

    def __init__(self, message: Any) -> None:
        self._pb = message

    @classmethod
    def pb(cls, instance: Any) -> Any:
        return instance._pb

    @classmethod
    def to_dict(cls, instance: Any) -> Any:
        raise AssertionError("a copy of the whole message is not wanted")


def hub() -> Hub:
    made = Hub(name="x")
    made.__dict__.update(name="x", version="1")
    return made


SCOPE = InstrumentationScope(name="x", version="1")
OBJECTS = {
    "dictionary": {"name": "x", "version": "1"},
    "mapping": Azure(name="x", version="1"),
    "pydantic with an undeclared field": Model.model_validate({"name": "x", "version": "1"}),
    "dictionary and object": hub(),
    "Protocol Buffers": SCOPE,
    "proto-plus": ProtoPlus(SCOPE),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_fields_of_an_object_are_read(kind: str) -> None:
    assert dict(fields(OBJECTS[kind])) == {"name": "x", "version": "1"}
    assert dict(fields(OBJECTS[kind])) == {"name": "x", "version": "1"}


def test_a_dataclass_is_read() -> None:
    assert dict(fields(Record("x"))) == {"name": "x"}


@pytest.mark.parametrize("value", [None, 1, "text", b"bytes", [1], (1,), Model, object(), 1.5])
def test_what_has_no_fields_has_none(value: Any) -> None:
    assert dict(fields(value)) == {}
