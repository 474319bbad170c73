"""Opens and closes the endpoint: a web server in a thread of its own, whoever holds the engine."""

import secrets
import socket
import threading

import uvicorn

from kvdesk.errors import OptionError
from kvdesk.serve.application import make_application
from kvdesk.serve.guard import Guard, is_loopback
from kvdesk.serve.port import EnginePort

CLOSE_S = 2.0


class Endpoint:
    """A served engine. With a host that others can reach, a token is asked for, a made one if none is given.

    `port_number` 0 takes any free one. Raises OptionError where the address is taken or not this computer's.
    """

    def __init__(
        self, engine: EnginePort, host: str = "127.0.0.1", port_number: int = 8080, token: str = ""
    ) -> None:
        only_loopback = is_loopback(host)
        self.token = token or ("" if only_loopback else secrets.token_urlsafe(32))
        self._socket = _bind(host, port_number)
        address, number = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{number}/v1"
        config = uvicorn.Config(
            Guard(make_application(engine), self.token, only_loopback=only_loopback),
            log_config=None,
            log_level="critical",  # to uvicorn each shutdown that does not wait is an error
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=0,  # whoever closes it does not wait for answers
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="kvdesk-endpoint", daemon=True
        )
        self._thread.start()

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """End the server; answers under way are cancelled."""
        self._server.should_exit = True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(timeout_s)
        self._socket.close()


def _bind(host: str, number: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family[0], socket.SOCK_STREAM)
        try:
            # A port whose last connections have not faded yet may be taken again at once; on Windows the
            # option means that two programs may share it.
            if hasattr(socket, "SO_REUSEPORT"):
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(family[4])
            made.listen(128)
        except BaseException:
            made.close()
            raise
    except (OSError, OverflowError) as error:
        raise OptionError(
            "The endpoint cannot be opened at {host}:{port}: {reason}.",
            "Choose another port with --port, or another host.",
            host=host,
            port=number,
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    return made
