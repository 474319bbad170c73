"""Failures with real causes under `kvdesk chat` and `kvdesk serve`: what is said, and what is asked."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from kvdesk.cli import chat_conversation
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import LoadProgress, PrefillProgress
from tests.cli.test_chat import ROOT, WAIT_S, terminal  # noqa: F401 - a fixture
from tests.ggufs import make_model

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(sys.platform != "linux", reason="signals and limits as Linux has them"),
]

# At this context the caches take 320 MiB with f16 and 170 with q8_0; the engine has 115 before.
LARGE = ("demo", "-c", "131072", "-ub", "64", "-t", "1")
LIMIT_BYTES = 375 * 2**20


@pytest.fixture
def few_arenas(monkeypatch):
    """Of address space each thread's heap would reserve 64 MiB."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")


def limited():
    """Let a process, and those it starts, have no more address space."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))


@pytest.mark.parametrize("word", [LoadProgress, PrefillProgress])
def test_an_engine_that_is_killed_before_the_first_word_is_named(kvdesk, tmp_path, monkeypatch, word):
    model = make_model("llama", tmp_path, n_embd=512, n_ff=2048)

    class Killed(EngineClient):
        def __init__(self, emit, **names):
            super().__init__(lambda event: (self.kill_at(event), emit(event)), **names)

        def kill_at(self, event):
            if isinstance(event, word):
                os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(chat_conversation, "EngineClient", Killed)
    ran = kvdesk("chat", str(model), "-t", "1", "-ub", "32", "--no-mmap", "-p", "word " * 200, "--json")
    assert ran.status == 2
    error = ran.objects[-1]["error"]
    assert error["kind"] == "Crashed"
    assert "killed (SIGKILL)" in error["message"]
    assert "memory is short" in error["hint"]
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("few_arenas")
def test_memory_that_runs_out_at_the_first_load_is_a_question(terminal):  # noqa: F811 - the fixture
    chat = terminal(*LARGE, before=limited)
    chat.wait_for("Load it with K as q8_0 and V as q8_0 and go on. [Y/n] ")
    assert "Not enough memory for the K and V cache" in chat.seen
    chat.type("y\n")
    chat.wait_for("\n> ")
    chat.type("/quit\n")
    assert chat.process.wait(WAIT_S) == 0


@pytest.mark.usefixtures("few_arenas")
def test_a_no_ends_the_chat(terminal):  # noqa: F811 - the fixture
    chat = terminal(*LARGE, before=limited)
    chat.wait_for("[Y/n] ")
    chat.type("n\n")
    assert chat.process.wait(WAIT_S) == 130


@pytest.mark.usefixtures("few_arenas")
def test_where_nobody_can_be_asked_the_flags_are_named():
    done = subprocess.run(
        [sys.executable, "-m", "kvdesk", "chat", *LARGE, "-p", "Hello", "--json"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "LANGUAGE": "en"},
        preexec_fn=limited,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 2
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert error["kind"] == "OutOfMemory"
    assert "the K and V cache" in error["message"]
    assert "Add --cache-type-k q8_0 --cache-type-v q8_0 to the command" in error["hint"]


def test_a_file_that_is_cut_short_is_two_lines(kvdesk, tmp_path):
    model = make_model("llama", tmp_path)
    os.truncate(model, model.stat().st_size - 100)
    ran = kvdesk("chat", str(model), "-p", "Hello")
    assert ran.status == 2
    message, hint = ran.err.splitlines()
    assert model.name in message
    assert hint


def test_ctrl_c_ends_serve_and_its_engine():
    process = subprocess.Popen(
        [sys.executable, "-m", "kvdesk", "serve", "demo", "--port", "0", "-t", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "LANGUAGE": "en"},
        # As a terminal starts it: what a script runs in the background inherits a Ctrl-C that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while '"event":"serving"' not in (line := process.stdout.readline()):
        assert line, process.communicate(timeout=WAIT_S)[1]
    (engine,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert err == ""
    assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE
