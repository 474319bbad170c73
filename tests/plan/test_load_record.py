"""What a load is compared with, and what the next plan learns of it."""

import msgspec

from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Device, Item, Kind, Margin, MemoryReport, completed
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.load_record import (
    MARGIN_LOADS,
    Degrees,
    DeviceAccount,
    buffer_accounts,
    device_accounts,
    margins_of,
    with_margins,
)
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import fit_pair
from kvdesk.units import MIB
from tests.plan.shapes import CPU, demo_shape, gpu
from tests.plan.test_ledger import a_load

GPU = msgspec.structs.replace(gpu(), description="NVIDIA RTX 4060", driver="580")


def report(*items, degree="plan"):
    return MemoryReport(degree, items, (GPU, CPU))


def item(kind, device, size, is_reclaimable=False):
    return Item(kind, device, size, "exact", "", is_reclaimable)


def account(difference, device=GPU, driver="580"):
    """A device of a record with this difference."""
    return DeviceAccount(device.name, device.description, device.backend, driver, 1, 1, 1, difference)


def loads(*differences, library="0.3.36", **of):
    return [
        a_load(str(number), devices=(account(difference, **of),), library=library)
        for number, difference in enumerate(differences)
    ]


def margin(records, device=GPU, library="0.3.36"):
    (found,) = with_margins([device], margins_of(records, library))
    return found.margin


# ------------------------------------------------------------------------------------------------ margins


def test_nothing_measured_is_no_margin():
    assert margin([]) is None
    assert margin(loads(None, None)) is None


def test_the_largest_of_the_last_ten_counts():
    assert margin(loads(10, 40, 20)) == Margin(40, 3)
    assert margin(loads(900, *range(MARGIN_LOADS))) == Margin(MARGIN_LOADS - 1, MARGIN_LOADS)


def test_it_is_never_negative():
    assert margin(loads(-5, -9)) == Margin(0, 2)


def test_another_driver_library_or_product_has_none_of_it():
    records = loads(40)
    assert margin(records, msgspec.structs.replace(GPU, driver="590")) is None
    assert margin(records, library="0.3.37") is None
    assert margin(records, msgspec.structs.replace(GPU, description="NVIDIA RTX 4090")) is None
    assert margin(records, CPU) is None


def test_an_equal_gpu_in_another_slot_shares_it():
    assert margin(loads(40), msgspec.structs.replace(GPU, name="CUDA1")) == Margin(40, 1)


def test_this_computer_is_one_whatever_its_cpu_is_called():
    named = msgspec.structs.replace(CPU, description="AMD Ryzen 7")
    assert margin(loads(3, device=named, driver=""), CPU) == Margin(3, 1)


def test_a_margin_of_before_is_taken_off_again():
    marked = msgspec.structs.replace(GPU, margin=Margin(5, 1))
    assert with_margins([marked], {}) == (GPU,)


# -------------------------------------------------------------------- what follows from it, everywhere


def test_the_estimate_adds_the_margin_in_place_of_the_tables_figure():
    options = LoadOptions(ctx_size=1024)
    devices = (GPU, CPU)
    before = estimate(demo_shape(), configure(options, demo_shape(), devices))
    assert before.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") > 0
    marked = (msgspec.structs.replace(GPU, margin=Margin(77 * MIB, 4)), CPU)
    after = estimate(demo_shape(), configure(options, demo_shape(), marked))
    (found,) = (each for each in after.items if each.kind is Kind.MARGIN)
    assert (found.device, found.bytes, found.exactness) == ("CUDA0", 77 * MIB, "table")
    assert "from 4 loads on this device" in found.why
    assert after.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") == 0
    assert after.bytes_of() == before.bytes_of()  # it is none of llama.cpp's own buffers
    expected = before.needed_bytes("CUDA0") - before.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") + 77 * MIB
    assert after.needed_bytes("CUDA0") == expected


