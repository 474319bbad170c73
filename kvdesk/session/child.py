"""One engine process at a time, started and ended on a thread of its own, so that neither blocks a frame."""

from collections.abc import Callable
from typing import Protocol

from kvdesk.engine.protocol import Command, Event
from kvdesk.session.background import Background


class Client(Protocol):
    """What is used of `engine.client.EngineClient`."""

    @property
    def pid(self) -> int | None:
        """The process's id, None before it was started."""

    def next_id(self) -> int:
        """An id for the next command."""

    def start(self) -> None:
        """Start the process; that it cannot be started is reported as its end."""

    def send(self, command: Command) -> None:
        """Hand a command over; never blocks."""

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask the process to end and end it when it does not."""

    def kill(self) -> None:
        """End the process at once."""

    def give_up(self) -> None:
        """End a process that does not answer; never blocks."""


MakeClient = Callable[[Callable[[Event], None], str], Client]  # (emit, name)


class Child:
    """A process that can be started again after it ended; late words of an earlier one are told apart.

    `emit` is called from other threads with the name, the number of the start and the event. The last event
    of every start is `EngineExited`, also when it could not start at all.
    """

    def __init__(
        self,
        name: str,
        make_client: MakeClient,
        emit: Callable[[str, int, Event], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.name = name
        self.start_count = 0
        self._make_client = make_client
        self._emit = emit
        self._client: Client | None = None
        self._thread = Background(f"kvdesk-{name}", on_error)

    @property
    def is_present(self) -> bool:
        """Whether a process was asked for whose end has not been seen (`ended`)."""
        return self._client is not None

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self._client.pid if self._client else None

    def start(self) -> None:
        """Begin to start a process; its `Hello` or its `EngineExited` will tell."""
        self.start_count += 1
        count = self.start_count
        self._client = self._make_client(lambda event: self._emit(self.name, count, event), self.name)
        self._thread.submit(self._client.start)

    def send(self, make_command: Callable[[int], Command]) -> int:
        """Send the command that `make_command` makes of a fresh id; return the id."""
        assert self._client is not None, "a command needs a process"
        command = make_command(self._client.next_id())
        self._client.send(command)
        return command.id

    def stop(self) -> None:
        """Ask the process to end; it is ended when it does not."""
        if self._client is not None:
            self._thread.submit(self._client.stop)

    def give_up(self) -> None:
        """End a process that does not answer; its last event says so."""
        if self._client is not None:
            self._client.give_up()

    def ended(self) -> None:
        """The last event of the current process was seen."""
        self._client = None

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end after `stop`; a process that keeps it waiting is ended."""
        if not self._thread.close(timeout_s) and self._client is not None:
            self._client.kill()
