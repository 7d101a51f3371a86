"""Keys of known shapes, headers and addresses with passwords are found in any text; plain words are left alone."""

from __future__ import annotations

import time

import pytest

from genmeter.credentials import scrub

pytestmark = pytest.mark.any_major("texts know no SDK")

KEYS = [
    "sk-0123456789abcdef",
    "sk-proj-AbC_123-xyz789",
    "sk-ant-api03-AbC_123-xyz",
    "sk-or-v1-0123456789abcdef",
    "sk-svcacct-abc***xyz",
    "AIzaSyA0123456789-abcdefghijklmnopqrstu",
    "ya29.a0AfH6SMB-0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefABCDEF",
    "github_pat_11AAAAAA0abcdefghij_0123",
    "glpat-0123456789abcdef",
    "xoxb-123456789-abcdef",
    "xapp-1-A012-345-abc",
    "gsk_0123456789abcdefABCDEF",
    "hf_0123456789abcdefABCDEF",
    "xai-0123456789abcdefABCDEF",
    "csk-0123456789abcdefABCDEF",
    "pplx-0123456789abcdefABCDEF",
    "nvapi-0123456789abcdefABCDEF",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]
SECRET = "S3cr3t/abc+def=="
HEADERS = [
    f"Authorization: Bearer {SECRET}",
    f"authorization: Basic {SECRET}",
    f"{{'Authorization': 'Bearer {SECRET}'}}",
    f'{{"x-api-key": "{SECRET}"}}',
    f'{{\\"x-goog-api-key\\": \\"{SECRET}\\"}}',
    f"[(b'api-key', b'{SECRET}')]",
    f"Ocp-Apim-Subscription-Key={SECRET}",
    f"Proxy-Authorization: {SECRET}",
    f"Cookie: session={SECRET}; other={SECRET}",
    f"set-cookie: id={SECRET}",
    f'Authorization: Digest username="x", response="{SECRET}"',
    f"X-Amz-Security-Token: {SECRET}",
    f"X-Auth-Email: {SECRET}",
    f"Bearer {SECRET}",
    f"api_key='{SECRET}'",
    f"client_secret: {SECRET}",
    f"password={SECRET}",
    f"Illegal header value b'{SECRET}\\n'",
    f"Invalid header value: '{SECRET}'",
    f"Invalid return character(s) in header value: 'Bearer {SECRET}'",
]
ADDRESSES = [
    "https://generativelanguage.googleapis.com/v1/models?key=S3cr3t&alt=sse",
    "https://h/p?api_key=S3cr3t",
    "https://h/p?a=1&access_token=S3cr3t#frag",
    "https://bucket/x?X-Amz-Credential=S3cr3t&X-Amz-Signature=S3cr3t",
    "https://h/p?sig=S3cr3t",
    "https://ada:S3cr3t@llm.example.com/v1",
    "postgresql+psycopg://S3cr3t@db/x",
    "redis://:S3cr3t@cache:6379/0",
]
PLAIN = [
    "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29900",
    "the basic authentication failed",
    "a risk-averse task-force met at scikit-learn",
    "max_tokens: 5, temperature=0.5",
    "tokens: 100 of 200 tokens used",
    "mail ada@example.com about https://example.com/a?page=2",
    'File "/srv/app/keys.py", line 3, in key',
    "ft:gpt-4o-mini-2024-07-18:acme::Abc123xyz",
    "x" * 5000,
    "",
]


@pytest.mark.parametrize(
    "frame", ["{}", "key {}.", "'{}'", "({})", "x={}\\n", "b'Bearer {}\\n'", "Käse {} Ende", '"{}",']
)
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_hidden_wherever_it_stands(key: str, frame: str) -> None:
    found = scrub(frame.format(key))
    assert key not in found and key[8:20] not in found and "[hidden]" in found
    assert scrub(found) == found


@pytest.mark.parametrize("text", HEADERS)
def test_a_header_keeps_its_name_and_loses_its_value(text: str) -> None:
    found = scrub(f"POST /v1 failed\n{text}\nretry later")
    assert "S3cr3t" not in found and "abc+def" not in found
    assert found.startswith("POST /v1 failed\n") and found.endswith("\nretry later")


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_loses_passwords_and_keys_and_stays_an_address(text: str) -> None:
    found = scrub(f"could not reach {text} today")
    assert "S3cr3t" not in found
    assert found.startswith(f"could not reach {text.partition('://')[0]}://") and found.endswith(" today")


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "piece", ["a-", "eyJ-", "basic ", "://", "?key", "x-auth-", '\\"', "Bearer ", "sk-", "-----BEGIN "]
)
def test_no_text_takes_long(piece: str) -> None:
    """4,000 characters, which is all that is ever looked at: milliseconds, and not the square of the length."""
    scrub("once, for the patterns")
    started = time.process_time()
    scrub(piece * (4000 // len(piece)))
    assert time.process_time() - started < 0.5
