"""The chat behind `kvdesk chat`: an estimate that may refuse, an engine process, and the messages so far."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from kvdesk.cli.chat_output import Output
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import (
    Cancel,
    Chat,
    DevicesListed,
    ListDevices,
    Load,
    Loaded,
    Message,
    TurnDone,
)
from kvdesk.errors import Cancelled, DoesNotFit, KvDeskError, OptionError
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ranked
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.plan.solve import fit_all
from kvdesk.units import format_bytes, format_tokens

SUGGESTED_PAIRS = (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"))


class Conversation:
    """A chat with a model in an engine process; `load` starts another process after a death."""

    def __init__(self, path: str, options: LoadOptions, sampling: Sampling, output: Output) -> None:
        self.system = ""
        self.messages: list[Message] = []
        self._path = path
        self._options = options
        self._sampling = sampling
        self._output = output
        self._client: EngineClient | None = None

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.stop()

    @property
    def is_answerable(self) -> bool:
        """Whether the last message is the user's and waits for an answer."""
        return bool(self.messages) and self.messages[-1].role == "user"

    def is_alive(self) -> bool:
        """Whether the engine is there to talk to."""
        return self._client is not None and self._client.is_running()

    def load(self) -> None:
        """Show the estimate, then load the model. Raises OptionError and DoesNotFit before the load."""
        shape = shape_of(open_model(self._path))
        self._client = client = EngineClient(lambda _: None, name="chat")
        client.start()
        listed = client.request(ListDevices(id=client.next_id(), rpc=self._options.rpc))
        assert isinstance(listed, DevicesListed)
        self._output.estimated(check(shape, self._options, listed.devices))
        with self._output.loading() as on_progress:
            command = Load(id=client.next_id(), model=self._path, options=self._options)
            loaded = client.request(command, on_progress=on_progress)
        assert isinstance(loaded, Loaded)
        self._output.loaded(loaded)

    def ask(self, text: str) -> None:
        """Send a message and show the answer."""
        self.messages.append(Message("user", text))
        self.answer()

    def answer(self) -> None:
        """Answer the last message; Ctrl-C stops the answer, which stays as far as it has come.

        A message of which nothing came is taken back, unless the engine has died: it is then still to answer.
        """
        client = self._client
        assert client is not None
        told = [Message("system", self.system)] if self.system else []
        command = Chat(
            id=client.next_id(), messages=(*told, *self.messages), sampling=self._sampling, chat="terminal"
        )
        try:
            with _ctrl_c(lambda: client.send(Cancel(id=client.next_id(), target=command.id))):
                done = client.request(command, on_progress=self._output.heard)
        except (KvDeskError, Cancelled):
            if client.is_running():
                self.messages.pop()
            raise
        assert isinstance(done, TurnDone)
        self._output.answered(done)
        if done.text:
            self.messages.append(Message("assistant", done.text, done.reasoning))
        else:
            self.messages.pop()


def check(shape: ModelShape, options: LoadOptions, devices: Sequence[Device]) -> MemoryReport:
    """Estimate the memory of a load, and raise OptionError or DoesNotFit where it is bound to fail."""
    config = configure(options, shape, devices)
    for refusal in refusals(shape, config):
        if not refusal.is_warning:
            raise OptionError(refusal.message, refusal.hint)
    report = estimate(shape, config)
    for device in config.devices:
        if report.fits(device) is False:
            raise DoesNotFit(
                "{device} has {free} free and the model needs {needed} with {ctx} tokens of context.",
                "{fitting}",
                device=device.name,
                free=format_bytes(device.free_bytes),
                needed=format_bytes(report.needed_bytes(device.name)),
                ctx=format_tokens(config.n_ctx),
                fitting=_what_fits(shape, options, devices),
            )
    return report


def _what_fits(shape: ModelShape, options: LoadOptions, devices: Sequence[Device]) -> str:
    """Contexts that fit, as flags: the best pair of cache types first, others where they reach further."""
    pairs = tuple(dict.fromkeys(((options.cache_type_k, options.cache_type_v), *SUGGESTED_PAIRS)))
    suggestions: list[str] = []
    reached = 0
    for fit in ranked(fit_all(shape, options, devices, pairs=pairs)):
        if fit.max_ctx_size is not None and fit.max_ctx_size > reached:
            reached = fit.max_ctx_size
            suggestions.append(f"-c {reached} -ctk {fit.cache_type_k} -ctv {fit.cache_type_v}")
    if not suggestions:
        return "No context fits; a smaller model or quantisation would."
    return f"This would fit: {', or '.join(suggestions)}."


@contextmanager
def _ctrl_c(cancel: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C cancel what is under way; a second one interrupts as usual."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        # In a thread: this may have come while the client holds one of its locks.
        threading.Thread(target=cancel, name="cancel", daemon=True).start()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
