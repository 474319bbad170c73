"""The number of threads is measured once, in time, and leaves the cache as it found it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.thread_choice import candidates, fastest, matters, measure
from kvdesk.engine.protocol import Load, Loaded, ThreadPace
from kvdesk.errors import Cancelled
from kvdesk.memory.report import HOST, Item, Kind, MemoryReport
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model
from tests.engine.conftest import Watched
from tests.engine.contexts import FAMILIES, bench, make_family, state_of

pytestmark = pytest.mark.llama


@pytest.mark.parametrize(
    ("physical", "logical", "expected"),
    [(1, 1, (1,)), (1, 2, (1, 2)), (2, 2, (2, 1)), (8, 16, (8, 16, 7, 4)), (6, 6, (6, 5, 3))],
)
def test_the_usual_count_is_tried_first_and_none_twice(
    physical: int, logical: int, expected: tuple[int, ...]
) -> None:
    assert candidates(physical, logical) == expected


def test_only_a_clear_lead_beats_the_usual_count() -> None:
    assert fastest((ThreadPace(8, 10.0), ThreadPace(4, 10.4)), 8) == 8
    assert fastest((ThreadPace(8, 10.0), ThreadPace(4, 11.0), ThreadPace(7, 12.0)), 8) == 7
    assert fastest((ThreadPace(8, 10.0), ThreadPace(4, 9.0)), 8) == 8
    assert fastest((), 8) == 8


@pytest.mark.parametrize("family", FAMILIES)
def test_measures_each_count_in_an_empty_cache(family: str, tmp_path: Path) -> None:
    with bench(make_family(family, tmp_path)) as made:
        context = made.empty()
        before = state_of(context)
        paces = measure(context, (1, 2), lambda: False, most_s=60.0)
        assert [pace.threads for pace in paces] == [1, 2]
        assert all(pace.tokens_per_s > 0 for pace in paces)
        assert context.tokens == []
        assert state_of(context) == before
        assert llama.llama_n_threads(context.handle) == 1  # as it was


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with bench(make_family("llama", tmp_path)) as made:
        context = made.empty()
        assert measure(context, (1, 2), lambda: False, most_s=0.0) == ()
        context.decode((7,))  # the abort flag of the measurement is gone
        assert context.tokens == [7]


def test_a_cancel_is_obeyed(tmp_path: Path) -> None:
    with bench(make_family("llama", tmp_path)) as made, pytest.raises(Cancelled):
        measure(made.empty(), (1, 2), lambda: True, most_s=60.0)


@pytest.mark.parametrize(("on_host", "on_gpu", "expected"), [(100, 0, True), (30, 70, True), (10, 90, False)])
def test_threads_matter_where_the_cpu_computes(
    on_host: int, on_gpu: int, expected: bool, tmp_path: Path
) -> None:
    items = [
        Item(Kind.WEIGHTS, device, size, "exact", Phrase(""))
        for device, size in ((HOST.name, on_host), ("CUDA0", on_gpu))
    ]
    report = MemoryReport("measurement", tuple(items), (HOST,))
    with bench(make_family("llama", tmp_path)) as made:
        assert matters(made.empty(), report) is expected


def load(client: Watched, known_threads: int = 0, **options: object) -> Loaded:
    command = Load(
        id=client.next_id(),
        model=resolve_model("demo"),
        options=LoadOptions(ctx_size=512, **options),
        known_threads=known_threads,
    )
    loaded = client.request(command, 60.0)
    assert isinstance(loaded, Loaded)
    return loaded


def test_what_is_known_or_asked_for_is_not_measured(engine: Callable[..., Watched]) -> None:
    client = engine()
    known = load(client, known_threads=3)
    assert (known.threads, known.thread_paces) == (3, ())
    # What memory was counted for stays as it was.
    assert known.options == load(client, known_threads=4).options
    asked = load(client, known_threads=3, threads=1)
    assert (asked.threads, asked.thread_paces) == (1, ())
