"""What each agent costs. Run it with ``genmeter run -- python examples/agents.py``, then ``genmeter report --by agent``.

The workflow may cost 50 cents each time it runs. A call beyond that is not sent: it raises ``genmeter.LimitExceeded``.
"""

from openai import OpenAI

import genmeter


@genmeter.tool
def find_order(order: str) -> str:
    return f"order {order}: a teapot, delivered broken"


@genmeter.agent("billing")
def billing(client: OpenAI, case: str) -> str:
    return client.responses.create(model="gpt-5.4", input=f"How much do we pay back? {case}").output_text


@genmeter.agent("triage", max_calls=10)
def triage(client: OpenAI, letter: str) -> str:
    case = find_order("A-1042")
    plan = client.responses.create(model="gpt-5.4-mini", input=f"{letter} ({case})").output_text
    return billing(client, plan)


def main() -> None:
    client = OpenAI()
    with genmeter.workflow("refunds", conversation="letter-7", max_cost="0.50"):
        triage(client, "My teapot came in two pieces.")
        answer = client.responses.create(model="gpt-5.4-mini", input="Write a kind letter.").output_text
    print(answer)


if __name__ == "__main__":
    main()
