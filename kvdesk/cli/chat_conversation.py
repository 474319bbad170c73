"""The chat behind `kvdesk chat`: an estimate that may refuse, an engine process, and the messages so far."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from kvdesk.cli.chat_messages import Talk
from kvdesk.cli.chat_output import Output
from kvdesk.cli.chat_room import Room, overflow_json
from kvdesk.cli.hardware import read_sensors
from kvdesk.cli.texts import t
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import (
    Cancel,
    Chat,
    Command,
    CountTokens,
    DevicesListed,
    DryRun,
    Event,
    Hello,
    ListDevices,
    Load,
    Loaded,
    Message,
    MessagesDropped,
    Overflow,
    Planned,
    Rebuild,
    Rebuilt,
    Rehearse,
    Rehearsed,
    StateRoute,
    TokensCounted,
    TurnDone,
)
from kvdesk.errors import Cancelled, DoesNotFit, KvDeskError, OptionError, OutOfMemory, StoreError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ranked
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow as FullContext
from kvdesk.plan.paces import PacesFile, thread_key
from kvdesk.plan.remedy import RemedyOffer, again, remedy_for
from kvdesk.plan.sampling import Sampling
from kvdesk.plan.solve import fit_all
from kvdesk.session.accounts import decode_of, open_account
from kvdesk.session.arithmetic import open_source
from kvdesk.session.background import Job
from kvdesk.session.bookkeeper import Bookkeeper
from kvdesk.session.devices import merge
from kvdesk.session.opened import OpenedModel
from kvdesk.settings.places import find_places
from kvdesk.settings.store import SettingsStore
from kvdesk.units import format_bytes, format_duration, format_tokens

CHAT = "terminal"  # the conversation's name in the engine
SUGGESTED_PAIRS = (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"))


class Conversation:
    """A chat with a model in an engine process; `load` starts another process after a death."""

    def __init__(self, path: str, options: LoadOptions, sampling: Sampling, output: Output) -> None:
        self.system = ""
        self.talk = Talk()
        self.overflow: Overflow = "stop"
        self.sampling = sampling
        self.output = output
        self.loaded: Loaded | None = None
        self.cells_used = 0
        self.hear: Callable[[Event], None] = lambda _: None  # the engine's every word, in its client's thread
        self.chat_id = 0  # in the store of conversations, 0 while it is not there
        self._path = path
        self._options = options
        self._planned_ctx: int | None = None
        self._model: OpenedModel | None = None
        self._listed: tuple[Device, ...] = ()
        self._devices: tuple[Device, ...] = ()  # those, with what loads on them have shown
        self._client: EngineClient | None = None
        ledger = Ledger(find_places().ledger)
        self._books = Bookkeeper(ledger, _or_say, lambda read: self._books.know(read.records), time.monotonic)

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            if exited := self._client.exited:
                self._books.failed(exited.cause, exited.message)
            else:
                self._books.ended()
            self._client.stop()

    @property
    def client(self) -> EngineClient:
        """The engine process. There is one from the load on."""
        assert self._client is not None
        return self._client

    def is_alive(self) -> bool:
        """Whether the engine is there to talk to."""
        return self._client is not None and self._client.is_running()

    def load(self) -> None:
        """Show the estimate, then load the model. Raises OptionError and DoesNotFit before the load."""
        self.loaded = None
        self._model = model = open_source(self._path)
        before = read_sensors()
        self._books.read()
        client = self._start()
        listed = client.request(ListDevices(id=client.next_id(), rpc=self._options.rpc))
        assert isinstance(listed, DevicesListed)
        self._listed = listed.devices
        self._devices = devices = self._books.with_margins(merge(listed.devices, before, None))
        report = check(model.shape, self._options, devices)
        self.output.estimated(report)
        planned = self._plan(client)
        if not client.is_running():
            client = self._start()
        self._books.begin(open_account(model, self._options, report, planned, devices, before))
        with self.output.loading() as on_progress:
            paces = PacesFile(find_places().paces)
            key = thread_key(model.card.file_bytes, listed.devices)
            command = Load(
                id=client.next_id(),
                model=self._path,
                options=self._options,
                known_threads=paces.read().threads.get(key, 0),
            )
            try:
                loaded = client.request(command, on_progress=on_progress)
            except KvDeskError as error:
                self._books.failed(client.exited.cause if client.exited else error.kind, error.message)
                raise
        assert isinstance(loaded, Loaded)
        if loaded.thread_paces:
            paces.save(paces.read().with_threads(key, loaded.threads))
        self._books.loaded(loaded)
        self._books.sampled(read_sensors(client.pid))
        self.loaded, self.cells_used = loaded, 0
        self.room = Room(model, loaded, listed.devices, self._options, self.sampling.max_tokens)
        self.room.planned_ctx = self._planned_ctx
        self.output.loaded(loaded)

    def remedy(self, error: KvDeskError) -> RemedyOffer | None:
        """The next step after a failure; None where nothing is known that would help."""
        ended = self._client.exited if self._client is not None else None
        is_memory = isinstance(error, OutOfMemory | DoesNotFit)
        if self._model is None or (ended is None and not is_memory):
            return None
        settings, _ = SettingsStore(find_places().settings).load()
        found = remedy_for(
            "out_of_memory" if ended is None or is_memory else ended.cause,
            error.message,
            self._model.shape,
            self._options,
            self._books.with_margins(merge(self._listed, read_sensors(), None)),
            settings.reserve_bytes,
            while_loading=self.loaded is None,
        )
        return found or (again(self._options) if ended is not None and self.loaded is not None else None)

    def take(self, remedy: RemedyOffer) -> None:
        """Have the next load use the options of a remedy; what is loaded now makes room for it."""
        self._options = remedy.options
        if self._client is not None:
            self._client.stop()

    def _start(self) -> EngineClient:
        self._client = client = EngineClient(self._heard, name="chat")
        client.start()
        return client

    def _heard(self, event: Event) -> None:
        if isinstance(event, Hello):
            self._books.greeted(event)
        self.hear(event)

    def _plan(self, client: EngineClient) -> MemoryReport | None:
        """llama.cpp's own word on the load, for the ledger; the chat does not depend on it."""
        command = DryRun(id=client.next_id(), model=self._path, options=self._options)
        try:
            planned = client.request(command)
        except KvDeskError:
            return None
        assert isinstance(planned, Planned)
        self._planned_ctx = planned.options.ctx_size
        return planned.report

    def ask(self, text: str) -> None:
        """Send a message and show the answer."""
        self.talk.add(Message("user", text))
        self.answer()

    def answer(self) -> None:
        """Answer the last message; Ctrl-C stops the answer, which stays as far as it has come.

        A message of which nothing came is taken back, unless the engine has died: it is then still to answer.
        """
        self._say_what_will_not_fit()
        rolls = self.overflow == "roll"
        try:
            done = self.request(
                lambda number: Chat(
                    id=number,
                    messages=self.talk.prompt(self.system),
                    sampling=self.sampling,
                    chat=CHAT,
                    overflow=self.overflow,
                    may_shift=rolls,
                ),
                self._heard_of_answer,
            )
        except (KvDeskError, Cancelled):
            if self.is_alive():
                self.talk.pop()
            raise
        assert isinstance(done, TurnDone)
        assert self._model is not None
        self._books.answered(decode_of(self._model, self.room.options, self._devices, done))
        if self._books.wants_reading and self._client is not None:
            self._books.sampled(read_sensors(self._client.pid))
        self.room.answered(done)
        self.cells_used = done.cache.cells_used
        self.output.answered(done)
        if done.text:
            self.talk.add(Message("assistant", done.text, done.reasoning))
        else:
            self.talk.pop()

    def request(
        self, make_command: Callable[[int], Command], on_progress: Callable[[Event], None] | None = None
    ) -> Event:
        """Ask the engine and wait; Ctrl-C cancels. Raises KvDeskError and Cancelled."""
        client = self._client
        assert client is not None
        command = make_command(client.next_id())
        with _ctrl_c(lambda: client.send(Cancel(id=client.next_id(), target=command.id))):
            return client.request(command, on_progress=on_progress)

    def set_context(
        self, options: LoadOptions, route: StateRoute, on_progress: Callable[[Event], None]
    ) -> Rebuilt:
        """Give the loaded model another context, keeping what the cache holds; raises as `request` does."""
        folder = str(find_places().parked)
        said = self.request(
            lambda number: Rebuild(id=number, options=options, route=route, folder=folder), on_progress
        )
        assert isinstance(said, Rebuilt)
        self.room.rebuilt(said, options)
        self._options = options  # what is loaded again after a death of the engine
        self.cells_used = said.kept_tokens
        return said

    def rehearse(self, on_progress: Callable[[Event], None]) -> Rehearsed:
        """Fill the context to its end, and note what that showed. Raises KvDeskError, Cancelled."""
        said = self.request(lambda number: Rehearse(id=number), on_progress)
        assert isinstance(said, Rehearsed)
        self.room.rehearsed(said)
        self._books.rehearsed(said, self.room.options)
        return said

    def count(self, draft: str = "") -> TokensCounted | None:
        """What the conversation takes, with a draft or as it stands; None for an empty one."""
        if not draft and not len(self.talk):
            return None
        messages = self.talk.prompt(self.system, draft)
        said = self.request(lambda number: CountTokens(id=number, messages=messages, chat=CHAT))
        assert isinstance(said, TokensCounted)
        return said

    def _heard_of_answer(self, event: Event) -> None:
        if isinstance(event, MessagesDropped):
            sent = ([None] if self.system else []) + [*self.talk.sent]
            for place in event.places:
                if (said := sent[place]) is not None:
                    said.is_dropped = True
        self.output.heard(event)

    def _say_what_will_not_fit(self) -> None:
        """Say it before it happens, and leave out what is to fall out; counted only near the end."""
        texts = (message.content + message.reasoning for message in self.talk.prompt(self.system))
        most = sum(len(text.encode()) + 64 for text in texts)  # a token stands for a byte at least
        if most + self.room.expected_tokens <= self.room.n_ctx or (said := self.count()) is None:
            return
        found = self.room.overflow(self.talk.weigh(self.system, said.message_tokens), said)
        if found is None:
            return
        self.output.told("overflow", {"policy": self.overflow, **overflow_json(found)}, said_of(found))
        if self.overflow == "roll" and found.ids:
            gone = self.talk.drop(found.ids)
            words = t(
                "Left out: {numbers} with {tokens} tokens. What follows is read again with the next answer.",
                numbers=", ".join(map(str, gone)),
                tokens=format_tokens(found.dropped_tokens),
            )
            self.output.told("left_out", {"messages": gone, "tokens": found.dropped_tokens}, words)


def said_of(found: FullContext) -> str:
    """What will not fit and the ways on, for people."""
    lines = [
        t(
            "The prompt of {prompt} tokens and an answer of about {expected} are {excess} more than the"
            " context of {ctx} holds.",
            prompt=format_tokens(found.prompt_tokens),
            expected=format_tokens(found.expected_tokens),
            excess=format_tokens(found.excess_tokens),
            ctx=format_tokens(found.n_ctx),
        )
    ]
    for way in found.ways:
        mark = "" if way.is_possible else " –"
        spent = f" ({format_duration(way.seconds)})" if way.seconds else ""
        ids = f" [{', '.join(map(str, way.ids))}]" if way.ids else ""
        lines.append(f"  {way.kind}{ids}{mark}: {t(way.cost)}{spent}")
    return "\n".join(lines)


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
