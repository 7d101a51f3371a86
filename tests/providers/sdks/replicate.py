"""replicate: https://replicate.com/docs/reference/http, through the stub's bodies (read 2026-11-30)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk

ID = "0123456789abcdef01234567"
MODEL = "meta/meta-llama-3-70b-instruct"
RUN = Expected(
    operation="generate_content", provider="replicate", request_model=MODEL, response_model=MODEL,
    tokens={"input": 26, "output": 259}, finish=("stop",), id=ID, cost="unknown_model",
)  # fmt: skip
# The events of a stream count nothing.
STREAMED = replace(RUN, response_model=None, tokens={}, id=None, cost="unknown_model")
STARTED = replace(RUN, tokens={}, finish=(), cost="unknown_model")
DEPLOYED = replace(STARTED, request_model="acme/parcels", response_model="acme/parcels")
VERSION = replace(STARTED, request_model="5c7d5dc6", response_model="meta/meta-llama-3-8b-instruct")
RESOURCES = (
    "account",
    "collection",
    "deployment",
    "file",
    "hardware",
    "model",
    "prediction",
    "training",
    "version",
    "webhook",
)
ASK = At("run", {"ref": MODEL, "input": {"prompt": NEEDLE}, "wait": True})


def client(url: str) -> Any:
    import replicate

    made = replicate.Client(api_token="stub", base_url=f"{url}/replicate")
    made.poll_interval = 0.001
    return made


def twin(path: str) -> str:
    """``models.predictions.create`` → ``models.predictions.async_create``."""
    owner, dot, name = path.rpartition(".")
    return f"{owner}{dot}async_{name}"


SDK = Sdk(
    name="replicate",
    module="replicate",
    distribution="replicate",
    client=client,
    async_client=client,
    twin=twin,
    seller="replicate",
    calls=(
        Call("run", "/predictions", RUN, {"value": ASK, "polled": ASK.but(wait=False)}),
        Call("stream", f"/streams/{ID}", STREAMED, {}, {"stream": At("stream", {"ref": MODEL, "input": {"prompt": NEEDLE}})}),
        Call("model", "/predictions", STARTED, {
            "value": At("models.predictions.create", {"model": MODEL, "input": {"prompt": "x"}}),
            "pair": At("models.predictions.create", positional=(tuple(MODEL.split("/")), {"prompt": "x"})),
        }),
        Call("waited", "/predictions", RUN, {"value": At("models.predictions.create", {"model": MODEL, "input": {"prompt": "x"}, "wait": True})}),
        Call("version", "/predictions", VERSION, {"value": At("predictions.create", {"version": "5c7d5dc6", "input": {"prompt": "x"}})}),
        Call("deployment", "/predictions", DEPLOYED, {"value": At("deployments.predictions.create", {"deployment": "acme/parcels", "input": {"prompt": "x"}})}),
    ),
    errors={400: "400", 429: "429", 503: "503"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"input_token_count": None, "output_token_count": None}, {}, "no_usage"),
        Odd("strings", {"input_token_count": "26", "output_token_count": "259"}, {"input": 26, "output": 259}),
        Odd("negative", {"input_token_count": -26, "output_token_count": 259}, None, "invalid_usage"),
        Odd("seconds alone", {"predict_time": 2.405, "total_time": 2.421}, {}, "no_usage"),
        Odd("images", {"image_count": 2, "predict_time": 2.405}, {"images": 2}),
    ),
    resources=tuple(f"replicate.{name}" for name in RESOURCES),
    request=r"_request\(",
    sending=40,
    newest=(1, 0),
)  # fmt: skip
