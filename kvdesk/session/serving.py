"""Opens the loaded model to other programs: they share the window's engine and cache."""

import time
from collections.abc import Callable
from itertools import count

from kvdesk.engine import protocol
from kvdesk.errors import KvDeskError, NotResponding
from kvdesk.phrases import Phrase
from kvdesk.serve.port import Hear, MakeCommand, ServedModel
from kvdesk.session import events
from kvdesk.session.notices import notice_of
from kvdesk.session.parts import Parts


class DeskPort:
    """The desk's engine as an endpoint uses it, in its own thread: through the queue, as all do."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tickets = count(1)
        self._opened_s = int(time.time())

    @property
    def model(self) -> ServedModel | None:
        """What is loaded."""
        state = self._parts.state
        loaded = state.engine.loaded
        if loaded is None:
            return None
        name = loaded.path.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
        return ServedModel(name, loaded.n_ctx_seq, self._opened_s)

    def ask(self, make_command: MakeCommand, hear: Hear) -> Callable[[], None]:
        """Have the desk send a command."""
        ticket = next(self._tickets)
        self._parts.put(events.EndpointAsked(ticket, make_command, hear))
        return lambda: self._parts.put(events.EndpointLeft(ticket))


def open_endpoint(parts: Parts, host: str, port: int, token: str) -> None:
    """Open it in the background: a name may have to be looked up."""

    def job() -> None:
        from kvdesk.serve.endpoint import Endpoint  # a web server, which few will need

        try:
            endpoint = Endpoint(DeskPort(parts), host, port, token)
        except KvDeskError as error:
            parts.put(events.NoticeChanged(notice_of(error)))
            return
        parts.endpoint = endpoint
        parts.put(events.EndpointChanged(endpoint.url, endpoint.token))

    if parts.endpoint is None:
        parts.background.submit(job, key="endpoint")


def close_endpoint(parts: Parts) -> None:
    """Close it; what it was answering is cancelled."""
    endpoint, parts.endpoint = parts.endpoint, None
    if endpoint is not None:
        parts.background.submit(endpoint.close)
    parts.take(events.EndpointChanged("", ""))


def asked(parts: Parts, event: events.EndpointAsked) -> None:
    """Send a client's command, or say that there is nobody to answer it."""
    if parts.state.engine.loaded is None or not parts.driver.is_present:
        nobody = Phrase("No model is loaded.")
        event.hear(protocol.Failed(kind=NotResponding.__name__, message=nobody))
        return
    parts.served[parts.driver.serve(event.make_command)] = (event.ticket, event.hear)


def left(parts: Parts, ticket: int) -> None:
    """A client does not wait for its answer any more."""
    for number, (other, _) in parts.served.items():
        if other == ticket:
            parts.driver.cancel_served(number)


def heard(parts: Parts, event: protocol.Event) -> None:
    """Hand on what the engine said to a client."""
    ended = isinstance(event, protocol.EngineExited)
    numbers = tuple(parts.served) if ended else (event.id,)
    for number in numbers:
        if number in parts.served:
            parts.served[number][1](event)
            if ended or not parts.driver.is_serving(number):
                del parts.served[number]
