"""A desk whose processes are played by the test; files, threads and arithmetic are the real ones."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kvdesk.chats.store import ChatStore
from kvdesk.engine import protocol
from kvdesk.memory.report import HOST, Item, Kind, MemoryReport
from kvdesk.monitor.sample import HostSample, Sample
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import PacesFile
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.settings.presets import PresetsFile
from kvdesk.settings.store import SettingsStore
from kvdesk.units import GIB

PATIENCE_S = 30.0
C = TypeVar("C")


class FakeClient:
    """A process that hears every command and says what the test makes it say."""

    def __init__(self, emit: Callable[[protocol.Event], None], name: str) -> None:
        self.name = name
        self.pid: int | None = None
        self.heard: list[protocol.Command] = []
        self.has_ended = False
        self._emit = emit
        self._next_id = 0

    def next_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def start(self) -> None:
        self.pid = 4242
        self.say(hello())

    def send(self, command: protocol.Command) -> None:
        self.heard.append(command)

    def say(self, *events: protocol.Event) -> None:
        for event in events:
            self._emit(event)

    def end(self, cause: protocol.ExitCause = "killed", message: str = "Killed by signal 9.") -> None:
        if not self.has_ended:
            self.has_ended = True
            self.say(protocol.EngineExited(cause=cause, message=message, stderr_tail=("last words",)))

    def stop(self, timeout_s: float = 2.0) -> None:
        self.end("quit", "Asked to.")

    def give_up(self) -> None:
        self.end("not_responding", "The engine stopped answering and was ended.")

    def kill(self) -> None:
        self.end()

    def last(self, kind: type[C]) -> C:
        """The latest command of a kind."""
        return [command for command in self.heard if isinstance(command, kind)][-1]


class FakeSampler:
    """Reads when the test says so."""

    def __init__(self, emit: Callable[[Sample], None]) -> None:
        self.emit = emit
        self.pid: int | None = None
        self.is_started = False

    def start(self) -> None:
        self.is_started = True

    def watch(self, pid: int | None) -> None:
        self.pid = pid

    def close(self, timeout_s: float) -> bool:
        return True


class Stage:
    """A desk, its fake processes in the order of their starts, and a clock that stands until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.clients: list[FakeClient] = []
        self.now_s = 1000.0
        self.folder = folder
        self.desk = Desk(
            make_client=self._make_client,
            make_sampler=FakeSampler,
            store=ChatStore(folder / "chats.sqlite3"),
            settings=SettingsStore(folder / "settings.toml"),
            presets=PresetsFile(folder / "presets.toml"),
            ledger=Ledger(folder / "ledger.jsonl"),
            paces=PacesFile(folder / "paces.json"),
            parked_folder=folder / "parked",
            clock=lambda: self.now_s,
        )
        self._successor: Stage | None = None
        self.desk.start()

    def _make_client(self, emit: Callable[[protocol.Event], None], name: str) -> FakeClient:
        self.clients.append(FakeClient(emit, name))
        return self.clients[-1]

    def client(self, name: str) -> FakeClient:
        """The latest process of a name."""
        return [client for client in self.clients if client.name == name][-1]

    @property
    def engine(self) -> FakeClient:
        return self.client("engine")

    @property
    def planner(self) -> FakeClient:
        return self.client("planner")

    def has(self, name: str) -> bool:
        """Whether a process of this name was ever started."""
        return any(client.name == name for client in self.clients)

    def until(self, condition: Callable[[], object]) -> None:
        """Drain until a condition holds; fail when it does not come to hold."""
        end = time.monotonic() + PATIENCE_S
        while True:
            self.desk.drain()
            if condition():
                return
            assert time.monotonic() < end, f"never came to hold; state: {self.desk.state}"
            time.sleep(0.001)  # lets the threads run; the condition decides

    def settle(self) -> None:
        """Drain until the store's and the background thread have done all they were given."""
        done: list[str] = []
        self.desk.saving._thread.submit(lambda: done.append("store"))
        self.desk.background.submit(lambda: done.append("background"))
        self.desk.searches.submit(lambda: done.append("searches"))
        self.until(lambda: len(done) == 3)
        self.until(lambda: self.desk.queue.empty())

    def open_demo(self) -> None:
        actions.open_model(self.desk, "demo")
        self.until(lambda: self.desk.state.model is not None and self.desk.state.estimate is not None)
        self.until(lambda: self.desk.state.chat is not None)

    def loaded(self) -> None:
        """Open the demo model and load it."""
        self.open_demo()
        actions.load_model(self.desk)
        self.until(lambda: self.has("engine") and self.engine.heard)
        self.engine.say(loaded_event(self.engine.last(protocol.Load)))
        self.until(lambda: self.desk.state.engine.loaded is not None)

    def asked(self, text: str = "Hello") -> protocol.Chat:
        """Send a message and return the command that the engine heard."""
        before = len(self.engine.heard)
        actions.send_message(self.desk, text)
        self.until(lambda: any(isinstance(c, protocol.Chat) for c in self.engine.heard[before:]))
        return self.engine.last(protocol.Chat)

    def answered(self, text: str = "Hello", answer: str = "Hi.") -> None:
        """Send a message and have it answered."""
        command = self.asked(text)
        self.engine.say(*answer_events(command.id, answer))
        self.until(lambda: self.desk.state.streaming is None)

    def close(self) -> None:
        """Close it, and what it was restarted as: a test that fails leaves no thread to the next."""
        self.desk.close()
        if self._successor is not None:
            self._successor.close()

    def restarted(self) -> "Stage":
        """Close and open everything anew on the same folder."""
        self.close()
        self._successor = Stage(self.folder)
        return self._successor


