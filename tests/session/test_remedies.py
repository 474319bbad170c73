"""Failures with real causes: what the user is told, and the one step that brings the chat back."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kvdesk.plan.remedy import AGAIN
from kvdesk.session import actions, remedies
from kvdesk.session.state import Notice, Phase
from tests.ggufs import make_model
from tests.session.test_real_engine import Real

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
