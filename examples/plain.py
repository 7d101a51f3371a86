"""An app as it is: nothing here is about metering. Run it with ``genmeter run -- python examples/plain.py``.

The keys come from OPENAI_API_KEY and ANTHROPIC_API_KEY, other addresses from OPENAI_BASE_URL and ANTHROPIC_BASE_URL.
"""

from anthropic import Anthropic
from openai import OpenAI


def main() -> None:
    question = "What is a meter, in one sentence?"
    answer = OpenAI().responses.create(model="gpt-5.4-mini", input=question)
    print("gpt-5.4-mini:    ", answer.output_text)
    message = Anthropic().messages.create(
        model="claude-haiku-4-5", max_tokens=200, messages=[{"role": "user", "content": question}]
    )
    print("claude-haiku-4-5:", "".join(block.text for block in message.content if block.type == "text"))


if __name__ == "__main__":
    main()
