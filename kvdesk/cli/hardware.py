"""Which devices a plan is for: those of this machine, or GPUs that are not here."""

import importlib.util
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

import msgspec
import typer

from kvdesk.cli.texts import t
from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Command, DevicesListed, Event, ListDevices
from kvdesk.errors import KvDeskError, OptionError, StoreError
from kvdesk.memory.report import HOST, Device
from kvdesk.monitor.sample import DeviceSample, Sample
from kvdesk.plan.gpus import planned_devices
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.load_record import LoadRecord, margins_of, with_margins
from kvdesk.plan.options import LoadOptions
from kvdesk.session.devices import with_drivers
from kvdesk.settings.places import find_places

ANSWER_S = 120.0  # a dry run of the largest models takes seconds, a first start of CUDA some more


class Asked(AbstractContextManager["Asked"]):
    """An engine process that is started by the first question and ended with the command."""

    def __init__(self) -> None:
        self._client: EngineClient | None = None

    def ask(self, make_command: Callable[[int], Command]) -> Event:
        """Send the command that is made of a fresh id and return its answer. Raises EngineError."""
        if self._client is None:
            self._client = EngineClient(lambda event: None, name="planner")
            self._client.start()
        return self._client.request(make_command(self._client.next_id()), ANSWER_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            self._client.stop()


def choose_devices(
    values: Sequence[str], options: LoadOptions, asked: Asked
) -> tuple[LoadOptions, tuple[Device, ...], bool]:
    """Resolve `--device`: the options that name the devices, all devices, and whether they are here.

    llama.cpp is asked only where its build can have a device beside the CPU. Devices on which loads were
    measured have their margins.
    """
    options, devices, is_here = _resolve(values, options, asked)
    return options, with_measured_margins(devices) if is_here else devices, is_here


def _resolve(
    values: Sequence[str], options: LoadOptions, asked: Asked
) -> tuple[LoadOptions, tuple[Device, ...], bool]:
    absent, named = planned_devices(values)
    if absent:
        if options.rpc:
            raise OptionError(
                "GPUs that are not here cannot be combined with RPC servers.",
                "Give the servers' memory as devices too, like box0=24GiB.",
            )
        return options, (*absent, host()), False
    options = msgspec.structs.replace(options, device=named)
    if named == ("none",) or not (options.rpc or has_gpu_build()):
        return options, (host(),), True
    return options, list_devices(options.rpc, asked), True


def check_is_here(is_here: bool) -> None:
    """Raise OptionError where llama.cpp is to be asked about devices that are not here."""
    if not is_here:
        raise OptionError(
            "llama.cpp can be asked only about devices that are here.",
            "Leave --dry-run out to calculate for another GPU.",
        )


def list_devices(rpc: tuple[str, ...], asked: Asked) -> tuple[Device, ...]:
    """The devices llama.cpp sees, with the host's memory as the system counts it."""
    answer = asked.ask(lambda number: ListDevices(id=number, rpc=rpc))
    assert isinstance(answer, DevicesListed)
    return (*(device for device in answer.devices if device.kind != "cpu"), host())


def with_measured_margins(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """The devices with what earlier loads on them have shown; without them when the ledger cannot be read."""
    records = read_ledger()
    if not records:
        return devices
    if any(device.kind == "gpu" for device in devices):
        devices = with_drivers(devices, read_sensors())
    return with_margins(devices, margins_of(records, library_version()))


def read_ledger() -> tuple[LoadRecord, ...]:
    """The loads on this machine; none, and a line on stderr, when the ledger cannot be read."""
    try:
        return Ledger(find_places().ledger).read()
    except StoreError as error:
        typer.echo(t(error.message), err=True)
        return ()


def read_sensors(pid: int | None = None) -> Sample:
    """One reading of every counter, with a process's share; a vendor whose library is absent has none."""
    from kvdesk.monitor.host import PsutilProbe
    from kvdesk.monitor.probes import PROBES

    found: list[DeviceSample] = []
    for make_probe in PROBES:
        with suppress(KvDeskError), closing(make_probe()) as probe:
            found += probe.read(pid)
    return Sample(time.monotonic(), PsutilProbe().read(pid), tuple(found))


def library_version() -> str:
    """llama-cpp-python's version, as its engine says it; "" where it is not installed."""
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return ""


def host() -> Device:
    """This machine's memory: what could be had without swapping."""
    import psutil

    memory = psutil.virtual_memory()
    return msgspec.structs.replace(HOST, total_bytes=memory.total, free_bytes=memory.available)


def has_gpu_build() -> bool:
    """Whether the installed llama.cpp has a backend for GPUs; looks at its files and loads none of them."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or not spec.submodule_search_locations:
        return False
    folders = [Path(place) for place in spec.submodule_search_locations]
    names = [file.name for folder in folders for file in folder.glob("lib/*ggml-*")]
    return any(word in name for name in names for word in _GPU_LIBRARIES)


_GPU_LIBRARIES = ("cuda", "hip", "metal", "vulkan", "sycl", "musa", "cann", "opencl")
