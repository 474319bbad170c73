"""Gives the engine process its commands, one load and one turn at a time."""

from kvdesk.engine import protocol
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.session.child import Child
from kvdesk.session.events import FromEngine, Purpose

_FINAL = (
    protocol.Loaded,
    protocol.TurnDone,
    protocol.TokensCounted,
    protocol.Unloaded,
    protocol.CancelledEvent,
    protocol.Failed,
)


class Driver:
    """Knows which command is which, drops words about commands that no longer matter."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._load_id = 0
        self._turn_id = 0
        self._count_id = 0
        self._cancelled: set[int] = set()

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
        return self._load_id != 0

    @property
    def is_answering(self) -> bool:
        """Whether a turn is under way."""
        return self._turn_id != 0

    def start(self) -> None:
        """Begin to start the process."""
        self._child.start()

    def load(self, path: str, options: LoadOptions) -> None:
        """Load a model; what the engine does now is cancelled first."""
        self.cancel_turn()
        self.cancel_load()
        self._load_id = self._child.send(lambda number: protocol.Load(id=number, model=path, options=options))

    def answer(self, chat_id: int, messages: tuple[protocol.Message, ...], sampling: Sampling) -> None:
        """Ask for an answer to the conversation."""
        self._turn_id = self._child.send(
            lambda number: protocol.Chat(id=number, messages=messages, sampling=sampling, chat=str(chat_id))
        )

    def count(self, chat_id: int, messages: tuple[protocol.Message, ...]) -> None:
        """Ask what sending these messages would cost; an earlier question no longer matters."""
        self._count_id = self._child.send(
            lambda number: protocol.CountTokens(id=number, messages=messages, chat=str(chat_id))
        )

    def unload(self) -> None:
        """Free the model."""
        self.cancel_turn()
        self.cancel_load()
        self._child.send(lambda number: protocol.Unload(id=number))

    def cancel_load(self) -> None:
        """Stop the load under way."""
        self._cancel(self._load_id)

    def cancel_turn(self) -> None:
        """Stop the answer under way."""
        self._cancel(self._turn_id)

    def take(self, event: protocol.Event) -> FromEngine | None:
        """Note an event of the process; None when it is about a command that no longer matters."""
        if isinstance(event, protocol.EngineExited):
            return self._exited(event)
        purpose = self._purpose(event.id)
        if isinstance(event, _FINAL):
            self._cancelled.discard(event.id)
            self._forget(purpose)
        if purpose == "other" and not isinstance(event, protocol.Hello | protocol.Unloaded):
            return None
        return FromEngine(event, purpose)

    def _purpose(self, command_id: int) -> Purpose:
        purposes: dict[int, Purpose] = {
            self._count_id: "count",
            self._turn_id: "turn",
            self._load_id: "load",
        }
        return purposes.get(command_id, "other") if command_id else "other"

    def _forget(self, purpose: Purpose) -> None:
        match purpose:
            case "load":
                self._load_id = 0
            case "turn":
                self._turn_id = 0
            case "count":
                self._count_id = 0
            case "other":
                pass

    def _cancel(self, target: int) -> None:
        # The client ends a process that does not obey in time.
        if target and target not in self._cancelled:
            self._cancelled.add(target)
            self._child.send(lambda number: protocol.Cancel(id=number, target=target))

    def _exited(self, event: protocol.EngineExited) -> FromEngine:
        purpose: Purpose = "load" if self._load_id else "turn" if self._turn_id else "other"
        is_intended = event.cause == "quit"
        self._child.ended()
        self._load_id = self._turn_id = self._count_id = 0
        self._cancelled.clear()
        return FromEngine(event, purpose, is_intended)
