"""Commands as they arrive: read in a thread of their own, so that a cancel is heard while llama.cpp works."""

import ctypes
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import BinaryIO

import msgspec

from kvdesk.engine.protocol import Cancel, Command, Quit, decode_command

PATIENCE_S = 2.0  # what a command under way gets to end in, once there is nobody left to answer


class Inbox:
    """The queue between standard input and the thread that works.

    `on_bad_line` gets the id and the reason of a line that is no command. `abort_flag` is a C string that is
    empty until the command under way is to stop: something that C code can look at without Python.
    """

    def __init__(self, stream: BinaryIO, on_bad_line: Callable[[int, str], None]) -> None:
        self.abort_flag = ctypes.create_string_buffer(2)
        self._stream = stream
        self._on_bad_line = on_bad_line
        self._queue: SimpleQueue[Command | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._cancelled: set[int] = set()
        self._running: int | None = None
        self._ended = False

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def next(self) -> Command | None:
        """Wait for the next command and make it the one under way; None when the process is to end."""
        command = self._queue.get()
        if command is not None:
            with self._lock:
                self._waiting.discard(command.id)
                self._running = command.id
                self.abort_flag.value = b"x" if self.is_cancelled() else b""
        return command

    def done(self) -> None:
        """The command under way has been answered."""
        with self._lock:
            if self._running is not None:
                self._cancelled.discard(self._running)
            self._running = None

    def is_cancelled(self) -> bool:
        """Whether the command under way is to stop."""
        return self._ended or self._running in self._cancelled

    def _read(self) -> None:
        for line in self._stream:
            if not line.strip():
                continue
            try:
                command = decode_command(line)
            except msgspec.DecodeError as error:
                self._on_bad_line(_id_of(line), str(error))
                continue
            if isinstance(command, Quit):
                break
            if isinstance(command, Cancel):
                self._cancel(command.target)
                continue
            with self._lock:
                self._waiting.add(command.id)
            self._queue.put(command)
        self._end()

    def _cancel(self, target: int) -> None:
        with self._lock:
            if target != self._running and target not in self._waiting:
                return  # answered already
            self._cancelled.add(target)
            if target == self._running:
                self.abort_flag.value = b"x"

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            self.abort_flag.value = b"x"
        self._queue.put(None)
        # A step of llama.cpp that cannot be interrupted must not outlive the window. The timer is a daemon,
        # so it does not hold up an orderly end.
        timer = threading.Timer(PATIENCE_S, os._exit, (0,))
        timer.daemon = True
        timer.start()


class _AnyCommand(msgspec.Struct):
    id: int = 0


def _id_of(line: bytes) -> int:
    """The id in a line that is no command, so that its sender gets an answer; 0 when there is none."""
    try:
        return msgspec.json.decode(line, type=_AnyCommand).id
    except msgspec.DecodeError:
        return 0