def hello() -> protocol.Hello:
    return protocol.Hello(
        protocol=protocol.PROTOCOL_VERSION,
        kvdesk="0",
        llama_cpp_python="0.3.36",
        build="",
        pid=4242,
        can_offload=False,
        has_rpc=True,
    )


def report(degree: str = "measurement", weights_bytes: int = 10_000_000) -> MemoryReport:
    return MemoryReport(
        degree,
        (Item(Kind.WEIGHTS, "CPU", weights_bytes, "exact", "weights"),),
        (HOST,),
    )


def loaded_event(command: protocol.Load) -> protocol.Loaded:
    return protocol.Loaded(
        id=command.id,
        model=command.model,
        description="",
        report=report(),
        options=command.options,
        n_ctx_seq=command.options.ctx_size,
        n_vocab=1000,
        flash_attn=True,
        has_template=True,
        can_shift=True,
        process_bytes=50_000_000,
        elapsed_s=0.1,
    )


def answer_events(command_id: int, text: str, reasoning: str = "") -> tuple[protocol.Event, ...]:
    """The events of a whole turn."""
    pieces: list[protocol.Event] = [
        protocol.PrefillProgress(id=command_id, done_tokens=8, total_tokens=8, reused_tokens=2, elapsed_s=0.5)
    ]
    if reasoning:
        pieces.append(protocol.TextPiece(id=command_id, text=reasoning, tokens=1, is_reasoning=True))
    pieces += [
        protocol.TextPiece(id=command_id, text=word, tokens=1, decode_tokens_per_s=50.0)
        for word in text.split(" ")
    ]
    return (*pieces, turn_done(command_id, text, reasoning=reasoning))


def turn_done(
    command_id: int, text: str, stop_reason: protocol.StopReason = "end", reasoning: str = ""
) -> protocol.TurnDone:
    return protocol.TurnDone(
        id=command_id,
        text=text,
        reasoning=reasoning,
        prompt_tokens=8,
        reused_tokens=2,
        reread_tokens=0,
        reread_reason="",
        completion_tokens=3,
        prefill_s=0.5,
        decode_s=0.06,
        stop_reason=stop_reason,
        cache=protocol.CacheReport(cells_used=11, n_ctx=4096, k_bytes=1, v_bytes=1, chat="1"),
    )


def planned_event(command: protocol.DryRun, weights_bytes: int = 10_000_000) -> protocol.Planned:
    return protocol.Planned(
        id=command.id,
        report=report("plan", weights_bytes),
        options=command.options,
        n_ctx_seq=command.options.ctx_size or 4096,
    )


def sample(time_s: float = 0.0, available_bytes: int = 8 * GIB, process_bytes: int | None = None) -> Sample:
    return Sample(time_s, HostSample(16 * GIB, available_bytes, process_bytes, process_bytes))


DEFAULTS = LoadOptions()
