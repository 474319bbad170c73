"""The engine process: commands on standard input, events on what was standard output.

One program serves as planner (dry runs, devices, kernels) and as engine (a model, a chat); the window runs
one child for each, so that an abort in a dry run cannot end a chat.
"""

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import BinaryIO

from kvdesk.engine import autopsy
from kvdesk.engine.inbox import Inbox
from kvdesk.engine.protocol import CancelledEvent, Event, Failed, encode
from kvdesk.errors import Cancelled, EngineError, KvDeskError


class Outbox:
    """Writes events, one whole line at a time, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Send an event. A window that is gone is no error here: standard input ends too."""
        line = encode(event)
        with self._lock, suppress(OSError):
            self._stream.write(line)
            self._stream.flush()


def main() -> int:
    """Serve commands until standard input ends or `Quit` comes. Returns the exit status."""
    outbox = Outbox(take_stdout())
    # The window ends this process through the protocol; Ctrl-C in a terminal is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # On an abort ggml would start gdb to print a backtrace, which can hang for minutes.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    # Caches are converted on threads of our own; numpy's products must not start more.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def report_bad_line(command_id: int, reason: str) -> None:
        error = EngineError("The engine did not understand a command: {reason}", reason=reason)
        outbox.emit(failure(command_id, error))

    inbox = Inbox(sys.stdin.buffer, report_bad_line)
    inbox.start()

    try:
        # Only now, with fd 1 out of its reach, may llama.cpp be loaded.
        from kvdesk.engine.llama.engine import Engine

        engine = Engine(outbox.emit, inbox.is_cancelled, inbox.abort_flag)
    except KvDeskError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the client makes it the cause of the end
        return 1
    outbox.emit(engine.hello())
    while (command := inbox.next()) is not None:
        try:
            if inbox.is_cancelled():
                raise Cancelled
            outbox.emit(engine.run(command))
        except Cancelled:
            outbox.emit(CancelledEvent(id=command.id))
        except KvDeskError as error:
            outbox.emit(failure(command.id, error))
        except Exception as error:  # a bug of ours must not take the loaded model with it
            traceback.print_exc()
            outbox.emit(failure(command.id, autopsy.unexpected(error)))
        finally:
            inbox.done()
    engine.close()
    return 0


def take_stdout() -> BinaryIO:
    """Keep a private copy of fd 1 for the protocol and point fd 1 at stderr, where prints do no harm."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")


def failure(command_id: int, error: KvDeskError) -> Failed:
    """An error as an event."""
    return Failed(id=command_id, kind=error.kind, message=error.message, hint=error.hint)


if __name__ == "__main__":
    sys.exit(main())
