"""llama.cpp's RPC servers on loopback, each a device of its own, which a test may kill."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_S = 60.0  # longer than anything takes on a busy machine


class RpcServer:
    """A server in a process of its own, which ends with its standard input."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.endpoint = f"127.0.0.1:{self._port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.rpc_server", self.endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent,
        )

    def wait_until_listening(self) -> None:
        """Return when it can be connected to."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, f"{self.endpoint} does not listen"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def close(self) -> None:
        """End it as its owner does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)


@contextmanager
def two_servers() -> Iterator[tuple[RpcServer, RpcServer]]:
    """Two of them, ended afterwards."""
    servers = (RpcServer(), RpcServer())
    try:
        for server in servers:
            server.wait_until_listening()
        yield servers
    finally:
        for server in servers:
            server.close()
