"""The chat behind `kvdesk chat`: an estimate that may refuse, an engine process, and the messages so far."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from kvdesk.cli.chat_output import Output
from kvdesk.cli.hardware import read_sensors
from kvdesk.cli.texts import t
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import (
    Cancel,
    Chat,
    DevicesListed,
    DryRun,
    Event,
    Hello,
    ListDevices,
    Load,
    Loaded,
    Message,
    Planned,
    TurnDone,
)
from kvdesk.errors import Cancelled, DoesNotFit, KvDeskError, OptionError, StoreError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ranked
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.plan.solve import fit_all
from kvdesk.session.accounts import open_account
from kvdesk.session.arithmetic import open_source
from kvdesk.session.background import Job
from kvdesk.session.bookkeeper import Bookkeeper
from kvdesk.session.devices import merge
from kvdesk.settings.places import find_places
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
        ledger = Ledger(find_places().ledger)
        self._books = Bookkeeper(ledger, _or_say, lambda read: self._books.know(read.records), time.monotonic)

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
        model = open_source(self._path)
        before = read_sensors()
        self._books.read()
        client = self._start()
        listed = client.request(ListDevices(id=client.next_id(), rpc=self._options.rpc))
        assert isinstance(listed, DevicesListed)
        devices = self._books.with_margins(merge(listed.devices, before, None))
        report = check(model.shape, self._options, devices)
        self._output.estimated(report)
        planned = self._plan(client)
        if not client.is_running():
            client = self._start()
        self._books.begin(open_account(model, self._options, report, planned, devices, before))
        with self._output.loading() as on_progress:
            command = Load(id=client.next_id(), model=self._path, options=self._options)
            try:
                loaded = client.request(command, on_progress=on_progress)
            except KvDeskError as error:
                self._books.failed(client.exited.cause if client.exited else error.kind, error.message)
                raise
        assert isinstance(loaded, Loaded)
        self._books.loaded(loaded)
        self._books.sampled(read_sensors(client.pid))
        self._output.loaded(loaded)

    def _start(self) -> EngineClient:
        self._client = client = EngineClient(self._heard, name="chat")
        client.start()
        return client

    def _heard(self, event: Event) -> None:
        if isinstance(event, Hello):
            self._books.greeted(event)

    def _plan(self, client: EngineClient) -> MemoryReport | None:
        """llama.cpp's own word on the load, for the ledger; the chat does not depend on it."""
        command = DryRun(id=client.next_id(), model=self._path, options=self._options)
        try:
            planned = client.request(command)
        except KvDeskError:
            return None
        assert isinstance(planned, Planned)
        return planned.report

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
        self._books.answered()
        if self._books.wants_reading:
            self._books.sampled(read_sensors(client.pid))
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


def _what_fits(shape: ModelShape, options: LoadOptions, devices: Sequence[Device]) -> Phrase:
    """Contexts that fit, as flags: the best pair of cache types first, others where they reach further."""
    pairs = tuple(dict.fromkeys(((options.cache_type_k, options.cache_type_v), *SUGGESTED_PAIRS)))
    suggestions: list[str] = []
    reached = 0
    for fit in ranked(fit_all(shape, options, devices, pairs=pairs)):
        if fit.max_ctx_size is not None and fit.max_ctx_size > reached:
            reached = fit.max_ctx_size
            suggestions.append(f"-c {reached} -ctk {fit.cache_type_k} -ctv {fit.cache_type_v}")
    if not suggestions:
        return Phrase("No context fits; a smaller model or quantisation would.")
    return Phrase("This would fit: {flags}.", flags=joined(suggestions, ", or "))


def _or_say(job: Job) -> None:
    """Work on the ledger; a chat goes on without it."""
    try:
        job()
    except StoreError as error:
        typer.echo(t(error.message), err=True)


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
