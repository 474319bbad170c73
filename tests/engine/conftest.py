"""Clients of real and of misbehaving engine processes."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import EngineExited, Event
from kvdesk.resources import resolve_model

FAKE_CHILD = Path(__file__).parent / "fake_child.py"
WAIT_S = 60.0  # longer than anything takes on a busy machine; nothing waits for it when all is well


class Watched(EngineClient):
    """A client that keeps what it emits and lets a test wait for it."""

    def __init__(self, command: Sequence[str] | None = None, **others: Any) -> None:
        self.events: list[Event] = []
        self._news = threading.Condition()
        super().__init__(self._keep, command, "test", **others)

    def _keep(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, kind: type[Event], timeout_s: float = WAIT_S) -> Event:
        """The first event of a kind, as soon as it has come."""

        def found() -> Event | None:
            return next((event for event in self.events if isinstance(event, kind)), None)

        with self._news:
            assert self._news.wait_for(found, timeout_s), f"no {kind.__name__} among {self.events}"
            event = found()
        assert event is not None
        return event


@pytest.fixture
def engine() -> Iterator[Callable[..., Watched]]:
    """Start engine processes; at the end none of them and none of their clients' threads is left."""
    before_threads = set(threading.enumerate())
    clients: list[Watched] = []

    def start(command: Sequence[str] | None = None, **others: Any) -> Watched:
        client = Watched(command, **others)
        clients.append(client)
        client.start()
        return client

    yield start
    for client in clients:
        client.stop()
        client.wait_for(EngineExited)
    assert set(threading.enumerate()) <= before_threads
    assert not [child for child in psutil.Process().children() if child.pid in {c.pid for c in clients}]


@pytest.fixture
def fake_engine(engine: Callable[..., Watched]) -> Callable[..., Watched]:
    """Start the misbehaving child."""
    return lambda behaviour, **others: engine([sys.executable, str(FAKE_CHILD), behaviour], **others)


@pytest.fixture(scope="session")
def demo() -> str:
    """The built-in model's path."""
    return resolve_model("demo")
