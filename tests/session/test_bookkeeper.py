"""The desk's ledger: what is written of loads that succeed and fail, and the margins that come of it."""

import msgspec
import pytest

from kvdesk.engine import protocol
from kvdesk.export.parse import parse_text
from kvdesk.memory.report import HOST, Device, Item, Kind, Margin, MemoryReport
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.options import LoadOptions
from kvdesk.session import accounts, actions
from kvdesk.session.state import Phase
from kvdesk.units import GIB, MIB
from tests.session.fakes import Stage, answer_events, hello, loaded_event, planned_event, turn_done

BASE = 20 * MIB
GPU = Device("CUDA0", "gpu", "cuda", 8 * GIB, 8 * GIB, "NVIDIA GeForce RTX 4060 Laptop GPU")


def grown(time_s: float, growth_bytes: int) -> Sample:
    """A reading of the engine after it grew by so much beyond what it held before the load."""
    private = BASE + growth_bytes
    return Sample(time_s, HostSample(16 * GIB, 8 * GIB, private + 30 * MIB, private))


def load(stage: Stage, said: str = "loaded") -> protocol.Load:
    actions.load_model(stage.desk)
    stage.until(lambda: stage.has("engine") and any(isinstance(c, protocol.Load) for c in stage.engine.heard))
    command = stage.engine.last(protocol.Load)
    if said == "loaded":
        stage.engine.say(msgspec.structs.replace(loaded_event(command), base_private_bytes=BASE))
        stage.until(lambda: stage.desk.state.engine.loaded is not None)
    return command


def sampled(stage: Stage, sample: Sample) -> None:
    stage.desk.sampler.emit(sample)
    stage.until(
        stage.desk.queue.empty
    )  # first what follows is given to the threads, then they are waited for
    stage.settle()


def only(stage: Stage) -> LoadRecord:
    (record,) = stage.desk.state.ledger
    return record


def test_a_load_is_written_down_with_all_that_is_known(stage: Stage):
    stage.open_demo()
    stage.until(
        lambda: stage.has("planner") and any(isinstance(c, protocol.DryRun) for c in stage.planner.heard)
    )
    stage.planner.say(planned_event(stage.planner.last(protocol.DryRun)))
    stage.until(lambda: stage.desk.state.plan is not None)
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    record = only(stage)
    assert (record.model.architecture, record.model.name) == ("qwen3", "KV Desk demo")
    assert record.model.file_bytes == stage.desk.state.model.file_bytes
    assert len(record.model.header_hash) == 24
    assert (record.library, record.failure) == ("0.3.36", None)
    assert record.options == stage.desk.state.engine.loaded.options
    assert record.process_bytes == BASE + 30_000_000 + 30 * MIB
    (host,) = record.devices
    estimate = stage.desk.state.estimate
    beside = estimate.bytes_of(Kind.VOCABULARY) + estimate.bytes_of(Kind.WORK_BUFFER)
    assert host.planned_bytes == 10_000_000 + beside  # the played plan has nothing but weights
    assert host.measured_bytes == 30_000_000
    assert host.difference_bytes == 30_000_000 - host.planned_bytes
    assert host.estimated_bytes > 0
    weights = next(each for each in record.buffers if each.kind is Kind.WEIGHTS)
    assert weights.planned_bytes == weights.measured_bytes == 10_000_000


def test_a_reading_from_before_the_load_was_done_is_not_taken(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s - 0.1, 99_000_000))
    assert stage.desk.state.ledger == ()
    sampled(stage, grown(stage.now_s + 0.1, 30_000_000))
    assert only(stage).devices[0].measured_bytes == 30_000_000
    sampled(stage, grown(stage.now_s + 0.6, 40_000_000))
    assert only(stage).devices[0].measured_bytes == 30_000_000


