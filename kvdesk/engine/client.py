"""The engine process as the rest of the program holds it: commands in, events out, and a named end."""

import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue

import msgspec

from kvdesk import errors
from kvdesk.engine import autopsy
from kvdesk.engine.protocol import (
    PROTOCOL_VERSION,
    Cancel,
    CancelledEvent,
    Command,
    EngineExited,
    Event,
    ExitCause,
    Failed,
    Hello,
    LoadProgress,
    MessagesDropped,
    Park,
    PrefillProgress,
    Quit,
    Rebuild,
    RebuildProgress,
    RehearsalProgress,
    Resume,
    TextPiece,
    decode_event,
    encode,
)

TAIL_LINES = 200  # of stderr, kept for the report of an end
HELLO_TIMEOUT_S = 60.0  # a first start reads hundreds of MB of GPU libraries from a cold disk
CANCEL_TIMEOUT_S = 2.0
COPY_TIMEOUT_S = 120.0  # the library copies a cache of many GiB in one call, which nothing can stop
CONNECT_TIMEOUT_S = 2.0  # to an RPC server, asked whether it is the one that is gone
NICENESS = 5  # of a process that gives way: a third of the processor's time beside others that want it
DRAIN_TIMEOUT_S = 1.0  # for stderr, which a grandchild may hold open

_HELLO = 0  # the deadline of the greeting; ids of commands begin at 1
COPYING = (Rebuild, Park, Resume)
# Events that are not the last one of their command.
PROGRESS = (
    LoadProgress,
    PrefillProgress,
    TextPiece,
    MessagesDropped,
    RebuildProgress,
    RehearsalProgress,
    Hello,
)


