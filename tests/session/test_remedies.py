"""Failures with real causes: what the user is told, and the one step that brings the chat back."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kvdesk.engine.protocol import Event, LoadProgress, PrefillProgress
from kvdesk.plan.remedy import AGAIN
from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions, remedies
from kvdesk.session.state import Notice, Phase
from tests.ggufs import make_model
from tests.rpc_servers import two_servers
from tests.session.test_real_engine import Real

SHORT = Sampling(max_tokens=4, temperature=0.0)

resource = pytest.importorskip("resource")

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(sys.platform != "linux", reason="limits another process's address space"),
]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    real = Real(tmp_path)
    yield real
    real.desk.close()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose load, prefill and answers last long enough to be interrupted."""
    sizes = {"n_layer": 8, "n_embd": 1024, "n_head": 16, "n_head_kv": 4, "n_ff": 4096}
    return make_model("llama", tmp_path_factory.mktemp("slow"), file_type="f16", **sizes)


def limit(real: Real, extra_bytes: int) -> None:
    """Let the engine take this much more address space, and no more."""
    pid = real.desk.driver.pid
    assert pid is not None
    size = psutil.Process(pid).memory_info().vms + extra_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))


def unlimit(real: Real) -> None:
    pid = real.desk.driver.pid
    if pid is not None and psutil.pid_exists(pid):
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def told(real: Real) -> Notice:
    """What the user is told, once a step is offered with it."""
    real.until(lambda: remedies.offered(real.desk) is not None)
    notice = real.desk.state.engine.ended or real.desk.state.notice
    assert notice is not None
    return notice


def started(real: Real) -> None:
    """An engine with the demo model loaded, whose limits can be set."""
    real.open()
    real.ask("Hello")


def goes_on(real: Real) -> None:
    """The step that is offered is taken: the last message has an answer, and nothing else was lost."""
    questions = [m.content for m in real.messages if m.role == "user"]
    actions.take_remedy(real.desk)
    real.until(
        lambda: real.desk.state.engine.loaded is not None and real.desk.state.engine.phase is Phase.READY
    )
    real.until(lambda: real.messages[-1].role == "assistant" and not real.messages[-1].is_partial)
    assert [m.content for m in real.messages if m.role == "user"] == questions


def test_no_memory_for_the_cache_names_it_and_a_smaller_one_is_loaded(real: Real):
    started(real)
    actions.set_option(real.desk, "ctx_size", 65536)
    limit(real, 120 * 2**20)
    actions.load_model(real.desk)
    notice = told(real)
    assert "the K and V cache" in notice.message
    remedy = notice.remedy
    assert remedy is not None
    assert (remedy.options.cache_type_k, remedy.options.ctx_size) == ("q8_0", 65536)
    unlimit(real)
    goes_on(real)
    assert real.desk.state.engine.loaded.options.cache_type_k == "q8_0"


def test_no_memory_for_the_compute_buffer_offers_a_smaller_ubatch(real: Real):
    started(real)
    changes = {"ctx_size": 8192, "batch_size": 8192, "ubatch_size": 8192}
    for name, value in changes.items():
        actions.set_option(real.desk, name, value)
    limit(real, 60 * 2**20)
    actions.load_model(real.desk)
    notice = told(real)
    assert "buffer" in notice.message
    assert notice.remedy is not None
    assert notice.remedy.options.ubatch_size == 4096


def test_a_killed_engine_is_loaded_again_and_the_answer_is_there(real: Real, slow_model: Path):
    real.open(str(slow_model))
    actions.send_message(real.desk, "Once upon a time")
    real.until(lambda: real.desk.state.engine.phase is Phase.DECODE)
    real.kill_engine()
    notice = told(real)
    assert notice.remedy is not None
    assert notice.remedy.sentence == AGAIN
    goes_on(real)


@pytest.mark.parametrize("word", [LoadProgress, PrefillProgress])
def test_killed_before_the_first_word(real: Real, slow_model: Path, word: type[Event]):
    real.open(str(slow_model))
    for name, value in {"mmap": False, "ubatch_size": 32}.items():
        actions.set_option(real.desk, name, value)
    actions.set_sampling(real.desk, SHORT)
    victims: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, word) and not victims:
            victims.append(real.desk.driver.pid)
            os.kill(victims[0], signal.SIGKILL)

    real.hear = kill
    actions.send_message(real.desk, "word " * 200)
    notice = told(real)
    assert "killed" in notice.message
    goes_on(real)


def test_no_memory_for_the_weights_has_them_mapped(real: Real, slow_model: Path):
    started(real)
    actions.open_model(real.desk, str(slow_model))
    real.until(lambda: real.desk.state.model.path == str(slow_model) and not real.desk.state.opening)
    actions.set_option(real.desk, "mmap", False)
    limit(real, 100 * 2**20)
    actions.load_model(real.desk)
    notice = told(real)
    assert "the weights" in notice.message
    assert notice.remedy is not None
    assert dict(notice.remedy.changes) == {"mmap": True}
    unlimit(real)
    goes_on(real)


