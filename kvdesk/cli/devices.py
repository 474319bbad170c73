"""`kvdesk devices`: what llama.cpp can use, joined with what the vendors' own libraries read."""

from typing import Any

from kvdesk.cli.hardware import Asked, read_sensors
from kvdesk.cli.printing import new_table, print_json, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import DevicesListed, ListDevices
from kvdesk.memory.report import Device
from kvdesk.monitor.sample import DeviceSample
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import read_value
from kvdesk.session.devices import match, merge
from kvdesk.units import format_mib


def run(rpc: str, as_json: bool) -> int:
    """List the devices; GPUs that only a vendor's library sees are listed as such."""
    servers = read_value(BY_NAME["rpc"], rpc)
    assert isinstance(servers, tuple)
    with Asked() as asked:
        listed = asked.ask(lambda number: ListDevices(id=number, rpc=servers))
    assert isinstance(listed, DevicesListed)
    sample = read_sensors()
    devices = merge(listed.devices, sample, None)
    readings = match(listed.devices, sample)
    unused = [reading for reading in sample.devices if reading not in readings.values()]
    if as_json:
        print_json(
            {
                "devices": [_device(device, readings.get(device.name)) for device in devices],
                "unused": [_unused(reading) for reading in unused],
            }
        )
    else:
        _print(devices, readings, unused)
    return 0


def _device(device: Device, reading: DeviceSample | None) -> dict[str, Any]:
    return {
        "name": device.name,
        "kind": device.kind,
        "backend": device.backend,
        "description": device.description,
        "free_bytes": device.free_bytes,
        "total_bytes": device.total_bytes,
        "vendor": None if reading is None else _unused(reading),
    }


def _unused(reading: DeviceSample) -> dict[str, Any]:
    return {
        "vendor": reading.vendor,
        "index": reading.index,
        "name": reading.name,
        "pci_bus_id": reading.pci_bus_id,
        "free_bytes": reading.free_bytes,
        "total_bytes": reading.total_bytes,
        "temperature_c": reading.temperature_c,
        "power_w": reading.power_w,
        "gpu_clock_mhz": reading.gpu_clock_mhz,
        "memory_clock_mhz": reading.memory_clock_mhz,
        "utilisation_percent": reading.utilisation_percent,
        "slowed_by": None if reading.throttle is None else list(reading.throttle.reasons()),
        "processes": [{"name": use.name, "bytes": use.bytes} for use in reading.neighbours],
        "driver": reading.driver,
    }


def _print(
    devices: tuple[Device, ...], readings: dict[str, DeviceSample], unused: list[DeviceSample]
) -> None:
    table = new_table()
    table.add_column(t("Device"), no_wrap=True)
    table.add_column(t("Kind"))
    table.add_column(t("Description"), overflow="fold")
    table.add_column(t("Free MiB"), justify="right")
    table.add_column(t("Total MiB"), justify="right")
    for device in devices:
        kind = device.backend if device.backend != device.kind else device.kind
        memory = (format_mib(device.free_bytes), format_mib(device.total_bytes))
        table.add_row(device.name, kind, device.description, *memory)
    print_table(table)
    for reading in unused:
        print_line(
            t(
                "{name} ({vendor}) is there, but this build of llama.cpp does not use it.",
                name=reading.name,
                vendor=reading.vendor,
            )
        )
