"""The client names every end of the process, once, and leaves nothing behind."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvdesk.engine.client import NICENESS
from kvdesk.engine.protocol import (
    AskCache,
    Cancel,
    Command,
    EngineExited,
    Hello,
    Park,
    TextPiece,
    Unload,
    Unloaded,
)
from kvdesk.errors import Crashed, NotResponding, OutOfMemory, StartFailed

Start = Callable[..., Any]


def ends(client: Any) -> EngineExited:
    """The end of a client's process, which is its last event and the only one of its kind."""
    end = client.wait_for(EngineExited)
    assert client.events[-1] is end
    assert [e for e in client.events if isinstance(e, EngineExited)] == [end]
    assert not client.is_running()
    return end


def test_events_arrive_in_order_and_the_answer_is_the_last(fake_engine: Start) -> None:
    client = fake_engine("streams")
    pieces: list[Any] = []
    answer = client.request(Unload(id=client.next_id()), 60, pieces.append)
    assert isinstance(answer, Unloaded)
    assert [piece.text for piece in pieces] == [f"{n} " for n in range(1000)]
    assert [e for e in client.events if isinstance(e, TextPiece)] == pieces


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors cannot be counted here")
def test_no_descriptor_is_left_open(fake_engine: Start) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    fake_engine("well").stop()  # what is opened once for all, is now
    before = open_descriptors()
    for behaviour in ("well", "ignores quit", "exits at once", "aborts"):
        client = fake_engine(behaviour)
        client.send(Unload(id=client.next_id()))
        client.stop(timeout_s=0.1)
        ends(client)
    assert open_descriptors() <= before


@pytest.mark.skipif(os.name != "posix", reason="elsewhere it is a class, given at the start")
def test_a_process_that_gives_way_has_the_lower_priority(fake_engine: Start) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for gives_way, niceness in ((False, own), (True, max(own, NICENESS))):
        client = fake_engine("well", gives_way=gives_way)
        client.wait_for(Hello)
        assert os.getpriority(os.PRIO_PROCESS, client.pid) == niceness


def test_stop_is_a_quit(fake_engine: Start) -> None:
    client = fake_engine("well")
    client.wait_for(Hello)
    client.stop()
    end = ends(client)
    assert end.cause == "quit"
    assert end.exit_code == 0


def test_stop_kills_what_does_not_quit(fake_engine: Start) -> None:
    client = fake_engine("ignores quit")
    client.wait_for(Hello)
    client.stop(timeout_s=0.1)
    assert ends(client).cause == "quit"


def test_stop_before_the_greeting(fake_engine: Start) -> None:
    client = fake_engine("never greets")
    client.stop(timeout_s=0.1)
    assert ends(client).cause == "quit"


def test_stop_twice_and_send_afterwards(fake_engine: Start) -> None:
    client = fake_engine("well")
    client.stop()
    client.stop()
    client.send(AskCache(id=client.next_id()))
    with pytest.raises(Crashed):
        client.request(AskCache(id=client.next_id()))
    assert ends(client).cause == "quit"


def test_noise_among_the_events_is_kept_and_does_no_harm(fake_engine: Start) -> None:
    client = fake_engine("noise")
    client.request(Unload(id=client.next_id()), 60)
    client.stop()
    assert "llama.cpp printed this" in ends(client).stderr_tail


@pytest.mark.parametrize(
    ("behaviour", "cause", "error", "words"),
    [
        ("half a line", "crashed", Crashed, "status 3"),
        ("aborts", "aborted", Crashed, "GGML_ASSERT(n_outputs <= n_max)"),
        ("out of memory", "out_of_memory", OutOfMemory, "1,024 MiB could not be allocated (CPU)"),
        ("exits at once", "start_failed", StartFailed, "No module named 'llama_cpp'"),
    ],
)
def test_an_end_of_its_own(
    fake_engine: Start, behaviour: str, cause: str, error: type[Exception], words: str
) -> None:
    client = fake_engine(behaviour)
    with pytest.raises(error):
        client.request(Unload(id=client.next_id()), 60)
    end = ends(client)
    assert end.cause == cause
    assert words in end.message
    assert end.hint


