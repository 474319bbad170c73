"""Gives the engine process its commands, one of each purpose at a time."""

from collections.abc import Callable
from typing import Literal

from kvdesk.engine import protocol
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.session.child import Child
from kvdesk.session.events import FromEngine, Purpose

_FINAL = (
    protocol.Loaded,
    protocol.TurnDone,
    protocol.TokensCounted,
    protocol.Tokenized,
    protocol.Rebuilt,
    protocol.Parked,
    protocol.Resumed,
    protocol.Rehearsed,
    protocol.Unloaded,
    protocol.CancelledEvent,
    protocol.Failed,
)
# Whose failure the end of the process is, the first of those under way.
_BY_WEIGHT: tuple[Purpose, ...] = ("load", "rebuild", "rehearsal", "turn", "summary")


class Driver:
    """Knows which command is which, drops words about commands that no longer matter."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._ids: dict[Purpose, int] = {}
        self._cancelled: set[int] = set()
        self._served: set[int] = set()  # commands of the endpoint's clients

    @property
    def is_present(self) -> bool:
        """Whether there is an engine process."""
        return self._child.is_present

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self._child.pid

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way."""
        return self.is_at("load")

    @property
    def is_answering(self) -> bool:
        """Whether a turn is under way."""
        return self.is_at("turn")

    def is_at(self, purpose: Purpose) -> bool:
        """Whether a command of this purpose is under way."""
        return purpose in self._ids

    def start(self) -> None:
        """Begin to start the process."""
        self._child.start()

    def load(self, path: str, options: LoadOptions, known_threads: int = 0) -> None:
        """Load a model; what the engine does now is cancelled first."""
        self._cancel_all()
        self._send(
            "load",
            lambda number: protocol.Load(id=number, model=path, options=options, known_threads=known_threads),
        )

    def answer(
        self,
        chat_id: int,
        messages: tuple[protocol.Message, ...],
        sampling: Sampling,
        overflow: protocol.Overflow = "stop",
    ) -> None:
        """Ask for an answer to the conversation; where it rolls on, what follows a gap may be moved."""
        self._send(
            "turn",
            lambda number: protocol.Chat(
                id=number,
                messages=messages,
                sampling=sampling,
                chat=str(chat_id),
                overflow=overflow,
                may_shift=overflow == "roll",
            ),
        )

    def summarise(self, chat_id: int, message: str, sampling: Sampling) -> None:
        """Ask for a text beside a conversation, whose own cache waits on the engine's shelf meanwhile."""
        self._send(
            "summary",
            lambda number: protocol.Chat(
                id=number,
                messages=(protocol.Message("user", message),),
                sampling=sampling,
                chat=f"summary of {chat_id}",
            ),
        )

    def count(self, chat_id: int, messages: tuple[protocol.Message, ...]) -> None:
        """Ask what sending these messages would cost; an earlier question no longer matters."""
        self._send(
            "count", lambda number: protocol.CountTokens(id=number, messages=messages, chat=str(chat_id))
        )

    def tokenize(self, text: str, purpose: Literal["attachment", "system prompt"]) -> None:
        """Ask how many tokens an attached text or a system prompt has."""
        self._send(purpose, lambda number: protocol.Tokenize(id=number, text=text))

    def rebuild(self, options: LoadOptions, route: protocol.StateRoute, folder: str) -> None:
        """Give the loaded model another context; what the cache holds rests where `route` says."""
        self._send(
            "rebuild",
            lambda number: protocol.Rebuild(id=number, options=options, route=route, folder=folder),
        )

    def park(self, chat_id: int, path: str) -> None:
        """Write a conversation's cache to a file."""
        self._send("park", lambda number: protocol.Park(id=number, chat=str(chat_id), path=path))

    def resume(self, chat_id: int, path: str) -> None:
        """Take a conversation's cache from a file; what is asked after it waits for it."""
        self._send("resume", lambda number: protocol.Resume(id=number, chat=str(chat_id), path=path))

    def serve(self, make_command: Callable[[int], protocol.Command]) -> int:
        """Send a command of another program's; several may be under way."""
        number = self._child.send(make_command)
        self._served.add(number)
        return number

    def cancel_served(self, number: int) -> None:
        """Stop such a command."""
        if number in self._served and number not in self._cancelled:
            self._cancelled.add(number)
            self._child.send(lambda own: protocol.Cancel(id=own, target=number))

    def is_serving(self, number: int) -> bool:
        """Whether such a command is under way."""
        return number in self._served

    def rehearse(self) -> None:
        """Fill the context to its end, to see that it holds."""
        self._send("rehearsal", lambda number: protocol.Rehearse(id=number))

    def give_up(self) -> None:
        """End an engine that does not answer."""
        self._child.give_up()

    @property
    def is_working(self) -> bool:
        """Whether something is under way that the engine should say something about before long."""
        return bool(self._ids or self._served)

    def unload(self) -> None:
        """Free the model."""
        self._cancel_all()
        self._child.send(lambda number: protocol.Unload(id=number))

    def cancel_load(self) -> None:
        """Stop the load under way."""
        self.cancel("load")

    def cancel_turn(self) -> None:
        """Stop the answer under way."""
        self.cancel("turn")

    def cancel(self, purpose: Purpose) -> None:
        """Stop the command of a purpose; the client ends a process that does not obey in time."""
        target = self._ids.get(purpose)
        if target is not None and target not in self._cancelled:
            self._cancelled.add(target)
            self._child.send(lambda number: protocol.Cancel(id=number, target=target))

    def take(self, event: protocol.Event) -> FromEngine | None:
        """Note an event of the process; None when it is about a command that no longer matters."""
        if isinstance(event, protocol.EngineExited):
            return self._exited(event)
        if event.id in self._served:
            if isinstance(event, _FINAL):
                self._served.discard(event.id)
                self._cancelled.discard(event.id)
            return FromEngine(event, "endpoint")
        purposes = (purpose for purpose, number in self._ids.items() if number == event.id)
        purpose: Purpose = next(purposes, "other")
        if isinstance(event, _FINAL):
            self._cancelled.discard(event.id)
            self._ids.pop(purpose, None)
        if purpose == "other" and not isinstance(event, protocol.Hello | protocol.Unloaded):
            return None
        return FromEngine(event, purpose)

    def _send(self, purpose: Purpose, make_command: Callable[[int], protocol.Command]) -> None:
        self._ids[purpose] = self._child.send(make_command)

    def _cancel_all(self) -> None:
        for purpose in tuple(self._ids):
            if purpose not in ("count", "attachment", "system prompt"):
                self.cancel(purpose)
        for number in tuple(self._served):
            self.cancel_served(number)

    def _exited(self, event: protocol.EngineExited) -> FromEngine:
        purpose: Purpose = next((purpose for purpose in _BY_WEIGHT if purpose in self._ids), "other")
        is_intended = event.cause == "quit"
        self._child.ended()
        self._ids.clear()
        self._served.clear()
        self._cancelled.clear()
        return FromEngine(event, purpose, is_intended)
