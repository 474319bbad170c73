"""Makes the ledger's record of a load out of what was expected of it and what the devices say afterwards."""

import os
import platform
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

import kvdesk
from kvdesk.engine.protocol import Hello, Loaded, Rehearsed, TurnDone
from kvdesk.errors import ExportError, KvDeskError
from kvdesk.export import llama_server
from kvdesk.export.exporter import Launch, below_home
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.shells import join
from kvdesk.memory.report import Device, Kind, MemoryReport, completed
from kvdesk.monitor.sample import HostSample, Sample
from kvdesk.phrases import Phrase
from kvdesk.plan.configure import chosen_devices, configure, normalised_options
from kvdesk.plan.load_record import (
    DecodeAccount,
    Degrees,
    Failure,
    LoadRecord,
    ModelIdentity,
    buffer_accounts,
    device_accounts,
)
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.proof import DepthSpeed, Proof
from kvdesk.session.arithmetic import identity
from kvdesk.session.devices import engine_bytes, match
from kvdesk.session.opened import OpenedModel


@dataclass(frozen=True, slots=True)
class Account:
    """A load that was asked for. `before` is a reading without our engine; None when it was there already."""

    id: str
    date: datetime
    model: ModelIdentity
    options: LoadOptions
    estimated: MemoryReport | None
    planned: MemoryReport | None
    devices: tuple[Device, ...]
    before: Sample | None
    command: str = ""


def decode_of(
    model: OpenedModel, options: LoadOptions, devices: Sequence[Device], said: TurnDone
) -> DecodeAccount | None:
    """What an answer tells of the speed of the devices that hold the model; None where it was too short."""
    from kvdesk.plan.speed import decode_account  # its graphs are not needed before the first answer

    depth = said.prompt_tokens + said.completion_tokens // 2
    return decode_account(model.shape, options, devices, said.completion_tokens, said.decode_s, depth)


def server_command(path: str, options: LoadOptions) -> str:
    """The launch for llama-server on one line, paths below the home directory; "" where none can say it."""
    launch = Launch(below_home(path), options)
    shell = SHELLS["powershell" if os.name == "nt" else "bash"]
    try:
        flags = llama_server.EXPORTER.flags(launch)
        return join(shell, [("llama-server", *(word for flag in flags for word in flag.words))])
    except ExportError:
        return ""


def open_account(
    model: OpenedModel,
    options: LoadOptions,
    estimated: MemoryReport | None,
    planned: MemoryReport | None,
    devices: tuple[Device, ...],
    before: Sample | None,
) -> Account:
    """Note what is expected of a load, before it begins."""
    try:
        options = normalised_options(options, configure(options, model.shape, devices))
        devices = chosen_devices(options, devices)
    except KvDeskError:
        pass  # the load will say so
    card = model.card
    return Account(
        id=uuid.uuid4().hex,
        date=datetime.now(UTC),
        model=ModelIdentity(card.name, card.architecture, card.file_bytes, identity(model.header)),
        options=options,
        estimated=estimated,
        planned=completed(planned, estimated) if planned and estimated else planned,
        devices=devices,
        before=before,
        command=server_command(card.path, options),
    )


def settled(account: Account, hello: Hello | None, said: Loaded, after: Sample) -> LoadRecord:
    """The record of a load that succeeded; `after` is a reading since then, with the engine's share."""
    measured = completed(said.report, account.estimated) if account.estimated else said.report
    degrees = Degrees(account.estimated, account.planned, measured)
    return msgspec.structs.replace(
        _record(account, hello),
        options=said.options,
        buffers=buffer_accounts(Degrees(account.estimated, account.planned, said.report)),
        devices=device_accounts(degrees, account.devices, taken_bytes(account, said, after)),
        process_bytes=after.host.process_bytes or said.process_bytes,
    )


def cancelled(account: Account, hello: Hello | None) -> LoadRecord:
    """The record of a load that was called off."""
    return msgspec.structs.replace(_record(account, hello), is_cancelled=True)


def failed(account: Account, hello: Hello | None, kind: str, message: Phrase) -> LoadRecord:
    """The record of a load that failed, with the named cause."""
    degrees = Degrees(account.estimated, account.planned)
    return msgspec.structs.replace(
        _record(account, hello),
        buffers=buffer_accounts(degrees),
        devices=device_accounts(degrees, account.devices, {}),
        failure=Failure(kind, message),
    )


def proof_of(said: Rehearsed, options: LoadOptions) -> Proof:
    """What a rehearsal with these options proved."""
    return Proof(
        date=datetime.now(UTC),
        n_tokens=said.n_tokens,
        rounds=said.rounds,
        options=options,
        used_bytes={most.device: most.used_bytes for most in said.high_water},
        process_bytes=said.process_bytes,
        speeds=tuple(
            DepthSpeed(each.depth, each.prefill_tokens_per_s, each.decode_tokens_per_s)
            for each in said.speeds
        ),
    )


def taken_bytes(account: Account, said: Loaded, after: Sample) -> dict[str, int]:
    """What the load took of each device, by name; a device on which that cannot be read is left out.

    On the host it is what the process grew by, mapped files aside. On a GPU the vendor's library says what
    one process holds, the driver's own share included. Where it does not (Windows, containers), it is what
    the whole device has more in use than before the engine was there; and where no library knows the device,
    the engine's own readings around the load are taken.
    """
    taken: dict[str, int | None] = {}
    readings = match(account.devices, after)
    earlier = match(account.devices, account.before) if account.before else {}
    for device in account.devices:
        reading, before = readings.get(device.name), earlier.get(device.name)
        if device.kind == "cpu":
            taken[device.name] = _growth_bytes(said, after.host)
        elif reading is not None and reading.process_bytes is not None:
            taken[device.name] = engine_bytes(device, reading, said.report)
        elif reading is not None:
            was, now = before.used_bytes if before else None, reading.used_bytes
            taken[device.name] = now - was if now is not None and was is not None else None
        elif said.report.bytes_of(Kind.DEVICE_CONTEXT, device.name):
            taken[device.name] = said.report.needed_bytes(device.name)
    return {name: size for name, size in taken.items() if size is not None}


def _growth_bytes(said: Loaded, host: HostSample) -> int | None:
    """What the process grew by; None where the system does not tell mapped files apart."""
    if said.base_private_bytes is None or host.process_private_bytes is None:
        return None
    return host.process_private_bytes - said.base_private_bytes


def _record(account: Account, hello: Hello | None) -> LoadRecord:
    return LoadRecord(
        id=account.id,
        date=account.date,
        model=account.model,
        options=account.options,
        library=hello.llama_cpp_python if hello else "",
        build=hello.build if hello else "",
        program=kvdesk.__version__,
        system=platform.platform(aliased=True, terse=True),
        command=account.command,
    )
