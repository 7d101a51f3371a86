"""An app that stops spending when its budget is spent. Run it with ``genmeter run -- python examples/budget.py``.

It wants a ``genmeter.toml`` in the folder where it is started, or where GENMETER_CONFIG points:

    [budgets.assistant]
    scope = { department = "support" }
    amount = "5.00"
    period = "day"
    time_zone = "Europe/Paris"
    on_exceed = "reject"

Each process counts what it has spent itself since it started. With ``on_exceed = "warn"`` calls go on, and the log says
once a day that the budget is spent.
"""

from openai import OpenAI

import genmeter

QUESTIONS = ("Where is my parcel?", "Can I send it back?", "When do you open?")


@genmeter.attribution(department="support")
def answer(client: OpenAI, question: str) -> str:
    try:
        return client.responses.create(model="gpt-5.4-mini", input=question).output_text
    except genmeter.BudgetExceeded as error:
        return f"Our assistant is back on {error.period_end:%d %B}. ({error.spent} of {error.amount} USD are spent.)"


def main() -> None:
    client = OpenAI()
    for question in QUESTIONS:
        print(f"{question} {answer(client, question)}")


if __name__ == "__main__":
    main()
