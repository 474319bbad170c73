"""The desk with the real engine process and the demo model: chats, kills, reloads."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kvdesk.chats.store import ChatStore
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Event
from kvdesk.memory.report import Kind
from kvdesk.monitor.host import PsutilProbe
from kvdesk.monitor.sampler import Sampler
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.paces import PacesFile
from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import ChatMessage, Phase
from kvdesk.settings.presets import PresetsFile
from kvdesk.settings.store import SettingsStore
from tests.ggufs import make_model

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
]
PATIENCE_S = 120.0


class Real:
    """A desk as the program builds it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.hear: Callable[[Event], None] = lambda _: None  # the engine's every word, before the desk has it

        def make_client(emit: Callable[[Event], None], name: str) -> EngineClient:
            return EngineClient(lambda event: (self.hear(event), emit(event))[1], name=name)

        self.desk = Desk(
            make_client=make_client,
            make_sampler=lambda emit: Sampler(emit, PsutilProbe, ()),
            store=ChatStore(folder / "chats.sqlite3"),
            settings=SettingsStore(folder / "settings.toml"),
            presets=PresetsFile(folder / "presets.toml"),
            ledger=Ledger(folder / "ledger.jsonl"),
            paces=PacesFile(folder / "paces.json"),
            parked_folder=folder / "parked",
        )
        self.desk.start()

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            self.desk.drain()
            if condition():
                return
            assert time.monotonic() < end, f"never came to hold; state: {self.desk.state}"
            time.sleep(0.002)  # lets the threads run; the condition decides

    def open(self, source: str = "demo") -> None:
        actions.open_model(self.desk, source)
        self.until(lambda: self.desk.state.model is not None and not self.desk.state.opening)
        self.until(lambda: self.desk.state.chat is not None)
        actions.set_sampling(self.desk, Sampling(temperature=0.0))

    def ask(self, text: str) -> ChatMessage:
        before = len(self.messages)
        actions.send_message(self.desk, text)
        self.until(lambda: len(self.messages) == before + 2)
        return self.messages[-1]

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        assert self.desk.state.chat is not None
        return self.desk.state.chat.messages

    def kill_engine(self) -> None:
        pid = self.desk.driver.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    real = Real(tmp_path)
    yield real
    real.desk.close()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with weights enough that its load and its prefill last long enough to be interrupted."""
    folder = tmp_path_factory.mktemp("slow")
    return make_model(
        "llama", folder, file_type="f16", n_layer=8, n_embd=1024, n_head=16, n_head_kv=4, n_ff=4096
    )


def test_the_three_degrees_of_one_model(real: Real):
    real.open()
    actions.load_model(real.desk)
    real.until(lambda: real.desk.state.measured and real.desk.state.plan and real.desk.state.estimate)
    state = real.desk.state
    for kind in (Kind.K, Kind.V):
        assert state.estimate.bytes_of(kind) == state.plan.bytes_of(kind) == state.measured.bytes_of(kind) > 0
    assert state.plan_options.ctx_size == state.engine.loaded.options.ctx_size == state.options.ctx_size
    assert state.devices[-1].name == "CPU"
    assert state.devices[-1].free_bytes is not None


def test_a_changed_system_prompt_costs_what_was_said_before(real: Real):
    real.open()
    actions.set_system_prompt(real.desk, "You are brief.")
    real.ask("Hello")
    state = lambda: real.desk.state  # noqa: E731 - it changes with every drain
    real.until(lambda: state().read_cost is not None and state().system_tokens)
    assert state().read_cost.keeps_start
    actions.set_system_prompt(real.desk, "You are a pirate, and love the sea.")
    actions.draft_changed(real.desk, "Hello again")
    real.until(lambda: state().send_cost is not None and not state().read_cost.keeps_start)
    cost = state().read_cost
    assert cost.new_tokens > state().system_tokens
    figures = real.ask("Hello again").figures
    assert (figures.prompt_tokens, figures.new_tokens) == (cost.prompt_tokens, cost.new_tokens)
    assert figures.reread_tokens > 0


def test_a_load_is_in_the_ledger_and_its_difference_in_the_next_plan(real: Real):
    real.open()
    real.until(lambda: real.desk.state.plan is not None)
    real.ask("Hello")  # loads first
    real.until(lambda: real.desk.state.ledger)
    (load,) = real.desk.state.ledger
    for kind in (Kind.K, Kind.V, Kind.WEIGHTS):
        (buffer,) = (each for each in load.buffers if each.kind is kind)
        assert buffer.estimated_bytes == buffer.planned_bytes == buffer.measured_bytes > 0
    assert load.options == real.desk.state.engine.loaded.options
    assert load.library
    (host,) = load.devices
    if host.measured_bytes is None:
        pytest.skip("this system does not tell mapped files apart")

    def margin() -> int:
        (latest,) = real.desk.state.ledger
        assert latest.devices[0].difference_bytes is not None
        return max(0, latest.devices[0].difference_bytes)

    state = lambda: real.desk.state  # noqa: E731 - it changes with every drain
    real.until(lambda: state().devices[-1].margin is not None)
    real.until(lambda: state().estimate.bytes_of(Kind.MARGIN) == margin())
    actions.set_option(real.desk, "ctx_size", 1024)
    real.until(lambda: state().plan is not None and state().plan.bytes_of(Kind.MARGIN) == margin())


def test_a_chat_recalls_and_reads_nothing_twice(real: Real):
    real.open()
    real.ask("The code for the blue box is 48213.")  # loads first
    answer = real.ask("What is the code for the blue box?")
    assert "48213" in answer.content
    assert answer.figures is not None
    assert answer.figures.reread_tokens == 0
    assert answer.figures.reused_tokens > 0
    actions.draft_changed(real.desk, "And once more?")
    real.until(lambda: real.desk.state.send_cost is not None)
    assert real.desk.state.send_cost.reused_tokens > answer.figures.prompt_tokens


def test_killed_while_ready(real: Real):
    real.open()
    real.ask("The code for the blue box is 48213.")
    _kill_and_reload(real, ["The code for the blue box is 48213.", real.messages[-1].content])
    assert "48213" in real.ask("What is the code for the blue box?").content


def test_killed_while_writing(real: Real):
    real.open()
    actions.send_message(real.desk, "Tell me about the KV cache.")
    real.until(lambda: real.desk.state.streaming and real.desk.state.streaming.text)
    real.kill_engine()
    real.until(lambda: real.desk.state.engine.phase is Phase.ENDED)
    real.until(lambda: real.desk.state.streaming is None)
    question, answer = real.messages
    assert question.content == "Tell me about the KV cache."
    assert answer.content
    assert answer.is_partial
    _reload(real)
    actions.regenerate(real.desk)
    real.until(lambda: len(real.messages) == 2 and not real.messages[-1].is_partial)


def test_killed_while_reading(real: Real, slow_model: Path):
    real.open(str(slow_model))
    actions.set_option(real.desk, "ctx_size", 4096)
    actions.set_option(real.desk, "ubatch_size", 32)
    actions.send_message(real.desk, "word " * 2000)
    real.until(lambda: real.desk.state.engine.prefill_done_tokens > 0)
    assert real.desk.state.engine.phase is Phase.PREFILL
    _kill_and_reload(real, [("word " * 2000).strip()])


def test_stopped_while_reading(real: Real, slow_model: Path):
    real.open(str(slow_model))
    actions.set_option(real.desk, "ctx_size", 4096)
    actions.set_option(real.desk, "ubatch_size", 32)
    actions.send_message(real.desk, "word " * 2000)
    real.until(lambda: real.desk.state.engine.prefill_done_tokens > 0)
    actions.stop_answer(real.desk)
    real.until(lambda: real.desk.state.engine.phase is Phase.READY)
    real.until(lambda: real.desk.state.streaming is None)
    assert [message.role for message in real.messages] == ["user"]


def test_killed_while_loading(real: Real, slow_model: Path):
    real.open(str(slow_model))
    actions.set_option(real.desk, "mmap", False)
    actions.send_message(real.desk, "Hello")
    real.until(lambda: real.desk.driver.pid and real.messages)
    real.kill_engine()
    real.until(lambda: real.desk.state.engine.phase is Phase.ENDED)
    assert [message.content for message in real.messages] == ["Hello"]
    _reload(real)


def test_a_dead_planner_is_replaced(real: Real):
    real.open()
    real.until(lambda: real.desk.state.plan is not None)
    os.kill(real.desk.planner_child.pid, signal.SIGKILL)
    real.until(lambda: not real.desk.planner_child.is_present)
    actions.set_option(real.desk, "ctx_size", 1024)
    real.until(lambda: real.desk.state.plan is not None)
    assert real.desk.state.plan_options.ctx_size == 1024


@pytest.mark.parametrize(
    ("name", "value"), [("cache_type_v", "q8_0"), ("ctx_size", 2_000_000_000), ("device", ("CUDA7",))]
)
def test_what_llama_cpp_refuses_is_said_before_and_at_the_load(real: Real, name: str, value: object):
    real.open()
    actions.set_option(real.desk, "flash_attn", "off")
    actions.set_option(real.desk, name, value)
    real.until(lambda: real.desk.state.refusals or real.desk.state.plan is not None)
    actions.load_model(real.desk)
    real.until(lambda: real.desk.state.notice or real.desk.state.engine.ended)
    said = real.desk.state.notice or real.desk.state.engine.ended
    assert said.message
    assert "Traceback" not in said.details
    actions.dismiss_notice(real.desk)
    actions.set_option(real.desk, name, {"cache_type_v": "f16", "ctx_size": 1024, "device": ()}[name])
    _load(real)


def test_closing_ends_the_processes(tmp_path: Path):
    real = Real(tmp_path)
    real.open()
    real.ask("Hello")
    real.until(lambda: real.desk.state.plan is not None)
    pids = [real.desk.driver.pid, real.desk.planner_child.pid]
    assert all(pid is not None and psutil.pid_exists(pid) for pid in pids)
    real.desk.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def _kill_and_reload(real: Real, kept: list[str]) -> None:
    real.kill_engine()
    real.until(lambda: real.desk.state.engine.phase is Phase.ENDED)
    real.until(lambda: real.desk.state.streaming is None)
    assert [message.content for message in real.messages] == kept
    _reload(real)


def _reload(real: Real) -> None:
    ended = real.desk.state.engine.ended
    assert ended is not None
    assert ended.message
    actions.reload_engine(real.desk)
    real.until(lambda: real.desk.state.engine.phase is Phase.READY)


def _load(real: Real) -> None:
    actions.load_model(real.desk)
    real.until(lambda: real.desk.state.engine.phase is Phase.READY)
