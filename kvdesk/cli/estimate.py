"""`kvdesk estimate`: what a model would take, by our arithmetic or by llama.cpp's own dry run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kvdesk.cli.guard import report as report_error
from kvdesk.cli.hardware import Asked, check_is_here, choose_devices
from kvdesk.cli.offers import offer_object, print_offers
from kvdesk.cli.opened import Opened, check_is_local, open_for_planning
from kvdesk.cli.printing import new_table, print_json, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import DryRun, Planned
from kvdesk.errors import DoesNotFit, KvDeskError, OptionError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import TOTAL_KINDS, Device, Kind, MemoryReport, Refusal, completed
from kvdesk.plan.advice import advise
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure, normalised_options
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_mib, format_tokens

_NAMES: dict[Kind, str] = {
    Kind.WEIGHTS: "weights",
    Kind.K: "K cache",
    Kind.V: "V cache",
    Kind.RECURRENT: "state",
    Kind.COMPUTE: "compute",
    Kind.OUTPUT: "output",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """One model's report, the options as llama.cpp takes them, what speaks against them, times in ms."""

    opened: Opened
    options: LoadOptions
    report: MemoryReport
    refusals: tuple[Refusal, ...]
    advice: tuple[Advice, ...]
    estimate_ms: float
    dry_run_ms: float | None


def run(
    models: Sequence[str], options: LoadOptions, devices: Sequence[str], *, is_dry: bool, as_json: bool
) -> int:
    """Estimate each model in turn; return 2 when any of them failed.

    What llama.cpp would refuse is printed with an estimate and fails a dry run.
    """
    status = 0
    with Asked() as asked:
        options, present, is_here = choose_devices(devices, options, asked)
        if is_dry:
            check_is_here(is_here)
        for index, source in enumerate(models):
            try:
                found = _estimate(source, options, present, asked if is_dry else None)
            except KvDeskError as error:
                status = report_error(error, as_json, path=source)
                continue
            if as_json:
                print_json(as_object(found))
            else:
                if index:
                    print_line()
                _print(found)
    return status


def _estimate(source: str, options: LoadOptions, devices: Sequence[Device], asked: Asked | None) -> Estimate:
    opened = open_for_planning(source)
    began = time.perf_counter()
    config = configure(options, opened.shape, devices)
    report = estimate(opened.shape, config)
    against = refusals(opened.shape, config)
    estimate_ms = (time.perf_counter() - began) * 1000
    if asked is None:
        normalised = normalised_options(options, config)
        offers = _advice(opened, options, report, devices)
        return Estimate(opened, normalised, report, against, offers, estimate_ms, None)
    _check_dry_run(opened, report, against, config.host)
    planned = asked.ask(lambda number: DryRun(id=number, model=opened.card.path, options=options))
    assert isinstance(planned, Planned)
    plan = completed(planned.report, report)
    offers = _advice(opened, options, plan, devices)
    return Estimate(opened, planned.options, plan, against, offers, estimate_ms, planned.report.elapsed_ms)


def _advice(
    opened: Opened, options: LoadOptions, report: MemoryReport, devices: Sequence[Device]
) -> tuple[Advice, ...]:
    """What would make it fit, where it does not."""
    if all(report.fits(device) is not False for device in report.devices):
        return ()
    return advise(opened.shape, options, devices, ceilings(devices, Amount(0)))


def _check_dry_run(opened: Opened, report: MemoryReport, against: Sequence[Refusal], host: Device) -> None:
    """A dry run needs the file, options llama.cpp accepts, and room for the state it really allocates."""
    check_is_local(opened)
    for refusal in against:
        if not refusal.is_warning:
            raise OptionError(refusal.message, refusal.hint)
    state_bytes = report.bytes_of(Kind.RECURRENT)  # llama-memory-recurrent.cpp ignores no_alloc
    if host.free_bytes is not None and state_bytes > host.free_bytes:
        raise DoesNotFit(
            "The model's state takes {needed}, which even a dry run allocates; {free} are free.",
            "Take fewer sequences (--parallel).",
            needed=format_bytes(state_bytes),
            free=format_bytes(host.free_bytes),
        )