def default_command() -> list[str]:
    """How to start the engine: this interpreter, or, in a bundle, this program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "engine"]
    return [sys.executable, "-m", "kvdesk.engine.worker"]


def _environment() -> dict[str, str]:
    """Ours, with large allocations on huge pages where glibc can (Linux).

    A dry run really allocates recurrent state and clears it: with 4 KiB pages that is 40 of the 60 ms that a
    hybrid of 35 B parameters takes, with 2 MiB pages next to nothing.
    """
    environment = dict(os.environ)
    if sys.platform == "linux":
        tunables = environment.get("GLIBC_TUNABLES", "")
        environment["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, "glibc.malloc.hugetlb=1")))
    return environment


class EngineClient:
    """Starts the engine process and talks to it; serves one process from start to end.

    `emit` gets every event, from threads of the client's; the last is always one `EngineExited`. `command`
    starts the engine (also `ssh host kvdesk engine`). `name` goes into the names of the threads. A process
    that `gives_way` has the lower priority: what it is asked may wait for the window to be drawn.
    A process that does not greet in time, or does not obey a cancel, is ended as not responding.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        command: Sequence[str] | None = None,
        name: str = "engine",
        *,
        gives_way: bool = False,
        hello_timeout_s: float = HELLO_TIMEOUT_S,
        cancel_timeout_s: float = CANCEL_TIMEOUT_S,
        copy_timeout_s: float = COPY_TIMEOUT_S,
    ) -> None:
        self.exited: EngineExited | None = None
        self._emit = emit
        self._command = list(command) if command is not None else default_command()
        self._name = name
        self._gives_way = gives_way
        self._hello_timeout_s = hello_timeout_s
        self._cancel_timeout_s = cancel_timeout_s
        self._copy_timeout_s = copy_timeout_s
        self._ids = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._waiting: dict[int, SimpleQueue[Event]] = {}
        self._deadlines: dict[int, threading.Timer] = {}
        self._unanswered: dict[int, float] = {}  # ids, and how long each may take to obey a cancel
        self._verdict: ExitCause | None = None
        self._refusal = ""  # why we will not talk to this process
        self._said_hello = False

    # ------------------------------------------------------------------------------------- the process

    @property
    def pid(self) -> int | None:
        """The process's id; None before the start."""
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        """Whether the process has been started and its end has not been reported."""
        return self._process is not None and self.exited is None

    def start(self) -> None:
        """Start the process. That it cannot be started is reported as its end, like any other."""
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows alone has them
        if self._gives_way:
            flags |= getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                creationflags=flags,
            )
        except OSError as error:
            self._finish(autopsy.exited(-1, [str(error)], verdict="start_failed"))
            return
        if self._gives_way and os.name == "posix":
            niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
            with suppress(OSError):  # it has ended already
                os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        self._set_deadline(_HELLO, self._hello_timeout_s)
        stderr = self._thread("stderr", self._read_stderr)
        self._thread("writer", self._write)
        self._thread("events", self._read_events, stderr)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask the process to quit, and kill it if it has not ended in time. Returns when it is reported."""
        if self._process is None:
            return
        self._verdict = self._verdict or "quit"
        self.send(Quit(id=self.next_id()))
        self._outgoing.put(None)
        if not self._join(timeout_s):
            self.kill()

    def kill(self) -> None:
        """End the process at once. Returns when its end is reported."""
        if self._process is None:
            return
        self._verdict = self._verdict or "quit"
        self._process.kill()
        self._join(None)

    def give_up(self) -> None:
        """End a process that does not answer; that is then the cause of its end."""
        if self._process is not None and self.exited is None:
            self._verdict = self._verdict or "not_responding"
            self._process.kill()

    # ------------------------------------------------------------------------------------ the commands

    def next_id(self) -> int:
        """An id for the next command."""
        return next(self._ids)

    def send(self, command: Command) -> None:
        """Send a command; never blocks. After the end of the process it goes nowhere."""
        if isinstance(command, Cancel):
            self._set_deadline(command.target, self._unanswered.get(command.target, self._cancel_timeout_s))
        else:
            copies = isinstance(command, COPYING)
            self._unanswered[command.id] = self._copy_timeout_s if copies else self._cancel_timeout_s
        self._outgoing.put(encode(command))

    def request(
        self,
        command: Command,
        timeout_s: float | None = None,
        on_progress: Callable[[Event], None] | None = None,
    ) -> Event:
        """Send a command and wait for its final event; for callers that may block.

        `on_progress` gets the events before it. Raises the KvDeskError named in `Failed`, the one for an end
        of the process, Cancelled, and NotResponding when `timeout_s` passes (the process is then ended).
        """
        events: SimpleQueue[Event] = SimpleQueue()
        with self._lock:
            self._waiting[command.id] = events
            if self.exited is not None:
                events.put(self.exited)
        self.send(command)
        try:
            while isinstance(event := events.get(timeout=timeout_s), PROGRESS):
                if on_progress is not None:
                    on_progress(event)
        except Empty:
            self.give_up()
            raise errors.NotResponding(
                "The engine did not answer within {seconds:g} s.", "Try again.", seconds=timeout_s
            ) from None
        finally:
            with self._lock:
                del self._waiting[command.id]
        return raise_failure(event)

    # ------------------------------------------------------------------------------------- the threads

    def _thread(self, name: str, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, name=f"{self._name}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _write(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # the process is gone; its end is reported elsewhere
            while (line := self._outgoing.get()) is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        with suppress(OSError):
            self._process.stdin.close()

    def _read_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self._tail.append(line.decode("utf-8", "replace").rstrip())

    def _read_events(self, stderr: threading.Thread) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._hear(line)
        self._outgoing.put(None)
        try:
            self._process.wait(self._cancel_timeout_s)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            self._process.kill()
            self._process.wait()
        stderr.join(DRAIN_TIMEOUT_S)
        end = autopsy.exited(
            self._process.returncode,
            [self._refusal] if self._refusal else tuple(self._tail),
            verdict=self._verdict,
            said_hello=self._said_hello,
            answers=_answers,
        )
        self._finish(end)

    def _hear(self, line: bytes) -> None:
        try:
            event = decode_event(line)
        except msgspec.DecodeError:
            self._refuse(line)
            return
        if isinstance(event, Hello):
            if event.protocol != PROTOCOL_VERSION:
                self._refuse(line)
                return
            self._said_hello = True
            self._clear_deadline(_HELLO)
        elif not isinstance(event, PROGRESS):
            self._unanswered.pop(event.id, None)
            self._clear_deadline(event.id)
        with self._lock:
            waiting = self._waiting.get(event.id)
        if waiting is not None:
            waiting.put(event)
        self._emit(event)

    def _refuse(self, line: bytes) -> None:
        """A line that is no event: another protocol's greeting ends the process, noise goes to the tail."""
        try:
            greeting = msgspec.json.decode(line, type=_AnyHello)
        except msgspec.DecodeError:
            self._tail.append(line.decode("utf-8", "replace").rstrip())
            return
        if greeting.event == "hello" and self._process is not None:
            self._verdict = self._verdict or "start_failed"
            self._refusal = f"it speaks protocol {greeting.protocol}, this program {PROTOCOL_VERSION}."
            self._process.kill()

    def _finish(self, end: EngineExited) -> None:
        with self._lock:
            self.exited = end
            waiting = list(self._waiting.values())
            deadlines = list(self._deadlines.values())
            self._deadlines.clear()
        for timer in deadlines:
            timer.cancel()
            timer.join()
        for events in waiting:
            events.put(end)
        self._emit(end)

    def _join(self, timeout_s: float | None) -> bool:
        """Wait for the client's threads, unless one of them is asking; False when they are still at work."""
        if threading.current_thread() in self._threads:
            return timeout_s is None
        for thread in reversed(self._threads):  # that of the events, which ends last, first
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    # ----------------------------------------------------------------------------------- the deadlines

    def _set_deadline(self, key: int, seconds: float) -> None:
        timer = threading.Timer(seconds, self.give_up)
        timer.daemon = True
        timer.name = f"{self._name}-deadline-{key}"
        with self._lock:
            # A command that has been answered has nothing left to obey.
            is_open = key == _HELLO or key in self._unanswered
            if self.exited is not None or key in self._deadlines or not is_open:
                return
            self._deadlines[key] = timer
            timer.start()  # under the lock: who takes it out of there joins it

    def _clear_deadline(self, key: int) -> None:
        with self._lock:
            timer = self._deadlines.pop(key, None)
        if timer is not None:
            timer.cancel()
            timer.join()


def _answers(server: str) -> bool:
    """Whether somebody listens at "host:port"."""
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True


class _AnyHello(msgspec.Struct):
    event: str
    protocol: int


_ERRORS_OF_ENDS: dict[ExitCause, type[errors.EngineError]] = {
    "out_of_memory": errors.OutOfMemory,
    "start_failed": errors.StartFailed,
    "not_responding": errors.NotResponding,
}


def raise_failure(event: Event) -> Event:
    """Return the event, or raise the error that it stands for."""
    if isinstance(event, CancelledEvent):
        raise errors.Cancelled
    if isinstance(event, EngineExited):
        raise _ERRORS_OF_ENDS.get(event.cause, errors.Crashed)(event.message, event.hint)
    if isinstance(event, Failed):
        kind = getattr(errors, event.kind, errors.EngineError)
        raise kind(event.message, event.hint)
    return event