def test_after_the_first_answer_it_is_measured_again_and_stays_one_load(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    for growth in (36_000_000, 50_000_000):  # the second answer changes nothing any more
        command = stage.asked()
        stage.engine.say(*answer_events(command.id, "Hi."))
        stage.until(lambda: stage.desk.state.streaming is None)
        sampled(stage, grown(stage.now_s, growth))
    assert only(stage).devices[0].measured_bytes == 36_000_000


def test_the_first_answer_that_is_long_enough_tells_how_fast_this_machine_reads(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    for tokens, decode_s in ((3, 0.1), (100, 4.0), (100, 1.0)):
        done = msgspec.structs.replace(
            turn_done(stage.asked().id, "Hi."), completion_tokens=tokens, decode_s=decode_s
        )
        stage.engine.say(done)
        stage.until(lambda: stage.desk.state.streaming is None)
        sampled(stage, grown(stage.now_s, 30_000_000))
        assert (only(stage).decode is None) is (tokens == 3)
    decode = only(stage).decode
    assert (decode.tokens_per_s, decode.depth_tokens) == (25.0, 8 + 50)
    assert decode.read_bytes.keys() == {"CPU"}
    stage.until(lambda: stage.desk.state.fits and stage.desk.state.fits[0].speed)
    fit = next(fit for fit in stage.desk.state.fits if fit.cache_type_k == fit.cache_type_v == "f16")
    assert fit.speed.source == "measured"
    assert fit.speed.tokens_per_s < 25.0  # a fuller cache takes longer to read


def test_the_difference_is_the_margin_of_the_next_estimate_plan_and_search(stage: Stage):
    stage.open_demo()
    before = stage.desk.state.estimate
    assert before.bytes_of(Kind.MARGIN) == 0
    load(stage)
    sampled(stage, grown(stage.now_s, 90_000_000))
    difference = only(stage).devices[0].difference_bytes
    assert difference > 0
    stage.until(lambda: stage.desk.state.estimate.bytes_of(Kind.MARGIN) == difference)
    assert stage.desk.state.devices[-1].margin == Margin(difference, 1)
    stage.until(
        lambda: stage.has("planner") and any(isinstance(c, protocol.DryRun) for c in stage.planner.heard)
    )
    stage.planner.say(planned_event(stage.planner.last(protocol.DryRun)))
    stage.until(lambda: stage.desk.state.plan is not None)
    assert stage.desk.state.plan.bytes_of(Kind.MARGIN) == difference
    assert stage.desk.state.plan.bytes_of() == 10_000_000


def test_a_desk_that_is_started_again_knows_the_margin_once_the_library_has_spoken(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 90_000_000))
    difference = only(stage).devices[0].difference_bytes
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.state.ledger)
        assert again.desk.state.devices[-1].margin is None
        again.open_demo()  # starts the planner, which greets
        again.until(lambda: again.desk.state.estimate.bytes_of(Kind.MARGIN) == difference)
    finally:
        again.close()


def test_clearing_takes_the_margin_away(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 90_000_000))
    stage.until(lambda: stage.desk.state.devices[-1].margin is not None)
    actions.clear_ledger(stage.desk)
    stage.until(lambda: stage.desk.state.ledger == ())
    assert stage.desk.state.devices[-1].margin is None
    assert not (stage.folder / "ledger.jsonl").exists()


def test_the_table_is_exported(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    actions.export_ledger(stage.desk, stage.folder / "loads.csv")
    stage.settle()
    assert "KV Desk demo" in (stage.folder / "loads.csv").read_text("utf-8")
    actions.export_ledger(stage.desk, stage.folder / "no" / "loads.csv")
    stage.until(lambda: stage.desk.state.notice is not None)
    assert "loads.csv" in stage.desk.state.notice.hint


@pytest.mark.parametrize("end", ["failed", "exited"])
def test_a_failed_load_is_written_down_with_its_cause(stage: Stage, end: str):
    stage.open_demo()
    command = load(stage, "nothing")
    if end == "failed":
        stage.engine.say(
            protocol.Failed(id=command.id, kind="OutOfMemory", message="No room for the K cache.")
        )
        kind, message = "OutOfMemory", "No room for the K cache."
    else:
        stage.engine.end("out_of_memory", "The system ended it.")
        kind, message = "out_of_memory", "The system ended it."
    stage.until(lambda: stage.desk.state.ledger)
    record = only(stage)
    assert (record.failure.kind, record.failure.message) == (kind, message)
    (host,) = record.devices
    assert host.estimated_bytes > 0
    assert (host.measured_bytes, host.difference_bytes, record.process_bytes) == (None, None, None)
    assert stage.desk.state.devices[-1].margin is None


def test_what_the_user_called_off_or_ended_is_no_failure(stage: Stage):
    stage.open_demo()
    command = load(stage, "nothing")
    actions.cancel_load(stage.desk)
    stage.engine.say(protocol.CancelledEvent(id=command.id))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.IDLE)
    stage.engine.end("killed")
    stage.settle()
    sampled(stage, grown(stage.now_s, 30_000_000))
    record = only(stage)
    assert (record.outcome, record.fault, record.devices) == ("cancelled", None, ())
    assert stage.desk.state.devices[-1].margin is None


def test_a_load_that_ended_before_anything_was_read_is_written_down_without_a_measurement(stage: Stage):
    stage.open_demo()
    load(stage)
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.state.ledger)
        record = only(again)
        assert record.failure is None
        assert (record.devices[0].measured_bytes, record.process_bytes) == (None, 50_000_000)
    finally:
        again.close()


