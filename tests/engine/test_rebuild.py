"""Another context takes over what the cache holds; whatever goes wrong, the conversation is as it was."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kvdesk.engine.llama import rebuild
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.layout import StateFormat, format_of
from kvdesk.engine.llama.rebuild import Outcome, Rebuilding
from kvdesk.engine.llama.row_converter import Element
from kvdesk.engine.protocol import Rebuild, RebuildProgress, StateRoute
from kvdesk.errors import Cancelled, DoesNotFit, EngineError, KvDeskError, OptionError, OutOfMemory
from kvdesk.memory.report import HOST
from kvdesk.plan.options import LoadOptions
from tests.engine.contexts import (
    FAMILIES,
    TOKENS,
    Bench,
    bench,
    expectations,
    make_family,
    mean_divergence,
    state_of,
)

pytestmark = pytest.mark.llama
ROUTES: tuple[StateRoute, ...] = ("device", "memory", "disk")


@pytest.fixture(scope="module", params=("demo", *FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(make_family(request.param, tmp_path_factory.mktemp("models"))) as made:
        yield made


@pytest.fixture(scope="module")
def demo() -> Iterator[Bench]:
    with bench(make_family("demo", Path())) as made:
        yield made


class Attempt:
    """A rebuild of a filled context, and what was heard of it."""

    def __init__(self, made: Bench, folder: Path, context: Context | None = None) -> None:
        self.bench = made
        self.context = context or made.filled()
        self.folder = folder
        self.heard: list[RebuildProgress] = []
        self.cancel_at = ""
        self.open: Callable[[LoadOptions], Context] = made.open

    def run(self, route: StateRoute = "device", **changes: object) -> Outcome:
        command = Rebuild(id=1, options=self.bench.changed(**changes), route=route, folder=str(self.folder))
        return Rebuilding(
            command, self.context, (HOST,), self._open, self.heard.append, self._is_cancelled
        ).run()

    def _open(self, options: LoadOptions) -> Context:
        return self.open(options)

    def _is_cancelled(self) -> bool:
        return any(event.stage == self.cancel_at for event in self.heard)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("ctx_size", [2048, 512])
def test_a_context_of_another_size_holds_the_same(
    family: Bench, route: StateRoute, ctx_size: int, tmp_path: Path
) -> None:
    attempt = Attempt(family, tmp_path, family.filled(ctx_size=1024))
    before = state_of(attempt.context)
    outcome = attempt.run(route, ctx_size=ctx_size)
    assert (outcome.how, outcome.kept_tokens, outcome.state_bytes) == ("copied", len(TOKENS), len(before))
    assert outcome.divergence is not None
    assert outcome.divergence < 1e-6
    assert attempt.context.n_ctx_seq == ctx_size
    assert attempt.context.tokens == TOKENS
    assert state_of(attempt.context) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("route", ROUTES)
def test_other_cache_types_are_converted_to(family: Bench, route: StateRoute, tmp_path: Path) -> None:
    attempt = Attempt(family, tmp_path)
    before = expectations(family.filled())
    outcome = attempt.run(route, cache_type_k="q8_0", cache_type_v="q8_0")
    has_cells = any(layer.keeps_cells for layer in attempt.context.model.shape.layers)
    assert outcome.how == ("converted" if has_cells else "copied")
    assert outcome.divergence is not None
    assert outcome.divergence < 0.01
    assert attempt.context.options.cache_type_k == "q8_0"
    assert mean_divergence(before, expectations(attempt.context)) < 0.01
    assert list(tmp_path.iterdir()) == []


def test_an_empty_cache_has_nothing_to_carry(demo: Bench, tmp_path: Path) -> None:
    attempt = Attempt(demo, tmp_path, demo.empty())
    outcome = attempt.run("memory", ctx_size=1024)
    assert (outcome.how, outcome.kept_tokens, outcome.divergence) == ("empty", 0, None)
    assert attempt.context.n_ctx_seq == 1024


@pytest.mark.parametrize("route", ROUTES)
def test_a_smaller_context_than_the_conversation_is_refused(
    demo: Bench, route: StateRoute, tmp_path: Path
) -> None:
    attempt = Attempt(demo, tmp_path)
    before, handle = state_of(attempt.context), attempt.context.handle
    with pytest.raises(DoesNotFit, match="320 tokens"):
        attempt.run(route, ctx_size=256)
    assert attempt.context.handle == handle
    assert state_of(attempt.context) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_gpu_layers": 3}, "--n-gpu-layers"),
        ({"flash_attn": "off", "cache_type_v": "q8_0"}, "flash attention"),
        ({"mmap": False, "ctx_size": 1024}, "--mmap"),
    ],
)
def test_what_needs_a_load_or_cannot_be_is_refused_at_once(
    demo: Bench, changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    attempt = Attempt(demo, tmp_path)
    handle = attempt.context.handle
    with pytest.raises(OptionError, match=message):
        attempt.run("memory", **changes)
    assert attempt.context.handle == handle
    assert attempt.heard == []


def test_other_positions_are_read_again(family: Bench, tmp_path: Path) -> None:
    attempt = Attempt(family, tmp_path)
    outcome = attempt.run("memory", rope_freq_base=20_000.0)
    assert (outcome.how, outcome.divergence) == ("reread", None)
    assert "positions" in outcome.why
    assert attempt.context.tokens == TOKENS
    native = expectations(family.filled(rope_freq_base=20_000.0))
    assert mean_divergence(native, expectations(attempt.context)) < 1e-6


def test_a_model_with_an_index_is_read_again_for_other_types(tmp_path: Path) -> None:
    with bench(make_family("deepseek32", tmp_path)) as made:
        attempt = Attempt(made, tmp_path / "states")
        outcome = attempt.run(cache_type_k="q8_0", cache_type_v="q8_0")
        assert outcome.how == "reread"
        assert "index" in outcome.why
        assert attempt.context.tokens == TOKENS
        assert Attempt(made, tmp_path).run(ctx_size=1024).how == "copied"


@pytest.mark.parametrize("route", ROUTES)
def test_a_conversion_that_predicts_otherwise_is_not_kept(
    demo: Bench, route: StateRoute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows whose rotation is overlooked are well formed, and wrong: only the check can tell."""

    def unrotated(context: Context) -> StateFormat:
        known = format_of(context)
        caches = tuple(
            msgspec.structs.replace(cache, k=Element(cache.k.type_name), v=Element(cache.v.type_name))
            for cache in known.caches
        )
        return msgspec.structs.replace(known, caches=caches)

    monkeypatch.setattr(rebuild, "format_of", unrotated)
    attempt = Attempt(demo, tmp_path)
    before = state_of(attempt.context)
    with pytest.raises(EngineError, match="predicts something else"):
        attempt.run(route, cache_type_k="q8_0", cache_type_v="q8_0")
    assert attempt.context.options.cache_type_k == "f16"
    assert attempt.context.tokens == TOKENS
    assert state_of(attempt.context) == before