def test_the_plan_is_completed_with_it():
    estimated = report(item(Kind.K, "CUDA0", 9), item(Kind.MARGIN, "CUDA0", 5), degree="estimate")
    plan = completed(report(item(Kind.K, "CUDA0", 10)), estimated)
    assert (plan.bytes_of(Kind.K), plan.bytes_of(Kind.MARGIN), plan.needed_bytes("CUDA0")) == (10, 5, 15)
    assert completed(plan, estimated) == plan


def test_the_largest_context_leaves_room_for_it():
    shape, options = demo_shape(), LoadOptions(ctx_size=4096)
    needed = estimate(shape, configure(options, shape, (CPU,))).needed_bytes("CPU")
    host = msgspec.structs.replace(CPU, free_bytes=needed)
    limits = ceilings((host,), Amount(0))
    assert fit_pair(shape, options, (host,), limits=limits).max_ctx_size == 4096
    marked = msgspec.structs.replace(host, margin=Margin(2 * MIB, 1))
    found = fit_pair(shape, options, (marked,), limits=limits).max_ctx_size
    assert found is not None
    assert found < 4096


# ----------------------------------------------------------------------------------------------- accounts


def test_a_device_is_compared_with_its_plan_without_what_is_to_be_learned():
    estimated = report(
        item(Kind.K, "CUDA0", 90), item(Kind.DEVICE_CONTEXT, "CUDA0", 300), item(Kind.PROCESS, "CPU", 60)
    )
    planned = report(
        item(Kind.K, "CUDA0", 100),
        item(Kind.MARGIN, "CUDA0", 40),
        item(Kind.WEIGHTS, "CPU", 5000, is_reclaimable=True),
        item(Kind.OUTPUT, "CPU", 7),
    )
    gpu_, cpu = device_accounts(Degrees(estimated, planned), (GPU, CPU), {"CUDA0": 130, "CPU": 5})
    assert (gpu_.estimated_bytes, gpu_.planned_bytes, gpu_.measured_bytes) == (90, 100, 130)
    assert gpu_.difference_bytes == 30
    assert (gpu_.driver, gpu_.description) == ("580", "NVIDIA RTX 4060")
    assert (cpu.estimated_bytes, cpu.planned_bytes, cpu.difference_bytes) == (0, 7, -2)


def test_without_a_plan_the_loaded_buffers_stand_for_it():
    measured = report(item(Kind.K, "CUDA0", 100), item(Kind.DEVICE_CONTEXT, "CUDA0", 9), degree="measurement")
    (found,) = device_accounts(Degrees(None, None, measured), (GPU, CPU), {"CUDA0": 130})
    assert (found.estimated_bytes, found.planned_bytes, found.difference_bytes) == (None, None, 30)


def test_a_device_that_could_not_be_read_or_did_not_load_has_no_difference():
    (found,) = device_accounts(Degrees(None, report(item(Kind.K, "CUDA0", 100))), (GPU, CPU), {})
    assert (found.planned_bytes, found.measured_bytes, found.difference_bytes) == (100, None, None)


def test_a_device_that_takes_no_part_is_left_out():
    idle = Device("CUDA1", "gpu", "cuda")
    found = device_accounts(Degrees(report(item(Kind.K, "CUDA0", 1)), None), (GPU, idle, CPU), {"CUDA1": 3})
    assert [each.name for each in found] == ["CUDA0"]


def test_buffers_are_summed_by_kind_and_device_for_each_degree():
    planned = report(item(Kind.WEIGHTS, "CPU", 1), item(Kind.WEIGHTS, "CPU", 2), item(Kind.K, "CUDA0", 4))
    measured = report(item(Kind.K, "CUDA0", 5))
    found = {(each.kind, each.device): each for each in buffer_accounts(Degrees(None, planned, measured))}
    weights, k = found[Kind.WEIGHTS, "CPU"], found[Kind.K, "CUDA0"]
    assert (weights.estimated_bytes, weights.planned_bytes, weights.measured_bytes) == (None, 3, None)
    assert (k.estimated_bytes, k.planned_bytes, k.measured_bytes) == (None, 4, 5)
