"""One engine process at a time, asked and ended; what goes wrong in it is a failure in words, not an end."""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Command, EngineExited, Event, Hello
from kvdesk.errors import KvDeskError, NotResponding
from measuring.rows import Failure

Answer = TypeVar("Answer", bound=Event)


class OutOfTime(Exception):
    """The time given for everything is over; what was under way counts as not begun."""


class Clock:
    """The time for everything, and that for the step under way, in seconds."""

    def __init__(self, all_s: float, step_s: float) -> None:
        self._end = time.monotonic() + all_s
        self._step_s = step_s
        self._step_end = self._end

    def begin_step(self) -> None:
        """From now on the step's time runs."""
        self._step_end = time.monotonic() + self._step_s

    def left_s(self) -> float:
        """Left of everything."""
        return max(0.0, self._end - time.monotonic())

    def step_left_s(self) -> float:
        """Left of the step. Raises OutOfTime when everything is over."""
        if self.left_s() <= 0:
            raise OutOfTime
        return max(0.1, min(self._step_end, self._end) - time.monotonic())


class Engine:
    """A process of KV Desk's engine, used in a `with`. Commands are bounded by the step's time."""

    def __init__(self, clock: Clock, name: str, command: Sequence[str] | None = None) -> None:
        self.hello: Hello | None = None
        self._clock = clock
        self._greeted = threading.Event()
        self._client = EngineClient(self._hear, command, name)
        self._client.start()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._client.pid

    def is_running(self) -> bool:
        """Whether it can be asked."""
        return self._client.is_running()

    def ask(self, make: Callable[[int], Command], answer: type[Answer]) -> Answer:
        """Send a command and wait for its answer. Raises a KvDeskError, or OutOfTime."""
        try:
            event = self._client.request(make(self._client.next_id()), self._clock.step_left_s())
        except KvDeskError:
            if self._clock.left_s() <= 0:  # it was we who ended it
                raise OutOfTime from None
            raise
        assert isinstance(event, answer)
        return event

    def wait_for_greeting(self) -> None:
        """Return when llama.cpp is loaded and before anything is asked of it. Raises NotResponding."""
        if not self._greeted.wait(self._clock.step_left_s()):
            raise NotResponding("The engine did not come up.")

    def close(self) -> None:
        """End the process."""
        self._client.stop()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Hello):
            self.hello = event
            self._greeted.set()
        elif isinstance(event, EngineExited):
            self._greeted.set()


def failure_of(error: KvDeskError) -> Failure:
    """An error as it stands in a row."""
    return Failure(error.kind, str(error))
