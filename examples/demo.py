"""A night at a support desk: OpenAI and Anthropic; sync, async and streamed; tools, a cached prompt, and some bad luck.

Nothing here knows that it is metered but ``attribution``, which says who pays. `make demo` runs it on loopback
providers; with OPENAI_API_KEY and ANTHROPIC_API_KEY set, ``genmeter run -- python examples/demo.py`` runs it on the
real ones.
"""

import asyncio

import anthropic
import openai
from anthropic.types import Message, MessageParam, ToolParam

from genmeter import attribution

HANDBOOK = "Parcels travel one night. Late parcels cost the customer nothing. Be brief. " * 200
TICKETS = ["Where is order A-1042?", "The cup arrived broken.", "Change my address.", "Late again, refund?"]
FIND_ORDER: ToolParam = {
    "name": "find_order",
    "description": "Where an order is",
    "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
}


def index_handbook() -> None:
    found = openai.OpenAI().embeddings.create(model="text-embedding-3-small", input=HANDBOOK.split(". ")[:3])
    print(f"index     {len(found.data)} passages")


async def sort_tickets() -> None:
    async with openai.AsyncOpenAI() as client:
        asked = [client.responses.create(model="gpt-5.4-mini", input=f"One word: {ticket}") for ticket in TICKETS]
        print("sort     ", ", ".join(answer.output_text for answer in await asyncio.gather(*asked)))


@attribution(user="ada")
def answer_ticket() -> None:
    stream = openai.OpenAI().chat.completions.create(
        model="gpt-5.6",
        messages=[{"role": "system", "content": HANDBOOK}, {"role": "user", "content": TICKETS[0]}],
        stream=True,
    )
    print("answer    ", end="")
    for chunk in stream:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


@attribution(user="ada")
def answer_with_a_tool() -> None:
    messages: list[MessageParam] = [{"role": "user", "content": TICKETS[0]}]
    first = ask_claude(messages)
    use = next(block for block in first.content if block.type == "tool_use")
    place = f"{use.input['order']}: Lyon, arrives tomorrow"
    messages.append({"role": "assistant", "content": first.content})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": place}]})
    print("tool     ", "".join(block.text for block in ask_claude(messages).content if block.type == "text"))


def ask_claude(messages: list[MessageParam]) -> Message:
    return anthropic.Anthropic().messages.create(
        model="claude-sonnet-4-5",
        max_tokens=300,
        system=[{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}],
        tools=[FIND_ORDER],
        messages=messages,
    )


@attribution(department="marketing", user="grace")
async def write_slogan() -> None:
    asked: MessageParam = {"role": "user", "content": "A slogan for a parcel service, please."}
    async with (
        anthropic.AsyncAnthropic() as client,
        client.messages.stream(model="claude-haiku-4-5", max_tokens=100, messages=[asked]) as stream,
    ):
        print("slogan   ", await stream.get_final_text())


@attribution(department="marketing", user="grace")
def read_no_further() -> None:
    stream = openai.OpenAI().chat.completions.create(
        model="gpt-5.6", messages=[{"role": "user", "content": "Ten names for a parcel, one a line."}], stream=True
    )
    for chunk in stream:
        if chunk.choices[0].delta.content:
            print("name     ", chunk.choices[0].delta.content, "... is enough: the stream is closed early")
            break
    stream.close()


def ask_the_busy_one() -> None:
    try:
        openai.OpenAI(max_retries=1).responses.create(model="gpt-5.5-pro", input="Think long.")
    except openai.RateLimitError as error:
        print("busy     ", type(error).__name__, "after one retry")


if __name__ == "__main__":
    with attribution(department="support", application="desk"):
        index_handbook()
        asyncio.run(sort_tickets())
        answer_ticket()
        answer_with_a_tool()
        asyncio.run(write_slogan())
        read_no_further()
        ask_the_busy_one()
