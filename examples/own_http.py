"""A call that no SDK makes, by plain HTTP. Run it with ``genmeter run -- python examples/own_http.py``.

The key comes from OPENAI_API_KEY, another address from OPENAI_BASE_URL.
"""

import json
import os
import urllib.request
from typing import Any

import genmeter

BASE = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")


@genmeter.record(provider="openai", model="gpt-5.4-mini")
def ask(question: str) -> dict[str, Any]:
    """The answer as the server sends it; what it used is read from it."""
    body = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": question}]}
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{BASE}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def main() -> None:
    answer = ask("What is a meter, in one sentence?")
    print(answer["choices"][0]["message"]["content"])
    bill = genmeter.cost(answer)
    print("It cost", bill.usd, "USD" if bill.usd is not None else bill.reason)


if __name__ == "__main__":
    main()
