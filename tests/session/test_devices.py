"""llama.cpp's devices and the vendors' readings, joined."""

from dataclasses import replace

import msgspec

from kvdesk.memory.report import HOST, Device, Item, Kind, MemoryReport
from kvdesk.monitor.nvidia import NvidiaProbe
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample
from kvdesk.session.devices import match, merge, with_drivers_share
from kvdesk.units import GIB, MIB
from tests.monitor.fake_nvml import CONTAINED, LAPTOP, FakeNvml

FAST = Device("CUDA0", "gpu", "cuda", 24 * GIB, 20 * GIB, "NVIDIA GeForce RTX 4090")
SLOW = Device("CUDA1", "gpu", "cuda", 8 * GIB, 6 * GIB, "NVIDIA GeForce RTX 3070")
VULKAN = Device("Vulkan0", "gpu", "vulkan", 8 * GIB, 6 * GIB, "NVIDIA GeForce RTX 3070 (RADV)")
RPC = Device("RPC0[127.0.0.1:50052]", "rpc", "rpc", 8 * GIB, 5 * GIB, "127.0.0.1:50052")
# NVML lists in PCI order, ggml the fastest first.
READ_SLOW = DeviceSample(
    "nvidia", 0, "NVIDIA GeForce RTX 3070", total_bytes=8 * GIB, free_bytes=3 * GIB, used_bytes=5 * GIB
)
READ_FAST = DeviceSample(
    "nvidia", 1, "NVIDIA GeForce RTX 4090", total_bytes=24 * GIB, free_bytes=9 * GIB, used_bytes=15 * GIB
)
HOST_READ = HostSample(32 * GIB, 10 * GIB, 3 * GIB, GIB)
SAMPLE = Sample(0.0, HOST_READ, (READ_SLOW, READ_FAST))


def free(devices: tuple[Device, ...]) -> dict[str, int | None]:
    return {device.name: device.free_bytes for device in devices}


def test_devices_are_matched_by_name_not_by_number():
    assert match((FAST, SLOW, HOST), SAMPLE) == {"CUDA0": READ_FAST, "CUDA1": READ_SLOW}


def test_equal_gpus_keep_their_order():
    twins = (replace(READ_SLOW, index=0), replace(READ_SLOW, index=1, free_bytes=GIB))
    second = Device("CUDA1", "gpu", "cuda", 8 * GIB, 6 * GIB, "NVIDIA GeForce RTX 3070")
    first = Device("CUDA0", "gpu", "cuda", 8 * GIB, 6 * GIB, "NVIDIA GeForce RTX 3070")
    matched = match((first, second), Sample(0.0, HOST_READ, twins))
    assert [matched["CUDA0"].index, matched["CUDA1"].index] == [0, 1]


def test_another_vendors_reading_is_not_taken():
    amd = replace(READ_SLOW, vendor="amd")
    assert match((SLOW,), Sample(0.0, HOST_READ, (amd,))) == {}
    assert "Vulkan0" in match((VULKAN,), SAMPLE)  # Vulkan drives every vendor's


def test_the_pci_address_tells_more_than_the_name():
    radeon = DeviceSample("amd", 0, "AMD GPU", pci_bus_id="0000:03:00.0", free_bytes=GIB)
    listed = Device("Vulkan1", "gpu", "vulkan", 16 * GIB, 9 * GIB, "AMD Radeon RX 7800 XT (RADV NAVI32)")
    assert match((listed,), Sample(0.0, HOST_READ, (radeon,))) == {}
    addressed = msgspec.structs.replace(listed, pci_bus_id="0000:03:00.0")
    assert match((addressed,), Sample(0.0, HOST_READ, (radeon,))) == {"Vulkan1": radeon}
    # NVML's domains have eight digits; of two equal ones the address finds the right one.
    twins = tuple(
        replace(READ_SLOW, index=place, pci_bus_id=f"00000000:{place + 1:02X}:00.0") for place in (0, 1)
    )
    second = msgspec.structs.replace(SLOW, pci_bus_id="0000:02:00.0")
    assert match((second,), Sample(0.0, HOST_READ, twins))["CUDA1"].index == 1
    elsewhere = msgspec.structs.replace(SLOW, pci_bus_id="0000:09:00.0")
    assert match((elsewhere,), Sample(0.0, HOST_READ, twins)) == {}


def test_an_integrated_gpu_s_free_memory_is_what_llama_cpp_says():
    corner = DeviceSample("amd", 0, "AMD GPU", pci_bus_id="0000:c4:00.0", total_bytes=GIB, free_bytes=MIB)
    device = Device(
        "Vulkan0", "gpu", "vulkan", 16 * GIB, 9 * GIB, "", pci_bus_id="0000:c4:00.0", is_integrated=True
    )
    merged = merge((device, HOST), Sample(0.0, HOST_READ, (corner,)), None)
    assert free(merged)["Vulkan0"] == 9 * GIB
    assert merged[0].total_bytes == 16 * GIB


