"""HTTP to the servers of a stack, past any proxy that the environment names."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, token: str = "", timeout: float = 10.0) -> tuple[int, str]:
    """Status and body of a GET, whatever the status; OSError when nothing answers."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with _OPENER.open(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(errors="replace")


def get_json(url: str, token: str = "", absent: tuple[int, ...] = ()) -> Any:
    """The document at `url`, None for a status in `absent`; ValueError with the answer for any other but 200."""
    status, body = get(url, token)
    if status in absent:
        return None
    if status != 200:
        raise ValueError(f"{url} answers {status}: {body[:500]}")
    return json.loads(body)