def as_object(found: Estimate) -> dict[str, Any]:
    """The JSON object of the command-line contract. Sizes are bytes, times milliseconds."""
    report = found.report
    return {
        "model": found.opened.as_object(),
        "degree": report.degree,
        "options": found.options,
        "totals": sums(report),
        "devices": [device_object(report, device) for device in report.devices],
        "items": report.items,
        "refusals": found.refusals,
        "advice": [offer_object(offer) for offer in found.advice],
        "elapsed_ms": {
            "header": round(found.opened.header_ms, 2),
            "estimate": round(found.estimate_ms, 3),
            "dry_run": None if found.dry_run_ms is None else round(found.dry_run_ms, 2),
        },
    }


def sums(report: MemoryReport, device: str | None = None) -> dict[str, int]:
    """The six kinds and their total in bytes, of one device or of all."""
    columns = {f"{kind.value}_bytes": report.bytes_of(kind, device) for kind in TOTAL_KINDS}
    return {**columns, "total_bytes": report.bytes_of(device=device)}


def device_object(report: MemoryReport, device: Device) -> dict[str, Any]:
    """One device with its sums; `margin_bytes` is free memory less everything that must fit there."""
    margin = None if device.free_bytes is None else device.free_bytes - report.needed_bytes(device.name)
    return {
        "name": device.name,
        "kind": device.kind,
        **sums(report, device.name),
        "needed_bytes": report.needed_bytes(device.name),
        "free_bytes": device.free_bytes,
        "margin_bytes": margin,
        "fits": report.fits(device),
    }


def _print(found: Estimate) -> None:
    report, options = found.report, found.options
    print_line(found.opened.headline(), style="bold")
    print_line(
        t(
            "{tokens} tokens, K {k}, V {v}, flash attention {fa}; {degree}, MiB",
            tokens=format_tokens(options.ctx_size),
            k=options.cache_type_k,
            v=options.cache_type_v,
            fa=options.flash_attn,
            degree=t("estimated") if report.degree == "estimate" else t("planned by llama.cpp"),
        ),
        style="dim",
    )
    print_line()
    print_memory(report)
    for refusal in found.refusals:
        print_line()
        print_line(t(refusal.message), style="yellow" if refusal.is_warning else "red")
        print_line(t(refusal.hint), style="dim")
    if found.advice:
        print_line()
        print_offers(found.advice)


def print_memory(report: MemoryReport) -> None:
    """Print the six kinds by device in MiB, what is needed beyond them, and what is left."""
    table = new_table()
    table.add_column("", no_wrap=True)
    several = len(report.devices) > 1
    for device in report.devices:
        table.add_column(device.name, justify="right")
    if several:
        table.add_column(t("all"), justify="right")

    def add(name: str, cells: Sequence[str], total: str, style: str = "") -> None:
        table.add_row(name, *cells, *([total] if several else []), style=style)

    for kind in TOTAL_KINDS:
        total = report.bytes_of(kind)
        if total or kind is not Kind.RECURRENT:
            cells = [_mib(report.bytes_of(kind, device.name)) for device in report.devices]
            add(t(_NAMES[kind]), cells, _mib(total))
    table.add_section()
    totals = [_mib(report.bytes_of(device=device.name)) for device in report.devices]
    add(t("total"), totals, _mib(report.bytes_of()), style="bold")
    margins = [report.bytes_of(Kind.MARGIN, device.name) for device in report.devices]
    needed = [report.needed_bytes(d.name) - report.bytes_of(device=d.name) for d in report.devices]
    beyond = [size - margin for size, margin in zip(needed, margins, strict=True)]
    if any(beyond):
        add(t("beside it"), [_mib(size) for size in beyond], _mib(sum(beyond)))
    if any(margins):
        add(t("margin from loads here"), [_mib(size) for size in margins], _mib(sum(margins)))
    add(t("free"), [format_mib(device.free_bytes) for device in report.devices], "")
    add(t("left"), [_left(report, device) for device in report.devices], "")
    print_table(table)


def _mib(size_bytes: int) -> str:
    if not size_bytes:
        return "–"
    return f"{size_bytes / 2**20:.1f}" if size_bytes < 10 * 2**20 else format_mib(size_bytes)


def _left(report: MemoryReport, device: Device) -> str:
    if device.free_bytes is None:
        return "–"
    margin = device.free_bytes - report.needed_bytes(device.name)
    return f"[green]{format_mib(margin)}[/]" if margin >= 0 else f"[red]{format_mib(margin)}[/]"
