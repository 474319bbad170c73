"""What the endpoint needs of an engine, and the engine's events as a coroutine reads them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from kvdesk.engine.client import raise_failure
from kvdesk.engine.protocol import Command, Event, Tokenized, TurnDone
from kvdesk.plan.sampling import Sampling

MakeCommand = Callable[[int], Command]
Hear = Callable[[Event], None]
_LAST = (TurnDone, Tokenized)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The loaded model. `loaded_s` is Unix time, `sampling` what a request that says nothing gets."""

    name: str
    n_ctx: int
    loaded_s: int
    sampling: Sampling = Sampling()


class EnginePort(Protocol):
    """An engine with a model. Both methods are called in the endpoint's thread and return at once."""

    @property
    def model(self) -> ServedModel | None:
        """The loaded model; None while there is none."""

    def ask(self, make_command: MakeCommand, hear: Hear) -> Callable[[], None]:
        """Send the command made of a fresh id; `hear` gets its events, in any thread, and the engine's end.

        Returns a function that cancels the command.
        """


async def events_of(port: EnginePort, make_command: MakeCommand) -> AsyncGenerator[Event, None]:
    """Ask, and read the events up to the final one; leaving early cancels the command.

    Raises the KvDeskError that the command failed with, and Cancelled.
    """
    import asyncio  # late, for the window knows ports from its start and few of them are ever opened

    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[Event] = asyncio.Queue()

    def hear(event: Event) -> None:
        with suppress(RuntimeError):  # the endpoint was closed meanwhile
            loop.call_soon_threadsafe(heard.put_nowait, event)

    cancel = port.ask(make_command, hear)
    is_over = False
    try:
        while not is_over:
            event = await heard.get()
            try:
                raise_failure(event)
            except BaseException:
                is_over = True
                raise
            is_over = isinstance(event, _LAST)
            yield event
    finally:
        if not is_over:
            cancel()
