"""Three streams at the same time, each paid for by another department.

``attribution`` follows the task that it was entered in, so concurrent calls never mix their payers. The usage of an
OpenAI-shaped stream is asked for by genmeter; the app does not see the extra chunk.
"""

import asyncio

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from genmeter import attribution


async def headline(client: AsyncOpenAI) -> str:
    words: list[str] = []
    with attribution(department="press"):
        stream = await client.chat.completions.create(
            model="gpt-5.4-mini", messages=[{"role": "user", "content": "A headline about parcels."}], stream=True
        )
        async for chunk in stream:
            words.append(chunk.choices[0].delta.content or "")
    return "".join(words)


@attribution(department="legal")
async def clause(client: AsyncOpenAI) -> str:
    async with client.responses.stream(model="gpt-5.4", input="One clause about late parcels.") as stream:
        async for _event in stream:
            pass
        return (await stream.get_final_response()).output_text


@attribution(department="marketing", user="grace")
async def slogan(client: AsyncAnthropic) -> str:
    async with client.messages.stream(
        model="claude-haiku-4-5", max_tokens=100, messages=[{"role": "user", "content": "A slogan about parcels."}]
    ) as stream:
        return "".join([text async for text in stream.text_stream])


async def main() -> None:
    async with AsyncOpenAI() as openai, AsyncAnthropic() as anthropic:
        for text in await asyncio.gather(headline(openai), clause(openai), slogan(anthropic)):
            print(text)


if __name__ == "__main__":
    asyncio.run(main())
