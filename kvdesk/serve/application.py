"""The endpoint's paths: OpenAI's for chats, completions and models, llama-server's for tokens and health."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kvdesk.engine.protocol import (
    Chat,
    Complete,
    Event,
    Message,
    PrefillProgress,
    TextPiece,
    Tokenize,
    Tokenized,
    TurnDone,
)
from kvdesk.errors import Cancelled, EngineError, KvDeskError, NotResponding, OptionError
from kvdesk.serve.known_chats import KnownChats
from kvdesk.serve.port import EnginePort, MakeCommand, ServedModel, events_of
from kvdesk.serve.replies import Reply, error_body, error_object, model_object
from kvdesk.serve.requests import Asked, read_chat, read_completion, read_tokenize

MOST_BYTES = 64 * 1024**2  # of a request; the longest contexts are far below that as text
T = TypeVar("T")
Work = Callable[[Request, ServedModel], Awaitable[Response]]


def make_application(port: EnginePort) -> Starlette:
    """The application over an engine."""
    return _Application(port).starlette


class _Application:
    def __init__(self, port: EnginePort) -> None:
        self._port = port
        self._known = KnownChats()
        self._served: ServedModel | None = None
        self._turn = asyncio.Lock()  # one engine: requests wait here, first come, first served
        routes: list[tuple[str, str, Work]] = [
            ("POST", "/chat/completions", self._chat),
            ("POST", "/completions", self._complete),
            ("POST", "/tokenize", self._tokenize),
            ("GET", "/models", self._models),
            ("GET", "/models/{name:path}", self._one_model),
        ]
        self.starlette = Starlette(
            routes=[
                Route("/health", self._health, methods=["GET"]),
                *(
                    Route(prefix + path, self._guarded(work), methods=[method])
                    for method, path, work in routes
                    for prefix in ("/v1", "")
                ),
            ],
            exception_handlers={HTTPException: _no_such_path},
        )

    def _guarded(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """Answer with the object of whatever error there is; a client that leaves ends the work."""

        async def answer(request: Request) -> Response:
            try:
                return await work(request, self._model())
            except (ClientDisconnect, _Left):
                return Response(status_code=499)
            except KvDeskError as error:
                status, body = error_object(error)
                return JSONResponse(body, status)
            except Cancelled:
                return JSONResponse(error_body("The answer was stopped.", "server_error"), 503)

        return answer

    def _model(self) -> ServedModel:
        model = self._port.model
        if model is None:
            raise NotResponding("No model is loaded.", "Load one and ask again.")
        if model != self._served:
            self._known.forget()
            self._served = model
        return model

    # ------------------------------------------------------------------------------------------ the paths

    async def _health(self, _: Request) -> Response:
        is_ready = self._port.model is not None
        return JSONResponse({"status": "ok" if is_ready else "no model"}, 200 if is_ready else 503)

    async def _models(self, _: Request, model: ServedModel) -> Response:
        return JSONResponse({"object": "list", "data": [model_object(model)]})

    async def _one_model(self, request: Request, model: ServedModel) -> Response:
        if request.path_params["name"] != model.name:
            message = "That model is not loaded."
            return JSONResponse(error_body(message, "invalid_request_error", "model_not_found"), 404)
        return JSONResponse(model_object(model))

    async def _tokenize(self, request: Request, _: ServedModel) -> Response:
        text, is_start = read_tokenize(await _body(request))
        command: MakeCommand = lambda number: Tokenize(id=number, text=text, add_special=is_start)  # noqa: E731 - typed, and used on the next line
        async with aclosing(events_of(self._port, command)) as events:
            async for event in events:
                if isinstance(event, Tokenized):
                    return JSONResponse({"tokens": event.tokens})
        raise EngineError("The engine gave no tokens.")

    async def _chat(self, request: Request, model: ServedModel) -> Response:
        asked = read_chat(await _body(request), model.sampling)

        async def answer() -> AsyncGenerator[Event, None]:
            async with self._turn:
                found = self._known.find(asked.messages)
                command: MakeCommand = lambda number: Chat(  # noqa: E731 - typed, and used on the next line
                    id=number,
                    messages=found.messages,
                    sampling=asked.sampling,
                    stop=asked.stop,
                    chat=found.chat,
                )
                async with aclosing(events_of(self._port, command)) as events:
                    async for event in events:
                        if isinstance(event, TurnDone):
                            said = Message("assistant", event.text, event.reasoning)
                            self._known.remember(found.chat, (*found.messages, said))
                        yield event

        return await self._reply(request, asked, answer(), Reply("chat.completion", model.name))

    async def _complete(self, request: Request, model: ServedModel) -> Response:
        asked = read_completion(await _body(request), model.sampling)

        async def answer() -> AsyncGenerator[Event, None]:
            async with self._turn:
                command: MakeCommand = lambda number: Complete(  # noqa: E731 - typed, and used on the next line
                    id=number,
                    prompt=asked.prompt,
                    sampling=asked.sampling,
                    stop=asked.stop,
                    chat="completions",
                )
                async with aclosing(events_of(self._port, command)) as events:
                    async for event in events:
                        yield event

        return await self._reply(request, asked, answer(), Reply("text_completion", model.name))

    # ------------------------------------------------------------------------------------------ the answer

    async def _reply(
        self, request: Request, asked: Asked, events: AsyncGenerator[Event, None], reply: Reply
    ) -> Response:
        if not asked.is_streamed:
            return await _unless_left(request, _whole(events, reply))
        # The first event, awaited here, tells whether there will be an answer: errors have a status then.
        first = await _unless_left(request, _next(events))
        return StreamingResponse(
            _stream(first, events, reply, includes_usage=asked.includes_usage),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


class _Left(Exception):
    """The client has hung up."""


async def _whole(events: AsyncGenerator[Event, None], reply: Reply) -> Response:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TurnDone):
                if event.stop_reason == "cancelled":
                    raise Cancelled
                return JSONResponse(reply.whole(event))
    raise EngineError("The engine gave no answer.")


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    return await anext(events)


async def _stream(
    first: Event, events: AsyncGenerator[Event, None], reply: Reply, *, includes_usage: bool
) -> AsyncIterator[bytes]:
    """The answer as server-sent events. Comments keep the connection open while a long prompt is read."""
    async with aclosing(events):
        if beginning := reply.first():
            yield _sent(beginning)
        try:
            event = first
            while True:
                match event:
                    case PrefillProgress(done_tokens=done, total_tokens=total):
                        yield f": {done}/{total} tokens read\n\n".encode()
                    case TextPiece():
                        yield _sent(reply.piece(event))
                    case TurnDone():
                        if event.stop_reason == "cancelled":
                            raise Cancelled
                        yield _sent(reply.last(event))
                        if includes_usage:
                            yield _sent(reply.figures(event))
                        break
                    case _:
                        pass
                event = await anext(events)
        except KvDeskError as error:
            yield _sent(error_object(error)[1])
        except Cancelled:
            yield _sent(error_body("The answer was stopped.", "server_error"))
        yield b"data: [DONE]\n\n"


def _sent(said: object) -> bytes:
    return b"data: " + msgspec.json.encode(said) + b"\n\n"


async def _unless_left(request: Request, work: Awaitable[T]) -> T:
    """Wait for the work; end it when the client hangs up before."""
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_wait_for_end(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise _Left
    finally:
        for each in (task, left):
            each.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await each


async def _wait_for_end(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise OptionError("The request is too long.")
    return bytes(data)


async def _no_such_path(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return JSONResponse(error_body("There is nothing at this path.", "invalid_request_error"), status)