@pytest.mark.parametrize("route", ROUTES)
def test_without_memory_for_the_new_context_the_old_one_comes_back(
    family: Bench, route: StateRoute, tmp_path: Path
) -> None:
    attempt = Attempt(family, tmp_path)
    before, asked = state_of(attempt.context), attempt.context.asked

    def open_only_the_old(options: LoadOptions) -> Context:
        if options != asked:
            raise OutOfMemory("No room on {device}.", device="GPU0")
        return family.open(options)

    attempt.open = open_only_the_old
    with pytest.raises(OutOfMemory, match="GPU0"):
        attempt.run(route, ctx_size=4096)
    assert attempt.context.n_ctx_seq == 512
    assert attempt.context.tokens == TOKENS
    assert state_of(attempt.context) == before


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stage", ["saving", "context", "checking", "converting"])
def test_a_cancelled_rebuild_leaves_everything_as_it_was(
    family: Bench, route: StateRoute, stage: str, tmp_path: Path
) -> None:
    if stage == "converting" and not any(layer.keeps_cells for layer in family.model.shape.layers):
        pytest.skip("this family keeps no K and V")
    attempt = Attempt(family, tmp_path)
    before = state_of(attempt.context)
    attempt.cancel_at = stage
    with pytest.raises(Cancelled):
        attempt.run(route, cache_type_k="q8_0", cache_type_v="q8_0")
    assert attempt.context.options.cache_type_k == "f16"
    assert attempt.context.tokens == TOKENS
    assert state_of(attempt.context) == before


def test_a_cancelled_reading_leaves_everything_as_it_was(demo: Bench, tmp_path: Path) -> None:
    attempt = Attempt(demo, tmp_path)
    before = state_of(attempt.context)
    attempt.cancel_at = "reading"
    with pytest.raises(Cancelled):
        attempt.run("memory", rope_freq_base=20_000.0)
    assert attempt.context.tokens == TOKENS
    assert state_of(attempt.context) == before


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 4 KiB, which is how a full disk looks to a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said_before_anything_is_freed(demo: Bench, tmp_path: Path) -> None:
    attempt = Attempt(demo, tmp_path)
    before, handle = state_of(attempt.context), attempt.context.handle
    with pytest.raises(EngineError, match=str(tmp_path)) as error:
        attempt.run("disk", ctx_size=1024)
    assert error.value.hint
    assert attempt.context.handle == handle
    assert state_of(attempt.context) == before


def test_a_folder_that_cannot_be_made_is_said(demo: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    attempt = Attempt(demo, tmp_path / "file/nowhere")
    with pytest.raises(KvDeskError, match="nowhere"):
        attempt.run("disk", ctx_size=1024)
    assert attempt.context.tokens == TOKENS


def test_a_full_context_grows(family: Bench, tmp_path: Path) -> None:
    full = (TOKENS * 2)[:512]
    attempt = Attempt(family, tmp_path, family.filled(full))
    outcome = attempt.run(ctx_size=1024)
    assert (outcome.how, outcome.kept_tokens) == ("copied", 512)
    assert attempt.context.tokens == full


def test_progress_names_its_stages_in_order(demo: Bench, tmp_path: Path) -> None:
    attempt = Attempt(demo, tmp_path)
    attempt.run(cache_type_k="q4_0", cache_type_v="q4_0")
    stages = list(dict.fromkeys(event.stage for event in attempt.heard))
    assert stages == ["saving", "context", "checking", "converting", "restoring"]
    assert all(0 <= event.fraction <= 1 for event in attempt.heard)
    assert attempt.heard[-1].fraction == 1
