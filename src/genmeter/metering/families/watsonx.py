"""ibm-watsonx-ai: objects that keep their model and their parameters, answers that are plain JSON, streams that have sent nothing.

What the app calls hands on to one of two classes: for a model of IBM's, and for a deployment. The errors of streams tell the
status in their words alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, Parts, Server, Target

PLACE = "ibm_watsonx_ai.foundation_models"
CLASSES = (
    (f"{PLACE}.inference.fm_model_inference", "FMModelInference"),
    (f"{PLACE}.inference.deployment_model_inference", "DeploymentModelInference"),
)
SENDERS = ("httpx", "requests", "urllib3", "httpcore")
"""How the modules begin that send."""
SAID = re.compile(r"\(?(\d{3})\)\s*$")
"""Where an error's words tell the status of the answer."""


@dataclass(frozen=True, slots=True)
class Method(Target):
    """A method of an object that keeps a model. ``streams``: it gives a generator that has sent nothing yet."""

    streams: bool = False

    def of(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The arguments, with the object's parameters where they have none, and the object's model or deployment."""
        chosen = self.choose(args, kwargs)
        if chosen is None:
            return None
        dialect, bound = chosen
        given: Any = bound.get("params")
        model = getattr(instance, "model_id", None) or getattr(instance, "deployment_id", None)
        held = getattr(instance, "params", None) if given is None else given
        return dialect, {**bound, "params": held, "model": model, "stream": self.later(instance, bound)}

    def later(self, instance: Any, kwargs: Kwargs) -> bool:
        """All calls of some methods, and those of ``generate`` that ask for answers as they come."""
        return self.streams or bool(kwargs.get("async_mode"))

    def parts(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Parts | None:
        """Where the app wants the texts alone, the SDK gives us the answers, and its own reader makes the texts of them."""
        given = {**dict(zip(self.arguments, args, strict=False)), **kwargs}
        if "raw_response" not in self.arguments or given.get("raw_response") or len(args) > len(self.arguments):
            return None
        read: Callable[[Any], Any] = instance._return_guardrails_stats

        def text_of(answer: Any) -> Any:
            return read(answer)["generated_text"]

        return {**given, "raw_response": True}, text_of


def twins(name: str, twin: str, dialect: Dialect, *arguments: str, streams: bool = False) -> Iterator[Target]:
    """A method and its asynchronous twin, of both classes."""
    for module, owner in CLASSES:
        shared: Any = {"arguments": arguments, "lazy": True, "streams": streams}
        yield Method(module, f"{owner}.{name}", dialect, **shared)
        yield Method(module, f"{owner}.{twin}", dialect, awaited=True, **shared)


def method(module: str, path: str, dialect: Dialect, *arguments: str, awaited: bool = False) -> Target:
    """A method of another class, whose answers are whole."""
    return Method(f"{PLACE}.{module}", path, dialect, arguments=arguments, awaited=awaited)


def server(instance: Any) -> Server:
    """The address in the credentials of the client."""
    client = instance._client
    return Server(client, client.credentials.url)


def status(error: BaseException) -> int | None:
    """The status of the response that an error keeps, or that the words of a stream's error end with."""
    found: Any = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(found, int):
        return found
    said = SAID.search(str(getattr(error, "error_msg", "")))
    return int(said[1]) if said is not None else None


def unsent(error: BaseException) -> bool:
    """Whether the SDK refused the arguments: no answer is in the error, and no module that sends in its trace."""
    if not isinstance(error, Exception) or status(error) is not None:
        return False
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith(SENDERS):
            return False
        trace = trace.tb_next
    return True


WATSONX = Family(server, deliver, status, unsent=unsent)
