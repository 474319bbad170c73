"""Intel's counters, from copies of what xe and i915 show."""

import platform
from pathlib import Path

from kvdesk.monitor.intel import IntelProbe
from kvdesk.monitor.sample import DeviceSample, Throttle
from tests.monitor.fake_linux import I915, XE, add_card, add_process, write

MIB = 1 << 20
XE_CARD: dict[str, object] = {
    "vendor": "0x8086",
    "hwmon__hwmon5__energy1_input": 90_000_000,
    "hwmon__hwmon5__temp2_input": 61000,
    "hwmon__hwmon5__temp3_input": 70000,
    "tile0__gt0__freq0__act_freq": 2400,
    "tile0__gt0__freq0__throttle__status": 1,
    "tile0__gt0__freq0__throttle__reason_pl1": 1,
    "tile0__gt0__freq0__throttle__reason_pl2": 1,
    "tile0__gt0__freq0__throttle__reason_thermal": 0,
    "tile0__gt0__freq0__throttle__reason_prochot": 1,
}


class Clock:
    """Tells the time that it is given."""

    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


def probe(root: Path, clock: Clock | None = None) -> IntelProbe:
    return IntelProbe(root / "drm", root / "proc", clock or Clock())


def test_every_counter_of_xe(tmp_path: Path):
    add_card(tmp_path, 0, "0000:00:02.0", vendor="0x8086")  # the processor's own
    _, device = add_card(tmp_path, 1, "0000:04:00.0", **XE_CARD)
    add_process(tmp_path, 4242, XE)
    clock = Clock()
    found = probe(tmp_path, clock)
    (first,) = found.read(4242)
    assert first == DeviceSample(
        vendor="intel",
        index=0,
        name="Intel GPU",
        pci_bus_id="0000:04:00.0",
        process_bytes=50 * MIB,
        temperature_c=61.0,
        gpu_clock_mhz=2400,
        throttle=Throttle.POWER | Throttle.HEAT,
        driver=platform.release(),
    )
    clock.now_s += 0.5
    write(device, hwmon__hwmon5__energy1_input=150_000_000)
    assert found.read(4242)[0].power_w == 120.0  # 60 J in half a second
    assert found.read(4242)[0].power_w is None  # no time has passed


def test_a_counter_that_began_anew_is_no_power(tmp_path: Path):
    _, device = add_card(tmp_path, 1, "0000:04:00.0", **XE_CARD)
    clock = Clock()
    found = probe(tmp_path, clock)
    found.read(None)
    clock.now_s += 0.5
    write(device, hwmon__hwmon5__energy1_input=5)
    assert found.read(None)[0].power_w is None


def test_every_counter_of_i915(tmp_path: Path):
    card, _ = add_card(tmp_path, 1, "0000:04:00.0", vendor="0x8086", hwmon__hwmon5__temp1_input=48000)
    write(
        card,
        gt__gt0__rps_act_freq_mhz=1550,
        gt__gt0__throttle_reason_status=0,
        gt__gt0__throttle_reason_pl1=0,
        gt__gt0__throttle_reason_thermal=0,
    )
    add_process(tmp_path, 4242, I915)
    (read,) = probe(tmp_path).read(4242)
    assert (read.temperature_c, read.gpu_clock_mhz) == (48.0, 1550)
    assert read.throttle == Throttle(0)
    assert read.process_bytes == 512 * MIB


def test_what_the_drivers_do_not_tell_is_none(tmp_path: Path):
    add_card(tmp_path, 1, "0000:04:00.0", vendor="0x8086")
    (read,) = probe(tmp_path).read(4242)
    assert read == DeviceSample("intel", 0, "Intel GPU", pci_bus_id="0000:04:00.0", driver=platform.release())


def test_without_the_driver_there_are_no_gpus(tmp_path: Path):
    assert probe(tmp_path).read(1) == ()
