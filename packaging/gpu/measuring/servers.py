"""RPC servers on loopback: each gives this computer's CPU as one more device, where there is no GPU."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from types import TracebackType

from kvdesk.errors import StartFailed

START_TIMEOUT_S = 60.0
_LOOK_AGAIN_S = 0.1


class RpcServers:
    """Servers that run as long as the `with` lasts."""

    def __init__(self, count: int) -> None:
        self.endpoints: tuple[str, ...] = tuple(f"127.0.0.1:{_free_port()}" for _ in range(count))
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.engine.rpc_server", endpoint],
                stdin=subprocess.PIPE,  # its end is theirs
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for endpoint in self.endpoints
        ]

    @property
    def pids(self) -> tuple[int, ...]:
        """Their processes, in order."""
        return tuple(process.pid for process in self._processes)

    def __enter__(self) -> "RpcServers":
        try:
            for endpoint, process in zip(self.endpoints, self._processes, strict=True):
                _wait_for(endpoint, process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
                continue
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(endpoint: str, process: "subprocess.Popen[bytes]") -> None:
    host, _, port = endpoint.rpartition(":")
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            socket.create_connection((host, int(port)), 1).close()
            return
        time.sleep(_LOOK_AGAIN_S)
    raise StartFailed(
        "An RPC server on this computer did not start.", "Is llama.cpp built with RPC (-DGGML_RPC=ON)?"
    )