def test_what_our_engine_holds_counts_as_free():
    held = replace(READ_FAST, process_bytes=14 * GIB)
    merged = merge((FAST, HOST), Sample(0.0, HOST_READ, (held,)), None)
    assert free(merged) == {"CUDA0": 23 * GIB, "CPU": 11 * GIB}


def test_where_the_driver_does_not_tell_the_measurement_does():
    measured = MemoryReport(
        "measurement", (Item(Kind.WEIGHTS, "CUDA0", 13 * GIB, "exact", ""),), (FAST, HOST)
    )
    assert free(merge((FAST, HOST), SAMPLE, measured))["CUDA0"] == 22 * GIB
    assert free(merge((FAST, HOST), SAMPLE, None))["CUDA0"] == 9 * GIB


def test_a_device_without_a_reading_keeps_what_llama_cpp_said_and_the_host_is_last():
    merged = merge((RPC, HOST, FAST), Sample(0.0, HostSample()), None)
    assert [device.name for device in merged] == [RPC.name, "CUDA0", "CPU"]
    assert free(merged) == {RPC.name: 5 * GIB, "CUDA0": 20 * GIB, "CPU": None}


def test_there_is_always_a_host():
    assert [device.name for device in merge((), SAMPLE, None)] == ["CPU"]


# ------------------------------------------------------------------ what the driver takes beside all buffers

LAPTOPS = Device("CUDA0", "gpu", "cuda", 8 * GIB, 7 * GIB, "NVIDIA GeForce RTX 4060 Laptop GPU")
BUFFERS = (
    Item(Kind.WEIGHTS, "CUDA0", 5 * GIB, "exact", ""),
    Item(Kind.K, "CUDA0", 200 * MIB, "exact", ""),
    Item(Kind.WEIGHTS, "CPU", GIB, "exact", ""),
)


def shared(sample: Sample, *more: Item) -> MemoryReport:
    measured = MemoryReport("measurement", (*BUFFERS, *more), (LAPTOPS, HOST))
    return with_drivers_share(measured, (LAPTOPS, HOST), sample)


def test_what_nvml_counts_beyond_the_buffers_is_an_item_of_its_own():
    sample = Sample(0.0, HOST_READ, NvidiaProbe(FakeNvml(LAPTOP)).read(4242))
    report = shared(sample)
    assert report.items[:3] == BUFFERS
    (beyond,) = report.items[3:]
    assert (beyond.kind, beyond.device, beyond.exactness) == (Kind.DEVICE_CONTEXT, "CUDA0", "exact")
    assert beyond.bytes == 5905580032 - 5 * GIB - 200 * MIB
    assert report.needed_bytes("CUDA0") == 5905580032
    assert report.bytes_of() == sum(item.bytes for item in BUFFERS)  # llama.cpp's own are what they were


def test_it_takes_the_place_of_what_the_engine_saw_of_it():
    sample = Sample(0.0, HOST_READ, NvidiaProbe(FakeNvml(LAPTOP)).read(4242))
    seen = Item(Kind.DEVICE_CONTEXT, "CUDA0", 8 * MIB, "formula", "")
    assert shared(sample, seen) == shared(sample)
    assert with_drivers_share(shared(sample), (LAPTOPS, HOST), sample) == shared(sample)


def test_without_a_figure_of_the_process_nothing_is_added():
    hidden = NvidiaProbe(FakeNvml({**CONTAINED, "Name": LAPTOP["Name"]})).read(4242)
    assert shared(Sample(0.0, HOST_READ, hidden)).items == BUFFERS


def test_a_reading_from_before_the_load_tells_nothing_of_it():
    early = replace(NvidiaProbe(FakeNvml(LAPTOP)).read(4242)[0], process_bytes=300 * MIB)
    assert shared(Sample(0.0, HOST_READ, (early,))).items == BUFFERS


def test_what_is_pinned_for_a_processor_s_gpu_is_not_the_driver_s_share():
    apu = msgspec.structs.replace(LAPTOPS, backend="vulkan", pci_bus_id="0000:c1:00.0", is_integrated=True)
    pinned = Item(Kind.COMPUTE, "CPU", 100 * MIB, "exact", "")
    mapped = Item(Kind.WEIGHTS, "CPU", GIB, "exact", "", is_reclaimable=True)
    buffers = (*BUFFERS[:2], pinned, mapped)
    held = 5 * GIB + 350 * MIB  # the buffers of 5 GiB and 200 MiB, the pinned one, and 50 MiB beside them
    reading = DeviceSample("amd", 0, "AMD GPU", pci_bus_id="0000:c1:00.0", process_bytes=held)
    sample = Sample(0.0, HOST_READ, (reading,))
    report = with_drivers_share(MemoryReport("measurement", buffers, (apu, HOST)), (apu, HOST), sample)
    assert report.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") == 50 * MIB
    # A card's driver does not count what lies in the host's memory with the card's.
    card = msgspec.structs.replace(apu, is_integrated=False)
    report = with_drivers_share(MemoryReport("measurement", buffers, (card, HOST)), (card, HOST), sample)
    assert report.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") == 150 * MIB
