"""`kvdesk serve`: load a model and serve it to other programs until Ctrl-C."""

import threading
import time
from contextlib import suppress
from pathlib import Path

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_loading import load
from kvdesk.cli.chat_output import JsonLines, Output, Terminal
from kvdesk.cli.texts import t
from kvdesk.engine.client import raise_failure
from kvdesk.engine.protocol import EngineExited, Event
from kvdesk.errors import OptionError
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.serve.client_port import ClientPort
from kvdesk.serve.endpoint import Endpoint
from kvdesk.serve.port import ServedModel


def run(
    model: str, options: LoadOptions, sampling: Sampling, address: tuple[str, int, str], as_json: bool
) -> int:
    """Serve at `address` (host, port, token). Raises KvDeskError where that cannot begin or go on."""
    path = resolve_model(model)
    if path.startswith(("http://", "https://")):
        raise OptionError("A model on the web can be planned for, but not run.", "Download the file first.")
    output: Output = JsonLines() if as_json else Terminal()
    with Conversation(path, options, sampling, output) as conversation:
        load(conversation)
        name = Path(path).stem
        served = ServedModel(name, conversation.room.n_ctx, int(time.time()), sampling)
        port = ClientPort(conversation.client, served)
        has_ended = threading.Event()

        def hear(event: Event) -> None:
            port.heard(event)
            if isinstance(event, EngineExited):
                has_ended.set()

        conversation.hear = hear
        endpoint = Endpoint(port, *address)
        try:
            with suppress(KeyboardInterrupt):  # how it is meant to end
                _tell(output, endpoint, name)
                while conversation.is_alive() and not has_ended.wait(1.0):  # Windows hears Ctrl-C in between
                    pass
        finally:
            endpoint.close()
        if conversation.client.exited is not None:
            raise_failure(conversation.client.exited)
    return 0


def _tell(output: Output, endpoint: Endpoint, name: str) -> None:
    lines = [t("Serving {model} at {url}; Ctrl-C ends it.", model=name, url=endpoint.url)]
    if endpoint.token:
        lines.append(t("Clients must send the token (API key) {token}.", token=endpoint.token))
    output.told("serving", {"url": endpoint.url, "model": name, "token": endpoint.token}, "\n".join(lines))
