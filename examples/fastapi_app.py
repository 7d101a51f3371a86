"""Who pays is decided once, at the edge: a middleware reads it from the request, and every call below inherits it.

``genmeter run -- uvicorn --app-dir examples fastapi_app:app``, then
``curl -H 'X-User: ada' -H 'X-Department: support' 'localhost:8000/ask?question=Why'``
"""

from fastapi import FastAPI, Request
from openai import AsyncOpenAI
from starlette.types import ASGIApp, Receive, Scope, Send

from genmeter import attribution


class WhoPays:
    """A plain ASGI middleware: the endpoint runs in its context, and a streamed body does too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, inside the attribution that its headers name."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Request(scope).headers
        # Behind a gateway that authenticates: never believe such headers from the open internet.
        with attribution(user=headers.get("x-user"), department=headers.get("x-department"), application="assistant"):
            return await self.app(scope, receive, send)


app = FastAPI()
app.add_middleware(WhoPays)
client = AsyncOpenAI()


@app.get("/ask")
async def ask(question: str) -> dict[str, str]:
    answer = await client.responses.create(model="gpt-5.4-mini", input=question)
    return {"answer": answer.output_text}
