"""The door through which foreign values come in: SDK models, plain JSON, odd types of compatible servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, cast

from ... import names
from ...model import AttributeValue, Request, Response

Reader = Callable[[Any], AttributeValue | None]
NOTHING: Mapping[str, Any] = {}


def fields(value: Any) -> Mapping[str, Any]:
    """The fields of an SDK's object or of a JSON object; empty for anything else.

    How the objects of a class are read is found out once for the class: asking a pydantic model for an attribute that it
    lacks costs 1-2 µs.
    """
    if value is None:
        return NOTHING
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    return value if kind is dict else _readers[kind](value)


def _reader(kind: Any) -> Callable[[Any], Mapping[str, Any]]:
    if hasattr(kind, "ListFields"):  # Protocol Buffers: a message's __dict__ would be that of its class
        return _message
    if hasattr(kind, "pb") and hasattr(kind, "to_dict"):  # proto-plus: a message of Protocol Buffers inside
        return lambda value: fields(value._pb)
    # huggingface_hub: the dictionary half of a dataclass lacks fields that are new
    if issubclass(kind, dict) and hasattr(kind, "__dataclass_fields__"):  # pyright: ignore[reportUnknownArgumentType]
        return lambda value: getattr(value, "__dict__", None) or value
    if issubclass(kind, Mapping):  # azure-ai-inference, and the dictionaries of voyageai, which have attributes beside
        return lambda value: value
    if issubclass(kind, type) or kind.__module__ == "builtins":
        # A class may be an argument (`response_format=Step`): its dictionary holds no fields.
        return lambda value: NOTHING
    return _attributes


def _message(value: Any) -> Mapping[str, Any]:
    """The fields of a message of Protocol Buffers that are set: a repeated one as a list, an enumeration by its names."""
    return {field.name: _field(field, found) for field, found in value.ListFields()}


def _field(field: Any, found: Any) -> Any:
    if hasattr(found, "__len__") and not isinstance(found, (str, bytes)):
        return [_field(field, one) for one in found] if hasattr(found, "append") or hasattr(found, "add") else found
    named = field.enum_type.values_by_number.get(found) if field.enum_type is not None else None
    return found if named is None else named.name


def _attributes(value: Any) -> Mapping[str, Any]:
    """The fields of a pydantic model (also fields that its class does not declare), a dataclass or a plain object."""
    own: Any = getattr(value, "__dict__", None)
    extra: Any = getattr(value, "__pydantic_extra__", None)
    return {**own, **extra} if extra and own else extra or own or NOTHING


MOST_CLASSES = 4096
"""Programs may make classes without end; then the readers are found out anew."""


class _Readers(dict[Any, Callable[[Any], Mapping[str, Any]]]):
    """How the objects of each class are read."""

    def __missing__(self, kind: Any) -> Callable[[Any], Mapping[str, Any]]:
        if len(self) >= MOST_CLASSES:
            self.clear()
        read = self[kind] = _reader(kind)
        return read


_readers = _Readers()


def own(value: Any) -> Mapping[str, Any]:
    """The declared fields of an SDK model, or a JSON object itself: the cheap way, for every chunk of a stream.

    A model that declares no field (LiteLLM's choices) gives what it has.
    """
    try:
        return value.__dict__ or fields(value)
    except AttributeError:
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else NOTHING


def each(values: Any) -> list[Mapping[str, Any]]:
    """The fields of every item of a list or a tuple; none for anything else."""
    return [fields(value) for value in values] if isinstance(values, (list, tuple)) else []  # pyright: ignore[reportUnknownVariableType]


def items(value: Any) -> list[Any]:
    """The items of a list or a tuple; none for anything else."""
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else []


def text(value: Any) -> str | None:
    """A non-empty string, else None (SDKs pass markers such as NOT_GIVEN).

    A member of an enumeration counts as its value. An exporter cannot write half of a surrogate pair.
    """
    if type(value) is str and value.isascii():
        return value or None
    return None if value is None else _odd_text(value)


def _odd_text(value: Any) -> str | None:
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str) or not value:
        return None
    return str.__str__(value).encode("utf-8", "replace").decode()


def real(value: Any) -> float | None:
    """A number as a double, else None."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(value: Any) -> int | None:
    """A whole number that an attribute can hold, else None."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    number = value if type(value) is int else int(value)
    return number if -(2**63) <= number < 2**63 else None


def several(value: Any) -> int | None:
    """A whole number other than one, else None."""
    number = whole(value)
    return None if number == 1 else number


def strings(value: Any) -> list[str] | None:
    """A list of strings; a single one becomes a list."""
    found = [value] if isinstance(value, str) else items(value)
    return [read for item in found if (read := text(item)) is not None] or None


def read_parameters(kwargs: Mapping[str, Any], readers: Mapping[str, tuple[str, Reader]], request: Request) -> None:
    """Put the arguments that have a conventional attribute into ``request.attributes``."""
    attributes = request.attributes
    for name, value in kwargs.items():
        known = readers.get(name)
        if known is not None and value is not None:
            read = known[1](value)
            if read is not None:
                attributes[known[0]] = read


def mark_stream(request: Request) -> None:
    """Say that the call asks for a stream."""
    request.stream = request.attributes[names.REQUEST_STREAM] = True


def read_identity(result: Mapping[str, Any], response: Response) -> None:
    """The id and the model that answered."""
    response.id = text(result.get("id")) or response.id
    response.model = text(result.get("model")) or response.model