def test_no_memory_in_the_middle_of_a_prompt_offers_a_smaller_ubatch(real: Real, slow_model: Path):
    real.open(str(slow_model))
    for name, value in {"ubatch_size": 2048, "threads": 2}.items():
        actions.set_option(real.desk, name, value)
    actions.set_sampling(real.desk, SHORT)
    real.ask("Hello")
    limit(real, 0)
    actions.send_message(real.desk, "word " * 600)
    notice = told(real)
    assert notice.message == "Not enough memory for the computation."
    assert notice.remedy is not None
    assert dict(notice.remedy.changes) == {"ubatch_size": 1024}
    goes_on(real)
    assert real.desk.state.engine.loaded.options.ubatch_size == 1024


def test_the_trained_context_that_is_too_much_is_halved(real: Real, tmp_path: Path):
    started(real)
    model = str(make_model("llama", tmp_path, keys={"context_length": 262144}))
    actions.open_model(real.desk, model)
    real.until(lambda: real.desk.state.model.path == model and not real.desk.state.opening)
    for name, value in {"ctx_size": 0, "cache_type_k": "q4_0", "cache_type_v": "q4_0"}.items():
        actions.set_option(real.desk, name, value)
    limit(real, 12 * 2**20)
    actions.load_model(real.desk)
    notice = told(real)
    assert "the K and V cache" in notice.message
    assert notice.remedy is not None
    assert dict(notice.remedy.changes) == {"ctx_size": 131072}
    unlimit(real)
    goes_on(real)
    assert real.desk.state.engine.loaded.n_ctx_seq == 131072


def test_a_server_that_dies_in_an_answer_is_named_and_done_without(real: Real, slow_model: Path):
    with two_servers() as servers:
        real.open(str(slow_model))
        actions.set_option(real.desk, "rpc", tuple(server.endpoint for server in servers))
        actions.send_message(real.desk, "Once upon a time")
        real.until(lambda: real.desk.state.engine.phase is Phase.DECODE)
        servers[1].kill()
        notice = told(real)
        assert f"{servers[1].endpoint} is gone" in notice.message
        assert notice.remedy is not None
        assert notice.remedy.options.rpc == (servers[0].endpoint,)
        goes_on(real)


def test_an_abort_is_told_in_ggmls_words_and_the_chat_is_whole(real: Real, tmp_path: Path):
    started(real)
    said = real.messages
    # A header that contradicts itself where nothing but an assertion looks: dry run and load end by it.
    broken = make_model("qwen2", tmp_path, keys={"rope.dimension_count": 128})
    actions.open_model(real.desk, str(broken))
    real.until(lambda: real.desk.state.model.path == str(broken) and not real.desk.state.opening)
    actions.load_model(real.desk)
    real.until(lambda: real.desk.state.engine.ended is not None)
    ended = real.desk.state.engine.ended
    assert ended.message == "llama.cpp aborted: GGML_ASSERT(n_embd_head == n_rot) failed"
    assert ended.remedy is None  # with plain options the same load would end the same
    assert real.messages == said
    actions.open_model(real.desk, "demo")
    real.until(lambda: real.desk.state.model.path != str(broken) and not real.desk.state.opening)
    assert real.ask("And now?").content


def test_a_file_that_is_cut_under_the_model_is_named(real: Real, slow_model: Path, tmp_path: Path):
    cut = tmp_path / "cut.gguf"
    shutil.copy(slow_model, cut)
    real.open(str(cut))
    actions.set_sampling(real.desk, SHORT)
    real.ask("Hello")
    said = real.messages
    os.truncate(cut, 2**20)
    actions.send_message(real.desk, "Once upon a time")
    assert "cut short" in told(real).message
    actions.take_remedy(real.desk)
    real.until(lambda: real.desk.state.engine.phase is Phase.IDLE and real.desk.state.notice is not None)
    assert "cut short" in real.desk.state.notice.message
    assert real.messages[: len(said)] == said


def test_a_stopped_engine_is_noticed_named_and_replaced(
    real: Real, slow_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remedies, "SILENT_S", 0.5)
    real.open(str(slow_model))
    actions.send_message(real.desk, "Once upon a time")
    real.until(lambda: real.desk.state.engine.phase is Phase.DECODE)
    pid = real.desk.driver.pid
    os.kill(pid, signal.SIGSTOP)
    notice = told(real)
    assert "stopped working" in notice.message
    goes_on(real)
    assert real.desk.driver.pid != pid


def test_a_hang_that_passes_takes_its_notice_with_it(
    real: Real, slow_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remedies, "SILENT_S", 0.5)
    real.open(str(slow_model))
    actions.send_message(real.desk, "Once upon a time")
    real.until(lambda: real.desk.state.engine.phase is Phase.DECODE)
    pid = real.desk.driver.pid
    os.kill(pid, signal.SIGSTOP)
    told(real)
    os.kill(pid, signal.SIGCONT)
    real.until(lambda: real.desk.state.notice is None)
    assert real.desk.driver.pid == pid
