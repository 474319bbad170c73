"""An engine process as the endpoint uses it: each command's events to whoever asked."""

from collections.abc import Callable

from kvdesk.engine.client import PROGRESS, EngineClient
from kvdesk.engine.protocol import Cancel, EngineExited, Event
from kvdesk.serve.port import Hear, MakeCommand, ServedModel


class ClientPort:
    """A port to a client whose events, all of them, are given to `heard`."""

    def __init__(self, client: EngineClient, model: ServedModel) -> None:
        self._client = client
        self._model = model
        self._hearing: dict[int, Hear] = {}

    @property
    def model(self) -> ServedModel | None:
        """The loaded model; None after the end of the process."""
        return self._model if self._client.is_running() else None

    def ask(self, make_command: MakeCommand, hear: Hear) -> Callable[[], None]:
        """Send a command. After the end of the process only that is heard."""
        client, number = self._client, self._client.next_id()
        self._hearing[number] = hear
        client.send(make_command(number))
        if client.exited is not None and self._hearing.pop(number, None) is not None:
            hear(client.exited)
        return lambda: client.send(Cancel(id=client.next_id(), target=number))

    def heard(self, event: Event) -> None:
        """Hand an event to who waits for it; from the client's thread."""
        if isinstance(event, EngineExited):
            for number in tuple(self._hearing):
                waiting = self._hearing.pop(number, None)
                if waiting is not None:
                    waiting(event)
        elif hear := self._hearing.get(event.id):
            if not isinstance(event, PROGRESS):
                del self._hearing[event.id]
            hear(event)
