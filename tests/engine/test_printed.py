"""Without llama.cpp's account of its buffers, its log and our arithmetic say the same to 0.01 MiB."""

from collections.abc import Iterator

import pytest

from kvdesk.engine.llama import breakdown, devices
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log
from kvdesk.engine.llama.model import Model
from kvdesk.memory.report import Degree, Kind
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model
from kvdesk.units import MIB

pytestmark = pytest.mark.llama
OPTIONS = LoadOptions(ctx_size=1024, mmap=False, threads=1)


@pytest.fixture(params=["plan", "measurement"])
def context(request: pytest.FixtureRequest) -> Iterator[tuple[Context, Degree]]:
    log = Log()
    model = Model(resolve_model("demo"), OPTIONS, None, log, dry=request.param == "plan")
    context = Context(model, OPTIONS, log)
    yield context, request.param
    context.close()
    model.close()


def test_the_log_says_what_the_account_says(
    context: tuple[Context, Degree], monkeypatch: pytest.MonkeyPatch
) -> None:
    present = devices.list_devices(devices.local_handles())
    account = breakdown.break_down(context[0], present, context[1])
    monkeypatch.setattr(breakdown, "read_buffers", lambda _: None)
    printed = breakdown.break_down(context[0], present, context[1])
    assert account.notes == ()
    assert "as it prints them" in printed.notes[0]
    for kind in (Kind.WEIGHTS, Kind.K, Kind.V, Kind.COMPUTE, Kind.OUTPUT):
        assert account.report.bytes_of(kind) > 0
        assert abs(printed.report.bytes_of(kind) - account.report.bytes_of(kind)) <= 0.011 * MIB, kind


def test_an_account_that_contradicts_the_log_is_not_believed(
    context: tuple[Context, Degree], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdown, "read_buffers", lambda _: [])
    assert breakdown.break_down(context[0], (), context[1]).notes
