"""The SDKs that genmeter meters: one short table each."""

from __future__ import annotations

from ..spec import Provider
from .ai21 import AI21_SDK
from .anthropic import ANTHROPIC
from .azure import AZURE_INFERENCE
from .bedrock import AIOBOTOCORE, BOTO3
from .cerebras import CEREBRAS
from .cohere import COHERE
from .dashscope import DASHSCOPE_1, DASHSCOPE_2
from .fireworks import FIREWORKS, FIREWORKS_0
from .google import GOOGLE, GOOGLE_INTERACTIONS
from .groq import GROQ
from .huggingface import HUGGINGFACE
from .litellm import LITELLM_LIBRARY
from .mistralai import MISTRALAI, MISTRALAI_1
from .ollama import OLLAMA
from .openai import OPENAI
from .replicate import REPLICATE_SDK
from .together import TOGETHER, TOGETHER_1
from .vertexai import VERTEXAI
from .voyage import VOYAGEAI
from .watsonx import WATSONX_AI
from .writer import WRITER
from .xai import XAI
from .zai import ZAI, ZHIPUAI

PROVIDERS: tuple[Provider, ...] = (
    OPENAI,
    ANTHROPIC,
    GOOGLE,
    GOOGLE_INTERACTIONS,
    VERTEXAI,
    BOTO3,
    AIOBOTOCORE,
    GROQ,
    COHERE,
    OLLAMA,
    AZURE_INFERENCE,
    HUGGINGFACE,
    CEREBRAS,
    TOGETHER,
    TOGETHER_1,
    FIREWORKS,
    FIREWORKS_0,
    WRITER,
    DASHSCOPE_1,
    DASHSCOPE_2,
    WATSONX_AI,
    ZAI,
    ZHIPUAI,
    MISTRALAI,
    MISTRALAI_1,
    LITELLM_LIBRARY,
    XAI,
    VOYAGEAI,
    AI21_SDK,
    REPLICATE_SDK,
)
