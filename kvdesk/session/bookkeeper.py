"""Keeps the ledger of loads: opens an account when a load begins, and writes it down when it is known."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from kvdesk.engine.protocol import Hello, Loaded, Rehearsed
from kvdesk.memory.report import Device, Margin
from kvdesk.monitor.sample import HostSample, Sample
from kvdesk.phrases import Phrase
from kvdesk.plan.ledger import Ledger, export_csv
from kvdesk.plan.load_record import DecodeAccount, Failure, LoadRecord, MarginKey, margins_of, with_margins
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.proof import Proof
from kvdesk.session import accounts
from kvdesk.session.accounts import Account
from kvdesk.session.background import Job
from kvdesk.session.events import LedgerRead

_NO_READING = Sample(0.0, HostSample())


class Bookkeeper:
    """`run` does the work on the file, the session's on another thread; what the file holds is then emitted.

    Every load that was begun is written down once it has ended in some way: loaded, failed, called off; and
    again when its engine dies. One that is there is measured twice, at once and after its first answer: by
    then the driver has loaded its kernels and the compute buffers have been touched. The second record takes
    the place of the first.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Callable[[Job], None],
        emit: Callable[[LedgerRead], None],
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._run = run
        self._emit = emit
        self._clock = clock
        self._hello: Hello | None = None
        self._records: tuple[LoadRecord, ...] = ()
        self._margins: dict[MarginKey, Margin] = {}
        self._account: Account | None = None
        self._loaded: Loaded | None = None
        self._measure_after_s: float | None = None
        self._has_answered = False
        self._decode: DecodeAccount | None = None
        self._written: LoadRecord | None = None  # of the present load
        self._begun_s = 0.0
        self._took_s: float | None = None
        self._proof: Proof | None = None

    def read(self) -> None:
        """Read the ledger, so that the first estimates already know it."""
        self._run(lambda: self._emit(LedgerRead(self._ledger.read())))

    def clear(self) -> None:
        """Forget every load."""

        def job() -> None:
            self._ledger.clear()
            self._emit(LedgerRead(()))

        self._run(job)

    def export(self, path: Path) -> None:
        """Write the loads as a table in CSV."""
        records = self._records
        self._run(lambda: export_csv(records, path))

    @property
    def library(self) -> str:
        """The version of llama-cpp-python that measurements of now belong to; "" while nobody said it."""
        return self._hello.llama_cpp_python if self._hello else ""

    def with_margins(self, devices: tuple[Device, ...]) -> tuple[Device, ...]:
        """The devices with what loads on them have shown."""
        return with_margins(devices, self._margins)

    @property
    def wants_reading(self) -> bool:
        """Whether a load waits to be measured."""
        return self._measure_after_s is not None

    # ------------------------------------------------------------------------------- what happens

    def know(self, records: tuple[LoadRecord, ...]) -> None:
        """These are the loads in the ledger now."""
        self._records = records
        self._count_margins()

    def greeted(self, hello: Hello) -> None:
        """A process said which llama.cpp it has."""
        self._hello = hello
        self._count_margins()

    def begin(self, account: Account) -> None:
        """A load was asked for."""
        self.ended()
        self._account, self._loaded = account, None
        self._begun_s, self._took_s = self._clock(), None
        self._measure_after_s, self._has_answered = None, False
        self._written = self._decode = self._proof = None

    def loaded(self, said: Loaded) -> None:
        """It succeeded; the next reading tells what it took."""
        self._loaded, self._measure_after_s = said, self._clock()
        self._took_s = self._clock() - self._begun_s

    def answered(self, decode: DecodeAccount | None = None) -> None:
        """An answer is complete; after the first one, and the first whose speed tells something, the load is
        measured again.
        """
        is_news = not self._has_answered or (self._decode is None and decode is not None)
        if self._loaded is not None and is_news:
            self._has_answered, self._decode = True, self._decode or decode
            self._measure_after_s = self._clock()

    def rehearsed(self, said: Rehearsed, options: LoadOptions) -> None:
        """The loaded context, of these options, was filled to its end."""
        self._proof = accounts.proof_of(said, options)
        if self._written is not None:  # else the first reading takes it along
            self._written = msgspec.structs.replace(self._written, proof=self._proof)
            self._write(self._written)

    def sampled(self, sample: Sample) -> None:
        """The devices were read."""
        due_s = self._measure_after_s
        if self._account is None or self._loaded is None or due_s is None or sample.time_s < due_s:
            return
        self._measure_after_s = None
        self._settle(self._account, self._loaded, sample)

    def failed(self, kind: str, message: Phrase) -> None:
        """The load failed, or its process ended: then, or after it was loaded."""
        if self._account is not None and self._loaded is None:
            self._took_s = self._clock() - self._begun_s
            self._write(accounts.failed(self._account, self._hello, kind, message))
        elif self._account is not None and self._loaded is not None:
            if self._written is None:
                self._settle(self._account, self._loaded, _NO_READING)
            if self._written is not None:
                self._write(msgspec.structs.replace(self._written, death=Failure(kind, message)))
        self._forget()

    def ended(self) -> None:
        """What was loaded is gone, or the load was called off; one that nobody measured is still noted."""
        if self._account is not None and self._loaded is None:
            self._took_s = self._clock() - self._begun_s
            self._write(accounts.cancelled(self._account, self._hello))
        elif self._account is not None and self._loaded is not None and self._written is None:
            self._settle(self._account, self._loaded, _NO_READING)
        self._forget()

    def _forget(self) -> None:
        self._account = self._loaded = self._measure_after_s = self._written = None

    def _settle(self, account: Account, loaded: Loaded, sample: Sample) -> None:
        record = accounts.settled(account, self._hello, loaded, sample)
        self._written = msgspec.structs.replace(record, decode=self._decode, proof=self._proof)
        self._write(self._written)

    def _write(self, record: LoadRecord) -> None:
        record = msgspec.structs.replace(record, took_s=self._took_s)

        def job() -> None:
            self._ledger.append(record)
            self._emit(LedgerRead(self._ledger.read()))

        self._run(job)

    def _count_margins(self) -> None:
        self._margins = margins_of(self._records, self._hello.llama_cpp_python) if self._hello else {}
