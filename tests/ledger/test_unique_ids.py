"""A response id is evidence by itself only where the seller says that it stands for one response: here it is said."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from genmeter.ledger.doubles import UNIQUE_IDS


class Said(NamedTuple):
    """What a seller's own reference or SDK says of the id of a response, where it was read, and when.

    ``module`` is the module of the seller's SDK that has the sentence.
    """

    seller: str
    sentence: str
    source: str
    read: date
    module: str = ""


DAY = date(2026, 11, 30)
OPENAI = "A unique identifier for the chat completion."
GOOGLE = "response_id is used to identify each response."
SAID = (
    Said("openai", OPENAI, "openai 3.57.0, types/chat/chat_completion.py", DAY, "openai.types.chat.chat_completion"),
    Said("openai", "Unique identifier for this Response.", "openai 3.57.0, types/responses/response.py", DAY, "openai.types.responses.response"),
    Said("azure.ai.openai", OPENAI, "the specification of Azure OpenAI, chatCompletionsResponseCommon", DAY),
    Said("azure.ai.inference", "A unique identifier associated with this chat completions response.", "azure-ai-inference 1.0.0b9, models/_models.py", DAY, "azure.ai.inference.models._models"),
    Said("anthropic", "Unique object identifier.", "anthropic 2.14.0, types/message.py", DAY, "anthropic.types.message"),
    Said("groq", OPENAI, "groq 1.7.0, types/chat/chat_completion.py", DAY, "groq.types.chat.chat_completion"),
    Said("x_ai", "A unique ID for the chat response.", "docs.x.ai, Inference API, chat completions", DAY),
    Said("cohere", "Unique identifier for the generated reply.", "cohere 7.3.1, v2/types/v2chat_response.py", DAY, "cohere.v2.types.v2chat_response"),
    Said("fireworks_ai", "A unique identifier of the response", "fireworks-ai 1.2.30, types/chat/completion_create_response.py", DAY, "fireworks.types.chat.completion_create_response"),
    Said("gcp.gemini", GOOGLE, "google-genai 3.6.1, types.py", DAY, "google.genai.types"),
    Said("gcp.vertex_ai", GOOGLE, "google-genai 3.6.1, types.py", DAY, "google.genai.types"),
    Said("gcp.gen_ai", GOOGLE, "google-genai 3.6.1, types.py", DAY, "google.genai.types"),
    Said("openrouter", "Unique completion identifier", "openrouter.ai/docs/agent-sdk/typescript/api-reference/models/chatresult", DAY),
)  # fmt: skip


def test_every_seller_of_the_list_says_so_and_no_other_is_in_it() -> None:
    assert {said.seller for said in SAID} == UNIQUE_IDS


@pytest.mark.parametrize(
    "said", [said for said in SAID if said.module], ids=lambda said: f"{said.seller}-{said.module}"
)
def test_the_sdk_of_the_seller_still_says_it(said: Said) -> None:
    package = said.module.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not in this environment")
    try:
        found = importlib.util.find_spec(said.module)
    except ModuleNotFoundError:
        found = None
    if found is None or found.origin is None:
        pytest.skip(f"this {package} has no {said.module}")
    words = " ".join(Path(found.origin).read_text("utf-8").split())
    assert said.sentence in words
