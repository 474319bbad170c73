"""Reads Intel's graphics cards from what the Linux drivers xe and i915 show in sysfs; elsewhere are none."""

import platform
import time
from collections.abc import Callable
from pathlib import Path

from kvdesk.monitor import drm_clients
from kvdesk.monitor.drm_clients import Held
from kvdesk.monitor.sample import DeviceSample, Throttle
from kvdesk.monitor.sysfs import DRM, cards, first_number, hwmon, number_in

_VENDOR = "0x8086"
_INTEGRATED = "0000:00:02.0"  # where every Intel processor has its own graphics, which has no memory
# Under xe's throttle/reason_... and i915's throttle_reason_...
_REASONS = {
    "pl1": Throttle.POWER,
    "pl2": Throttle.POWER,
    "pl4": Throttle.POWER,
    "thermal": Throttle.HEAT,
    "prochot": Throttle.HEAT,
    "ratl": Throttle.HEAT,
    "vr_thermalert": Throttle.HEAT,
    "vr_tdc": Throttle.CURRENT,
}


class IntelProbe:
    """All Intel graphics cards, in the driver's order.

    Neither driver lets an ordinary user see how much of a card's memory is in use by all; ggml says how much
    there is, and what one process holds is known.
    """

    def __init__(
        self,
        drm: Path = DRM,
        proc: Path = drm_clients.PROC,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        found = ((card, (card / "device").resolve()) for card in cards(drm, _VENDOR))
        self._cards = [(card, device) for card, device in found if device.name != _INTEGRATED]
        self._proc, self._clock = proc, clock
        self._energies: dict[Path, tuple[float, int]] = {}

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        """Read every card, and what `pid` holds on it."""
        held = drm_clients.held_memory(pid, self._proc) if pid is not None and self._cards else {}
        return tuple(self._read(index, *paths, held) for index, paths in enumerate(self._cards))

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, index: int, card: Path, device: Path, held: dict[str, Held]) -> DeviceSample:
        sensors = hwmon(device)
        mine = held.get(device.name)
        # xe: 2 is the package; i915 has but one.
        millidegrees = first_number(sensors / "temp2_input", sensors / "temp1_input")
        return DeviceSample(
            vendor="intel",
            index=index,
            name="Intel GPU",
            pci_bus_id=device.name,
            process_bytes=mine.own_bytes if mine is not None else None,
            power_w=self._power_w(sensors),
            temperature_c=millidegrees / 1e3 if millidegrees is not None else None,
            gpu_clock_mhz=first_number(
                device / "tile0" / "gt0" / "freq0" / "act_freq",
                card / "gt" / "gt0" / "rps_act_freq_mhz",
                card / "gt_act_freq_mhz",
            ),
            throttle=_throttle(card, device),
            driver=platform.release(),  # both come with the kernel
        )

    def _power_w(self, sensors: Path) -> float | None:
        """What was used since the last reading: the drivers count energy only, in microjoules.

        1 is the whole card and 2 the package. Under xe some cards have no 1, and of some it stays at 0.
        """
        counters = (sensors / f"energy{number}_input" for number in (1, 2))
        counter, now_uj = next(
            ((path, energy) for path in counters if (energy := number_in(path))), (None, 0)
        )
        if counter is None:
            return None
        now_s = self._clock()
        before = self._energies.get(counter)
        self._energies[counter] = now_s, now_uj
        if before is None or now_s <= before[0] or now_uj < before[1]:
            return None
        return (now_uj - before[1]) / 1e6 / (now_s - before[0])


def _throttle(card: Path, device: Path) -> Throttle | None:
    """Why the clocks are held down; None where the driver does not say."""
    for folder, prefix in (
        (device / "tile0" / "gt0" / "freq0" / "throttle", "reason_"),
        (card / "gt" / "gt0", "throttle_reason_"),
    ):
        found = [(reason, number_in(folder / f"{prefix}{name}")) for name, reason in _REASONS.items()]
        if any(state is not None for _, state in found):
            return Throttle(sum({reason for reason, state in found if state}))
    return None