def test_a_process_that_closes_its_output_is_ended(fake_engine: Start) -> None:
    client = fake_engine("closes its output", cancel_timeout_s=0.1)
    client.send(Unload(id=client.next_id()))
    ends(client)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("number", "cause", "words"),
    [
        (signal.SIGKILL, "killed", "SIGKILL"),
        (signal.SIGTERM, "killed", "SIGTERM"),
        (signal.SIGSEGV, "crashed", "SIGSEGV"),
    ],
)
def test_a_signal_is_named(fake_engine: Start, number: int, cause: str, words: str) -> None:
    client = fake_engine("well")
    client.wait_for(Hello)
    os.kill(client.pid, number)
    end = ends(client)
    assert end.cause == cause
    assert words in end.message
    assert end.exit_code == -number


def test_a_greeting_that_does_not_come(fake_engine: Start) -> None:
    end = ends(fake_engine("never greets", hello_timeout_s=0.1))
    assert end.cause == "not_responding"


def test_another_protocol_is_refused(fake_engine: Start) -> None:
    end = ends(fake_engine("other protocol"))
    assert end.cause == "start_failed"
    assert "protocol 99" in end.message


def test_a_program_that_is_not_there(engine: Start) -> None:
    end = ends(engine(["/nowhere/kvdesk"]))
    assert end.cause == "start_failed"
    assert "/nowhere/kvdesk" in end.message


def test_a_cancel_that_is_not_obeyed_ends_the_process(fake_engine: Start) -> None:
    client = fake_engine("never answers", cancel_timeout_s=0.1)
    command: Command = Unload(id=client.next_id())
    client.send(command)
    client.send(Cancel(id=client.next_id(), target=command.id))
    end = ends(client)
    assert end.cause == "not_responding"


def test_a_copy_has_a_time_of_its_own_to_obey(fake_engine: Start) -> None:
    client = fake_engine("never answers", cancel_timeout_s=600, copy_timeout_s=0.1)
    command = Park(id=client.next_id(), chat="a", path="a.kv")
    client.send(command)
    client.send(Cancel(id=client.next_id(), target=command.id))
    assert ends(client).cause == "not_responding"


def test_a_cancel_that_is_obeyed_does_not(fake_engine: Start) -> None:
    client = fake_engine("well", cancel_timeout_s=30)
    command = Unload(id=client.next_id())
    client.send(command)
    client.send(Cancel(id=client.next_id(), target=command.id))
    assert client.wait_for(Unloaded).id == command.id
    client.stop()
    assert ends(client).cause == "quit"


def test_a_cancel_of_what_has_been_answered_sets_no_deadline(fake_engine: Start) -> None:
    client = fake_engine("well")
    command = Unload(id=client.next_id())
    client.request(command, 60)
    client.send(Cancel(id=client.next_id(), target=command.id))
    assert not client._deadlines


def test_a_cancel_that_comes_after_the_answer_does_not(fake_engine: Start) -> None:
    client = fake_engine("well", cancel_timeout_s=0.05)
    command = Unload(id=client.next_id())
    client.request(command, 60)
    client.send(Cancel(id=client.next_id(), target=command.id))
    with pytest.raises(AssertionError):
        client.wait_for(EngineExited, timeout_s=0.5)
    assert isinstance(client.request(Unload(id=client.next_id()), 60), Unloaded)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_request_that_takes_too_long_ends_a_stopped_process(fake_engine: Start) -> None:
    client = fake_engine("well")
    client.wait_for(Hello)
    os.kill(client.pid, signal.SIGSTOP)
    with pytest.raises(NotResponding):
        client.request(Unload(id=client.next_id()), 0.1)
    assert ends(client).cause == "not_responding"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_sending_to_a_stopped_process_does_not_block(fake_engine: Start) -> None:
    client = fake_engine("well")
    client.wait_for(Hello)
    os.kill(client.pid, signal.SIGSTOP)
    for _ in range(20_000):  # far more than a pipe holds
        client.send(AskCache(id=client.next_id()))
    client.kill()
    assert ends(client).cause == "quit"