def test_an_end_after_the_load_is_no_failed_load_and_keeps_what_was_measured(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    stage.engine.end("aborted")
    stage.until(lambda: stage.desk.state.engine.phase is Phase.ENDED)
    stage.settle()
    record = only(stage)
    assert (record.failure, record.death.kind, record.outcome) == (None, "aborted", "died")
    assert record.devices[0].measured_bytes == 30_000_000


def test_a_load_has_its_whole_launch_and_the_time_it_took(stage: Stage):
    stage.open_demo()
    actions.set_option(stage.desk, "cache_type_k", "q8_0")
    command = load(stage, "nothing")
    stage.now_s += 1.5
    stage.engine.say(msgspec.structs.replace(loaded_event(command), base_private_bytes=BASE))
    stage.until(lambda: stage.desk.state.engine.loaded is not None)
    sampled(stage, grown(stage.now_s, 30_000_000))
    record = only(stage)
    assert record.outcome == "loaded"
    assert record.took_s == pytest.approx(1.5)
    read = parse_text(record.command)
    assert read.options.cache_type_k == "q8_0"
    assert read.unknown == ()
    assert "\n" not in record.command


def test_a_load_that_replaced_an_unloaded_model_is_written_down(stage: Stage):
    stage.open_demo()
    load(stage)
    sampled(stage, grown(stage.now_s, 30_000_000))
    actions.unload_model(stage.desk)
    actions.load_model(stage.desk)
    unload = stage.engine.last(protocol.Unload)
    stage.engine.say(protocol.Unloaded(id=unload.id))
    command = stage.engine.last(protocol.Load)
    stage.engine.say(msgspec.structs.replace(loaded_event(command), base_private_bytes=BASE))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    sampled(stage, grown(stage.now_s, 31_000_000))
    assert len(stage.desk.state.ledger) == 2


# -------------------------------------------------------------------------- what a load took of a device


def reading(used: int | None, process: int | None = None) -> Sample:
    """One reading of the GPU, after the load or before the engine."""
    gpu = DeviceSample(
        "nvidia", 0, GPU.description, used_bytes=used, process_bytes=process, free_bytes=1, driver="580"
    )
    return Sample(1.0, HostSample(), (gpu,))


def took(account_before: Sample | None, after: Sample, *items: Item) -> dict[str, int]:
    stage_free = Device("CPU", "cpu", "cpu")
    account = accounts.Account(
        id="",
        date=None,
        model=None,
        options=LoadOptions(),
        estimated=None,
        planned=None,
        devices=(GPU, stage_free),
        before=account_before,
    )
    said = loaded_event(protocol.Load(id=1, model="", options=LoadOptions()))
    said = msgspec.structs.replace(said, report=MemoryReport("measurement", items, (GPU, HOST)))
    return accounts.taken_bytes(account, said, after)


def test_a_gpus_driver_says_what_the_process_holds():
    assert took(None, reading(7 * GIB, 5 * GIB)) == {"CUDA0": 5 * GIB}


def test_where_it_does_not_the_whole_device_is_compared_with_before():
    assert took(reading(2 * GIB), reading(7 * GIB)) == {"CUDA0": 5 * GIB}


def test_where_the_engine_was_there_before_nothing_is_claimed():
    assert took(None, reading(7 * GIB)) == {}


def test_a_device_that_no_library_knows_is_measured_by_the_engine():
    items = (Item(Kind.K, "CUDA0", 100, "exact", ""), Item(Kind.DEVICE_CONTEXT, "CUDA0", 9, "formula", ""))
    assert took(None, Sample(1.0, HostSample()), *items) == {"CUDA0": 109}
    assert took(None, Sample(1.0, HostSample()), items[0]) == {}


def test_the_measured_degree_shows_the_drivers_share_too(stage: Stage):
    stage.open_demo()
    stage.until(
        lambda: stage.has("planner") and any(isinstance(c, protocol.ListDevices) for c in stage.planner.heard)
    )
    asked = stage.planner.last(protocol.ListDevices)
    stage.planner.say(protocol.DevicesListed(id=asked.id, devices=(GPU, HOST)))
    stage.until(lambda: GPU.name in {device.name for device in stage.desk.state.devices})
    sampled(stage, reading(GIB, GIB))
    assert stage.desk.state.measured is None
    command = load(stage, said="nothing yet")
    weights = Item(Kind.WEIGHTS, "CUDA0", 3 * GIB, "exact", "")
    report = MemoryReport("measurement", (weights,), (GPU, HOST))
    stage.engine.say(msgspec.structs.replace(loaded_event(command), report=report))
    stage.until(lambda: stage.desk.state.measured == report)
    sampled(stage, reading(4 * GIB, 3 * GIB + 450 * MIB))
    assert stage.desk.state.measured.bytes_of(Kind.DEVICE_CONTEXT, "CUDA0") == 450 * MIB


def test_where_mapped_files_cannot_be_told_apart_the_host_is_not_measured(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    stage.until(lambda: stage.has("engine") and any(isinstance(c, protocol.Load) for c in stage.engine.heard))
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))  # says no base
    stage.until(lambda: stage.desk.state.engine.loaded is not None)
    sampled(stage, grown(stage.now_s, 30_000_000))
    assert only(stage).devices[0].measured_bytes is None


def test_both_processes_greetings_count(stage: Stage):
    stage.desk.bookkeeper.greeted(hello())
    assert stage.desk.bookkeeper.with_margins((HOST,)) == (HOST,)
