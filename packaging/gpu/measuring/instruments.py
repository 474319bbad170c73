"""Reads the devices' memory from outside the engine, by the vendor's library, and from inside it, by ggml."""

from collections.abc import Mapping, Sequence

from kvdesk.errors import KvDeskError
from kvdesk.memory.report import Device
from kvdesk.monitor.host import PsutilProbe
from kvdesk.monitor.sample import DeviceSample, Sample
from kvdesk.monitor.sampler import DeviceProbe
from kvdesk.session.devices import match
from measuring.rows import DeviceReading, Reading, Stage


class Instruments:
    """The vendor's library and, for RPC devices, their servers' own processes.

    `servers` gives the process of each RPC server, in the order of their devices.
    """

    def __init__(self, probe: DeviceProbe, servers: Sequence[int] = ()) -> None:
        self._probe = probe
        self._servers = servers

    def read(
        self, stage: Stage, pid: int | None, devices: Sequence[Device], inside: Sequence[Device] = ()
    ) -> Reading:
        """Read every device but the host. `inside` are the devices as the engine itself lists them now."""
        host = PsutilProbe().read(pid)
        outside = match(tuple(devices), Sample(0.0, host, self._samples(pid)))
        free = {device.name: device.free_bytes for device in inside}
        servers = self._server_bytes(devices)
        readings = []
        for device in devices:
            if device.kind == "cpu":
                continue
            vendor = outside.get(device.name)
            readings.append(
                DeviceReading(
                    device.name,
                    used_bytes=vendor.used_bytes if vendor else servers.get(device.name),
                    process_bytes=vendor.process_bytes if vendor else servers.get(device.name),
                    free_bytes=free.get(device.name),
                )
            )
        return Reading(stage, tuple(readings), host.process_private_bytes)

    def drivers(self, devices: Sequence[Device]) -> str:
        """The drivers' versions."""
        found = match(tuple(devices), Sample(0.0, PsutilProbe().read(None), self._samples(None)))
        return ", ".join(dict.fromkeys(reading.driver for reading in found.values() if reading.driver))

    def _samples(self, pid: int | None) -> tuple[DeviceSample, ...]:
        try:
            return self._probe.read(pid)
        except KvDeskError:
            return ()

    def _server_bytes(self, devices: Sequence[Device]) -> Mapping[str, int | None]:
        names = [device.name for device in devices if device.kind == "rpc"]
        private = [PsutilProbe().read(pid).process_private_bytes for pid in self._servers]
        return dict(zip(names, private, strict=False))
