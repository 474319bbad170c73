"""`kvdesk chat` as programs read it and as people use it."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.ggufs import make_model

ROOT = Path(__file__).parent.parent.parent
FACT = "The code for the blue box is 48213."
QUESTION = "What is the code for the blue box?"
WAIT_S = 60.0  # longer than anything takes on a busy machine

pytestmark = pytest.mark.llama


def of(ran, event):
    """The JSON objects of one kind."""
    return [each for each in ran.objects if each.get("event") == event]


@pytest.mark.parametrize("cache_type", ["f16", "q8_0", "q4_0"])
def test_two_turns_as_json(kvdesk, cache_type):
    words = ["-ctk", cache_type, "-ctv", cache_type, "--temp", "0", "-t", "1", "--json"]
    ran = kvdesk("chat", "demo", "-p", FACT, "-p", QUESTION, *words)
    assert (ran.status, ran.err) == (0, "")
    first, second = of(ran, "turn")
    assert "48213" in second["text"]
    assert second["reused_tokens"] == first["prompt_tokens"] + first["completion_tokens"]
    assert (second["reread_tokens"], second["reread_reason"]) == (0, "")
    assert "".join(token["text"] for token in of(ran, "token")) == first["text"] + second["text"]
    (loaded,) = of(ran, "loaded")
    assert loaded["options"]["cache_type_k"] == loaded["options"]["cache_type_v"] == cache_type
    assert [each["degree"] for each in of(ran, "memory")] == ["estimate", "measurement", "cache", "cache"]
    estimated, measured, *_ = of(ran, "memory")
    assert estimated["totals"]["k_bytes"] == measured["totals"]["k_bytes"] > 0


def test_a_turn_needs_nothing_but_the_defaults(kvdesk):
    ran = kvdesk("chat", "demo", "-p", FACT, "-p", QUESTION)
    assert ran.status == 0
    assert "48213" in ran.out.splitlines()[-1]
    assert "Estimate: " in ran.err
    assert "tokens reused" in ran.err


def test_the_contract_names_every_key_of_a_turn(kvdesk):
    ran = kvdesk("chat", "demo", "-p", "Hi", "--json", "-n", "3", "--seed", "1", "-sys", "Be brief.")
    (turn,) = of(ran, "turn")
    assert set(turn) >= {
        "text", "prompt_tokens", "reused_tokens", "reread_reason", "completion_tokens", "prefill_s",
        "decode_s", "stop_reason",
    }  # fmt: skip
    assert turn["stop_reason"] == "length"
    assert turn["completion_tokens"] == 3


def test_piped_lines_are_messages_and_commands(kvdesk):
    lines = [
        FACT,
        "",
        "/nope",
        "/system Be brief.",
        "/again",
        QUESTION,
        "/clear",
        "/again",
        "/help",
        "/quit",
        "no",
    ]
    ran = kvdesk("chat", "demo", "--temp", "0", "-t", "1", stdin="\n".join(lines))
    assert ran.status == 0
    answers = ran.out.splitlines()
    assert len(answers) == 3
    assert "48213" in answers[2]
    assert "There is no command /nope" in ran.err
    assert "the conversation was changed" not in ran.err.split("System prompt set.")[0]
    assert "A new conversation.\nThere is nothing to answer yet." in ran.err
    assert "/system TEXT" in ran.err


def test_a_backslash_goes_on_in_the_next_line(kvdesk):
    ran = kvdesk("chat", "demo", "--temp", "0", stdin=f"{FACT} \\\n{QUESTION}\n")
    assert len(ran.out.splitlines()) == 1
    assert "48213" in ran.out


def test_what_cannot_fit_is_refused_with_what_would(kvdesk):
    ran = kvdesk("chat", "demo", "-c", "100000000", "-p", "Hi", "--json")
    assert ran.status == 2
    (error,) = (each["error"] for each in ran.objects)
    assert error["kind"] == "DoesNotFit"
    assert re.search(r"needs [\d,.]+ GiB with 100,000,000 tokens", error["message"])
    assert "-c 4096 -ctk f16 -ctv f16" in error["hint"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://127.0.0.1:9/model.gguf"], "can be planned for, but not run"),
        (["nowhere.gguf"], "nowhere.gguf"),
        (["demo", "-fa", "off", "-ctv", "q8_0"], "flash attention"),
        (["demo", "--repeat-penalty", "0"], "divide by zero"),
    ],
)
def test_what_cannot_be_run_is_two_lines(kvdesk, words, said):
    ran = kvdesk("chat", *words, "-p", "Hi")
    assert ran.status == 2
    message, hint = ran.err.splitlines()[-2:]
    assert said.lower() in f"{message} {hint}".lower()


class Terminal:
    """A chat in a terminal of its own."""

    def __init__(self, *words, before=lambda: None):
        import pty

        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kvdesk", "chat", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, "LANGUAGE": "en", "TERM": "dumb"},
            start_new_session=True,
            # As a terminal starts it: what a script runs in the background inherits a Ctrl-C that is ignored.
            preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.SIG_DFL), before()),
        )
        os.close(theirs)
        self.seen = ""

    def type(self, text):
        os.write(self._ours, text.encode())

    def interrupt(self):
        """What Ctrl-C in a terminal sends."""
        os.kill(self.process.pid, signal.SIGINT)

    def interrupt_until(self, is_met):
        """Ctrl-C as often as it takes: Python misses one that comes just before readline begins to wait."""
        deadline = time.monotonic() + WAIT_S
        while not is_met():
            assert time.monotonic() < deadline, self.seen[-2000:]
            self.interrupt()
            again_at = time.monotonic() + 5.0
            while not is_met() and (left := again_at - time.monotonic()) > 0:
                ready, _, _ = select.select([self._ours], [], [], min(left, 0.1))
                with contextlib.suppress(OSError):
                    self.seen += os.read(self._ours, 65536).decode(errors="replace") if ready else ""

    def wait_for(self, text, times=1):
        """Read until a text has been seen so many times."""
        self.wait_until(lambda: self.seen.count(text) >= times, repr(text))

    def wait_until(self, is_met, what):
        """Read until a condition is met."""
        deadline = time.monotonic() + WAIT_S
        while not is_met():
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {what} in ...{self.seen[-2000:]!r}"
            try:
                self.seen += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:  # Linux's way to say that the other side is gone
                assert is_met(), f"no {what} in ...{self.seen[-2000:]!r}"

    @property
    def engine(self):
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal():
    """Start chats in terminals."""
    started = []

    def start(*words, **options):
        started.append(Terminal(*words, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()


unix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")


@unix
def test_the_engine_may_die_and_the_chat_goes_on(terminal):
    chat = terminal("demo", "--temp", "0", "-t", "1")
    chat.wait_for("> ")
    chat.type(f"{FACT}\n")
    chat.wait_for("tokens reused")
    dead = chat.engine
    dead.kill()
    dead.wait(WAIT_S)
    chat.type(f"{QUESTION}\n")
    chat.wait_for("Load it again as it was and go on.")
    assert "engine" in chat.seen.lower()
    chat.type("y\n")
    chat.wait_for("48213.", times=2)  # typed before, answered now
    chat.wait_for("read again: the model was loaded anew")
    chat.type("/quit\n")
    assert chat.process.wait(WAIT_S) == 0


@unix
def test_ctrl_c_stops_an_answer_and_twice_leaves(terminal, tmp_path):
    endless = make_model("gemma2", tmp_path, seed=0)
    chat = terminal(str(endless), "--temp", "0", "-t", "1", "-c", "16384")
    chat.wait_for("> ")
    chat.type("Go on.\n")
    chat.wait_until(lambda: len(chat.seen.partition("Go on.")[2].strip()) > 8, "answer")
    chat.interrupt()
    chat.wait_for(" · stopped]")
    chat.type("/clear\n")
    chat.wait_for("A new conversation.")
    chat.wait_for("> ", times=3)
    chat.interrupt_until(lambda: "Ctrl-C again leaves." in chat.seen)
    chat.interrupt_until(lambda: chat.process.poll() is not None)
    assert chat.process.returncode == 130


@unix
def test_an_engine_that_dies_in_an_answer_is_named(tmp_path):
    endless = make_model("gemma2", tmp_path, seed=0)
    words = [str(endless), "--temp", "0", "-t", "1", "-c", "16384", "-p", "Go on.", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kvdesk", "chat", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "LANGUAGE": "en"},
    )
    assert process.stdout is not None
    while '"event":"token"' not in (line := process.stdout.readline()):
        assert line, process.communicate(timeout=WAIT_S)[1]  # it ended before its first word
    (engine,) = psutil.Process(process.pid).children()
    engine.kill()
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    error = json.loads(out.splitlines()[-1])["error"]
    assert error["kind"] == "Crashed"
    assert "killed" in error["message"]
    assert error["hint"]
    assert "Traceback" not in err
