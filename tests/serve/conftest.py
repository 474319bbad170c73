"""An endpoint over a real engine with the demo model, and clients of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from openai import OpenAI

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Cancel, Command, Event, Load, Loaded
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.serve.client_port import ClientPort
from kvdesk.serve.endpoint import Endpoint
from kvdesk.serve.port import ServedModel
from tests.ggufs import make_model

WAIT_S = 60.0  # longer than anything takes on a busy machine


class WatchedClient(EngineClient):
    """Keeps what is said both ways, and lets a test wait for it."""

    def __init__(self) -> None:
        self.news = threading.Condition()
        self.sent: list[Command] = []
        self.heard: list[Event] = []
        self.port: ClientPort | None = None
        super().__init__(self._note, name="served")

    def send(self, command: Command) -> None:
        with self.news:
            self.sent.append(command)
            self.news.notify_all()
        super().send(command)

    def _note(self, event: Event) -> None:
        if self.port is not None:
            self.port.heard(event)
        with self.news:
            self.heard.append(event)
            self.news.notify_all()

    def wait_until(self, condition: Callable[[], object]) -> None:
        with self.news:
            assert self.news.wait_for(condition, WAIT_S), (self.sent, self.heard)

    def cancels(self) -> list[Cancel]:
        return [command for command in self.sent if isinstance(command, Cancel)]


@dataclass
class Served:
    """The endpoint of the built-in model."""

    engine: WatchedClient
    endpoint: Endpoint
    openai: OpenAI = field(init=False)
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        key = self.endpoint.token or "none"
        self.openai = OpenAI(base_url=self.endpoint.url, api_key=key, max_retries=0, timeout=WAIT_S)
        self.http = httpx.Client(base_url=self.endpoint.url.removesuffix("/v1"), timeout=WAIT_S)

    def close(self) -> None:
        self.openai.close()
        self.http.close()
        self.endpoint.close()


@contextmanager
def running(path: str) -> Iterator[WatchedClient]:
    """A model in an engine process, ready to be served."""
    client = WatchedClient()
    client.start()
    options = LoadOptions(ctx_size=2048, threads=1)
    loaded = client.request(Load(id=client.next_id(), model=path, options=options))
    assert isinstance(loaded, Loaded)
    model = ServedModel("demo", loaded.n_ctx_seq, 1_700_000_000, Sampling(temperature=0.0))
    client.port = ClientPort(client, model)
    yield client
    client.stop()


@pytest.fixture(scope="module")
def engine() -> Iterator[WatchedClient]:
    with running(resolve_model("demo")) as client:
        yield client


@pytest.fixture(scope="module")
def slow_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedClient]:
    """A model that takes its time over long answers."""
    folder = tmp_path_factory.mktemp("slow")
    sizes = {"n_layer": 8, "n_embd": 1024, "n_head": 16, "n_head_kv": 4, "n_ff": 4096}
    with running(str(make_model("llama", folder, file_type="f16", **sizes))) as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Open an endpoint over an engine at any free port."""
    opened: list[Served] = []

    def open_one(engine: WatchedClient, **how: str) -> Served:
        assert engine.port is not None
        opened.append(Served(engine, Endpoint(engine.port, port_number=0, **how)))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def served(serve: Callable[..., Served], engine: WatchedClient) -> Served:
    return serve(engine)


@pytest.fixture
def slow(serve: Callable[..., Served], slow_engine: WatchedClient) -> Served:
    return serve(slow_engine)
