"""Z.AI's SDK ``zai`` (zai-sdk) and its older form ``zhipuai``: OpenAI's shapes, and streams that report their usage unasked."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT
from ..dialects.openai_media import OPENAI_EMBEDDINGS, OPENAI_IMAGES, OPENAI_SPEECH, OPENAI_TRANSCRIPTS
from ..families.plain import CLIENT, kept_server
from ..spec import Provider, Target

ZAI = Provider(
    sdk="zai",
    name="zai",
    family=CLIENT,
    targets=(
        Target("zai.api_resource.chat.completions", "Completions.create", OPENAI_CHAT),
        Target("zai.api_resource.embeddings.embeddings", "Embeddings.create", OPENAI_EMBEDDINGS),
        Target("zai.api_resource.images.images", "Images.generations", OPENAI_IMAGES),
        Target("zai.api_resource.audio.audio", "Audio.speech", OPENAI_SPEECH),
        Target("zai.api_resource.audio.transcriptions", "Transcriptions.create", OPENAI_TRANSCRIPTS),
        Target("zai.api_resource.ocr.layout_parsing", "LayoutParsing.create", OPENAI_TRANSCRIPTS),
    ),
    server=kept_server,
    modes={"ZhipuAiClient": "zhipuai"},
)
ZHIPUAI = Provider(
    sdk="zhipuai",
    name="zhipuai",
    family=CLIENT,
    targets=(
        Target("zhipuai.api_resource.chat.completions", "Completions.create", OPENAI_CHAT),
        Target("zhipuai.api_resource.embeddings", "Embeddings.create", OPENAI_EMBEDDINGS),
        Target("zhipuai.api_resource.images", "Images.generations", OPENAI_IMAGES),
        Target("zhipuai.api_resource.audio.audio", "Audio.speech", OPENAI_SPEECH),
        Target("zhipuai.api_resource.audio.transcriptions", "Transcriptions.create", OPENAI_TRANSCRIPTS),
    ),
    server=kept_server,
)
