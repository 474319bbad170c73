"""One engine process for all tests here: llama.cpp must not be loaded into the tests' own process."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import (
    AskCache,
    CacheReport,
    Cancel,
    Chat,
    CountTokens,
    Event,
    Load,
    Loaded,
    Message,
    Role,
    TokensCounted,
    TurnDone,
)
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model

GREEDY = Sampling(temperature=0)
TIMEOUT_S = 120.0  # longer than anything takes on a busy machine


class Engine:
    """An engine process with a model in it, spoken to in plain words."""

    def __init__(self) -> None:
        self.client = EngineClient(lambda _: None, name="test")
        self.client.start()
        self.events: list[Event] = []

    def load(self, model: str = "demo", **options: object) -> None:
        """Load a model, also when it is loaded already: its cache is empty then."""
        # Threads of ggml wait for each other by spinning: on a busy machine a second one costs far more.
        chosen = LoadOptions(**{"threads": 1, **options})
        command = Load(id=self.client.next_id(), model=resolve_model(model), options=chosen)
        assert isinstance(self.client.request(command, TIMEOUT_S), Loaded)

    def chat(
        self,
        *messages: Message,
        chat: str = "",
        sampling: Sampling = GREEDY,
        stop: tuple[str, ...] = (),
        cancel_at: Callable[[Event], bool] = lambda _: False,
    ) -> TurnDone:
        """Answer a conversation; `cancel_at` says at which event the turn is to be cancelled."""
        command = Chat(id=self.client.next_id(), messages=messages, sampling=sampling, stop=stop, chat=chat)
        self.events = []
        is_cancelled: list[bool] = []

        def hear(event: Event) -> None:
            self.events.append(event)
            if not is_cancelled and cancel_at(event):
                is_cancelled.append(True)
                self.client.send(Cancel(id=self.client.next_id(), target=command.id))

        done = self.client.request(command, TIMEOUT_S, hear)
        assert isinstance(done, TurnDone)
        return done

    def count(self, *messages: Message, chat: str = "") -> TokensCounted:
        """What sending these messages would cost."""
        command = CountTokens(id=self.client.next_id(), messages=messages, chat=chat)
        counted = self.client.request(command, TIMEOUT_S)
        assert isinstance(counted, TokensCounted)
        return counted

    def cache(self) -> CacheReport:
        """The state of the cache."""
        report = self.client.request(AskCache(id=self.client.next_id()), TIMEOUT_S)
        assert isinstance(report, CacheReport)
        return report


@pytest.fixture(scope="session")
def engine_process() -> Iterator[Engine]:
    """The process, without a model."""
    engine = Engine()
    yield engine
    engine.client.stop()


@pytest.fixture
def demo_engine(engine_process: Engine) -> Engine:
    """The process with the demo model, its cache empty."""
    engine_process.load()
    return engine_process


def user(text: str) -> Message:
    """A message of the user's."""
    return Message("user", text)


def answer(done: TurnDone) -> Message:
    """An answer as the next turn tells it."""
    return Message("assistant", done.text, done.reasoning)


def dialogue(*texts: str) -> tuple[Message, ...]:
    """Messages, the user's first, in turns."""
    roles: tuple[Role, Role] = ("user", "assistant")
    return tuple(Message(roles[place % 2], text) for place, text in zip(count(), texts, strict=False))
