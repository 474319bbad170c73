"""Lays out what others recorded on real devices (recorded/README.md) as the probes find it."""

import tomllib
from pathlib import Path
from typing import Any

from tests.monitor.fake_linux import add_card, write

RECORDED = Path(__file__).parent / "recorded"


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((RECORDED / f"{name}.toml").read_text())


def add_recorded(root: Path, name: str, number: int = 1) -> Path:
    """Make a recorded device's card; return the device's folder."""
    recorded = _read(name)
    card, device = add_card(root, number, recorded["address"], **recorded["device"])
    if "gpu_metrics" in recorded:
        write(device, gpu_metrics=bytes.fromhex(recorded["gpu_metrics"]))
    write(card, **recorded.get("card", {}))
    write(root / "kfd", **recorded.get("kfd", {}))
    return device


def metrics(name: str) -> bytes:
    """A recorded `gpu_metrics`."""
    return bytes.fromhex(_read("gpu-metrics")[name])


def client(name: str, **others: str) -> str:
    """A recorded fdinfo, with the fields that were not published."""
    fields = _read("clients")[name] | {field.replace("_", "-"): value for field, value in others.items()}
    return "".join(f"{field}:\t{value}\n" for field, value in fields.items())
