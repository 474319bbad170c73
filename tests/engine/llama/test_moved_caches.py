"""Conversations go on where they were after their cache was moved, converted, or taken from a file."""

from pathlib import Path

import msgspec
import pytest

from kvdesk.engine.protocol import (
    Event,
    Message,
    Park,
    Parked,
    Rebuild,
    RebuildProgress,
    Rebuilt,
    Resume,
    Resumed,
)
from kvdesk.errors import DoesNotFit, EngineError
from kvdesk.memory.report import Kind
from kvdesk.plan.options import LoadOptions
from tests.engine.llama.conftest import TIMEOUT_S, Engine, answer, user

pytestmark = pytest.mark.llama

FACT = user("The code for the blue box is 48213.")
QUESTION = user("What is the code for the blue box?")


def rebuild(engine: Engine, heard: list[Event] | None = None, **options: object) -> Rebuilt:
    """Rebuild the context that `Engine.load` makes, with some options changed."""
    command = Rebuild(
        id=engine.client.next_id(),
        options=msgspec.structs.replace(LoadOptions(threads=1), **options),
        route="memory",
    )
    done = engine.client.request(command, TIMEOUT_S, (heard if heard is not None else []).append)
    assert isinstance(done, Rebuilt)
    return done


def park(engine: Engine, chat: str, path: Path) -> Parked:
    done = engine.client.request(Park(id=engine.client.next_id(), chat=chat, path=str(path)), TIMEOUT_S)
    assert isinstance(done, Parked)
    return done


def resume(engine: Engine, chat: str, path: Path) -> Resumed:
    done = engine.client.request(Resume(id=engine.client.next_id(), chat=chat, path=str(path)), TIMEOUT_S)
    assert isinstance(done, Resumed)
    return done


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"ctx_size": 2048}, "copied"),
        ({"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, "converted"),
        ({"cache_type_k": "q8_0", "cache_type_v": "q5_1", "ctx_size": 8192}, "converted"),
        ({"flash_attn": "off"}, "converted"),
    ],
)
def test_the_next_turn_reads_nothing_again(demo_engine: Engine, options: dict[str, object], how: str) -> None:
    first = demo_engine.chat(FACT, chat="a")
    heard: list[Event] = []
    rebuilt = rebuild(demo_engine, heard, **options)
    assert (rebuilt.how, rebuilt.kept_tokens) == (how, first.cache.cells_used)
    assert all(isinstance(event, RebuildProgress) for event in heard)
    second = demo_engine.chat(FACT, answer(first), QUESTION, chat="a")
    assert (second.reused_tokens, second.reread_tokens) == (rebuilt.kept_tokens, 0)
    assert "48213" in second.text
    assert second.cache.n_ctx == rebuilt.n_ctx_seq


def test_the_report_is_of_the_new_context(demo_engine: Engine) -> None:
    small = rebuild(demo_engine, ctx_size=1024)
    large = rebuild(demo_engine, ctx_size=2048)
    assert large.report.degree == "measurement"
    assert large.report.bytes_of(Kind.K) == 2 * small.report.bytes_of(Kind.K)
    assert large.report.bytes_of(Kind.WEIGHTS) == small.report.bytes_of(Kind.WEIGHTS)
    assert large.report.bytes_of(Kind.PROCESS) > 0
    assert demo_engine.cache().k_bytes == large.report.bytes_of(Kind.K)


def test_a_rebuild_that_is_refused_changes_nothing(demo_engine: Engine) -> None:
    first = demo_engine.chat(FACT, user("and more. " * 150), chat="a")
    with pytest.raises(DoesNotFit):
        rebuild(demo_engine, ctx_size=256)
    second = demo_engine.chat(FACT, user("and more. " * 150), answer(first), QUESTION, chat="a")
    assert second.reread_tokens == 0
    assert second.reused_tokens == first.cache.cells_used


@pytest.mark.parametrize("options", [{}, {"cache_type_k": "q8_0", "cache_type_v": "q8_0", "ctx_size": 2048}])
def test_a_parked_chat_goes_on_after_a_new_load(
    engine_process: Engine, options: dict[str, object], tmp_path: Path
) -> None:
    engine_process.load()
    first = engine_process.chat(FACT, chat="a")
    parked = park(engine_process, "a", tmp_path / "a.kv")
    assert parked.tokens == first.cache.cells_used
    assert parked.n_bytes == (tmp_path / "a.kv").stat().st_size
    engine_process.load(**options)
    assert resume(engine_process, "a", tmp_path / "a.kv").tokens == parked.tokens
    second = engine_process.chat(FACT, answer(first), QUESTION, chat="a")
    assert (second.reused_tokens, second.reread_tokens) == (parked.tokens, 0)
    assert "48213" in second.text


def test_parking_leaves_the_chat_as_it_is(demo_engine: Engine, tmp_path: Path) -> None:
    first = demo_engine.chat(FACT, chat="a")
    park(demo_engine, "a", tmp_path / "a.kv")
    second = demo_engine.chat(FACT, answer(first), QUESTION, chat="a")
    assert (second.reused_tokens, second.reread_tokens) == (first.cache.cells_used, 0)


def test_a_chat_that_was_never_read_cannot_be_parked(demo_engine: Engine, tmp_path: Path) -> None:
    demo_engine.chat(FACT, chat="a")
    with pytest.raises(EngineError, match="nothing"):
        park(demo_engine, "b", tmp_path / "b.kv")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_leaves_the_chat_that_is_there(demo_engine: Engine, tmp_path: Path) -> None:
    first = demo_engine.chat(FACT, chat="a")
    (tmp_path / "b.kv").write_bytes(b"KVDESK\r\n" + bytes(1000))
    with pytest.raises(EngineError, match=r"b\.kv"):
        resume(demo_engine, "b", tmp_path / "b.kv")
    second = demo_engine.chat(FACT, answer(first), QUESTION, chat="a")
    assert second.reread_tokens == 0


def test_a_chat_that_rested_in_other_types_is_read_again_and_the_reason_named(demo_engine: Engine) -> None:
    """The chat in the cache is converted, those on the shelf are as they were."""
    told: tuple[Message, ...] = (FACT, answer(demo_engine.chat(FACT, chat="a")), user("Thanks."))
    first = demo_engine.chat(*told, chat="a")
    demo_engine.chat(user("Tell me a joke."), chat="b")
    told = (*told, answer(first), QUESTION)
    assert demo_engine.count(*told, chat="a").reused_tokens == first.cache.cells_used
    assert rebuild(demo_engine, cache_type_k="q8_0", cache_type_v="q8_0").how == "converted"
    counted = demo_engine.count(*told, chat="a")
    back = demo_engine.chat(*told, chat="a")
    assert (back.reread_reason, back.restored_from) == ("options_changed", "")
    assert back.reused_tokens == counted.reused_tokens < first.cache.cells_used
    assert back.reread_tokens == first.cache.cells_used - back.reused_tokens
    assert "48213" in back.text
    assert demo_engine.chat(*told, answer(back), QUESTION, chat="a").reread_tokens == 0
