"""Keys, tokens and passwords in texts: found by the shapes that they are known to have, and replaced before a text leaves."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

HIDDEN: Final = "[hidden]"

_NAMES: Final = (
    r"[\w-]{0,32}(?:api|access|secret|subscription|private|signing)[-_ ]?key(?:[-_]id)?"
    r"|[\w-]{0,32}(?:auth|access|session|security|refresh|id|bearer)[-_]token"
    r"|[\w-]{0,32}(?:client|app)[-_]secret|password|passwd"
)
"""Headers and settings that hold a key."""
_LINES: Final = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,32}auth[\w-]{0,32}"
"""Headers whose whole value is secret, the blanks in it too."""
_QUERY: Final = r"[\w.-]{0,32}(?:key|token|secret|sig|signature|password|passwd|pwd|credential|auth|jwt|assertion|code)"
_QUOTE: Final = r"""b?\\*["']"""
_JOINT: Final = rf"""(?:\\*["']\s*[:,]\s*|\s*[:=]\s*)(?:{_QUOTE})?"""
"""What stands between the name of a header and its value: in HTTP, in a mapping, in a list of pairs."""

_AFTER: Final = (
    (r"\bdigest\s+(?=\w+=)", r"[^\r\n]+"),
    (rf"\b(?:{_LINES}){_JOINT}", r"""[^\r\n"'\\]+"""),
    (rf"\b(?:{_NAMES}){_JOINT}", r"""(?:(?:bearer|basic|token)\s+)?[^\s"'\\,;&)}\]]+"""),
    (rf"header (?:value|field|name)s?:?\s*{_QUOTE}", r"""[^"'\r\n]+"""),
    (r"\bbearer\s+", r"""[^\s"'\\,;]+"""),
    (r"\bbasic\s+(?=\S*[\d=])", r"[A-Za-z0-9+/]{8,}={0,2}"),
    (rf"[?&;]{_QUERY}[\w.-]{{0,32}}=", r"""[^&\s"'<>#\\]+"""),
    (r"\b[a-z][a-z0-9+.-]{0,20}://", r"""[^\s/"'<>]+(?=@)"""),
)
"""What stands before a secret and stays, and the secret. The case of letters does not count."""
_SHAPES: Final = (
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:.*?-----END [A-Z ]{0,20}PRIVATE KEY-----|.*)",
    r"\b(?:sk|pk|rk)-[\w*-]{6,}",  # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse
    r"\b(?:sk|pk|rk|whsec)_(?:live_|test_)?\w{12,}",  # Stripe, ElevenLabs
    r"\bAIza[\w-]{16,}|\bAQ\.[\w-]{20,}|\bya29\.[\w-]{8,}",  # Google
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}",  # AWS
    r"\bgh[pousr]_\w{10,}|\bgithub_pat_\w{10,}|\bglpat-[\w-]{10,}",  # GitHub, GitLab
    r"\bxox[a-z]-[\w-]{6,}|\bxapp-[\w-]{6,}",  # Slack
    r"\b(?:gsk|hf|r8|fw|lsv2|npm|pat)_\w{16,}",  # Groq, Hugging Face, Replicate, Fireworks, LangSmith, npm
    r"\b(?:xai|csk|pplx|nvapi|tgp|jina|voyage|pa)-[\w-]{16,}",  # xAI, Cerebras, Perplexity, NVIDIA, Together, Jina, Voyage
    r"\beyJ[\w-]{8,1000}\.[\w-]{8,}(?:\.[\w-]*)?",  # JSON web tokens
    r"\bSG\.[\w-]{16,1000}\.[\w-]{16,}",  # SendGrid
)


def scrub(text: str) -> str:
    """``text`` with each key, token and password of a known shape as ``[hidden]``; what names it stays.

    >>> scrub("Illegal header value b'Bearer sk-proj-1234567890'")
    "Illegal header value b'[hidden]'"
    >>> scrub("GET https://ada:pw@llm.example.com/v1?key=abc&model=m")
    'GET https://[hidden]@llm.example.com/v1?key=[hidden]&model=m'

    The time is linear in the text: bound a text before it is scrubbed, and look at twice what is kept, so that no key is
    cut in its middle.
    """
    for pattern, replacement in _replacements():
        text = pattern.sub(replacement, text)
    return text


@cache
def _replacements() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Compiled at the first error, and not at the start of every app.
    kept = ((re.compile(f"({before})(?:{secret})", re.IGNORECASE), rf"\g<1>{HIDDEN}") for before, secret in _AFTER)
    return (*kept, (re.compile("|".join(_SHAPES), re.DOTALL), HIDDEN))
