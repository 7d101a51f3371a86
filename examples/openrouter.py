"""OpenRouter says in every answer what it charged; genmeter takes that over its own catalogue (source ``provider``).

``OPENAI_API_KEY=sk-or-... genmeter run -- python examples/openrouter.py``
"""

import os

from openai import OpenAI


def main() -> None:
    client = OpenAI(base_url=os.environ.get("OPENAI_BASE_URL", "https://openrouter.ai/api/v1"))
    answer = client.chat.completions.create(
        model="openai/gpt-5.4-mini",
        messages=[{"role": "user", "content": "Say hello."}],
        extra_body={"usage": {"include": True}},
    )
    print(answer.choices[0].message.content)


if __name__ == "__main__":
    main()
