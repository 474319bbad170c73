"""Long conversations with real models: gaps closed in the cache, answers that roll on, checkpoints."""

from pathlib import Path

import pytest

from kvdesk.engine.protocol import Chat, Message, MessagesDropped, TurnDone
from kvdesk.plan.sampling import Sampling
from tests.engine.llama.conftest import GREEDY, TIMEOUT_S, Engine, answer, user
from tests.ggufs import make_model

pytestmark = pytest.mark.llama

FACT = user("The code for the blue box is 48213.")
QUESTION = user("What is the code for the blue box?")
STORY = user("Tell me a story in 4 sentences.")
LIMITED = Sampling(temperature=0, max_tokens=5)


def roll(
    engine: Engine, *messages: Message, sampling: Sampling = GREEDY
) -> tuple[TurnDone, list[MessagesDropped]]:
    """A turn of a conversation that may roll on."""
    command = Chat(
        id=engine.client.next_id(),
        messages=messages,
        sampling=sampling,
        chat="rolls",
        overflow="roll",
        may_shift=True,
    )
    heard: list[MessagesDropped] = []

    def hear(event: object) -> None:
        if isinstance(event, MessagesDropped):
            heard.append(event)

    done = engine.client.request(command, TIMEOUT_S, hear)
    assert isinstance(done, TurnDone)
    return done, heard


def talk(engine: Engine, *questions: Message) -> tuple[list[Message], TurnDone]:
    told: list[Message] = []
    for question in questions:
        told.append(question)
        done = engine.chat(*told, chat="rolls")
        told.append(answer(done))
    return told, done


@pytest.mark.parametrize("cache_type", ["f16", "q8_0", "q4_0"])
def test_what_follows_dropped_messages_is_moved_and_not_read_again(
    engine_process: Engine, cache_type: str
) -> None:
    engine_process.load(ctx_size=2048, cache_type_k=cache_type, cache_type_v=cache_type)
    told, last = talk(engine_process, FACT, STORY, STORY, STORY)
    without_a_story = [*told[:2], *told[4:]]
    assert engine_process.count(*without_a_story, QUESTION, chat="rolls").shift_obstacle == ""
    done, heard = roll(engine_process, *without_a_story, QUESTION)
    assert heard == []  # the caller left it out himself
    assert done.shifted_tokens > 100
    assert done.reused_tokens < last.cache.cells_used
    assert done.prompt_tokens - done.reused_tokens < 25
    assert done.reread_tokens == 0
    assert "48213" in done.text


def test_without_leave_to_shift_what_follows_is_read_again_and_the_reason_told(demo_engine: Engine) -> None:
    told, _ = talk(demo_engine, FACT, STORY, STORY)
    done = demo_engine.chat(*told[:2], *told[4:], QUESTION, chat="rolls")
    assert done.shifted_tokens == 0
    assert done.reread_tokens > 30
    assert done.reread_reason == "context_shifted"


def test_an_edit_is_never_a_shift(demo_engine: Engine) -> None:
    told, _ = talk(demo_engine, FACT, STORY, STORY)
    edited = [user("The code for the blue box is 11111."), *told[1:], QUESTION]
    done, _ = roll(demo_engine, *edited)
    assert done.shifted_tokens == 0
    assert (done.reread_reason, done.changed_message) == ("history_changed", 0)


@pytest.mark.parametrize("cache_type", ["f16", "bf16"])
def test_an_answer_goes_on_when_the_context_is_full(engine_process: Engine, cache_type: str) -> None:
    """bf16 cannot be moved on the CPU: there the rest is read again."""
    engine_process.load(ctx_size=512, cache_type_k=cache_type, cache_type_v=cache_type)
    told: list[Message] = [user("The code for the blue box is 48213.")]
    dropped = 0
    for turn in range(14):
        done, heard = roll(engine_process, *told)
        assert done.stop_reason == "end", turn
        gone = [place for event in heard for place in event.places]
        assert gone == list(done.dropped)
        for event in heard:
            assert event.is_shifted == (cache_type == "f16")
            assert bool(event.why) == (cache_type == "bf16")
        dropped += len(gone)
        told = [message for place, message in enumerate(told) if place not in gone]
        told += [answer(done), STORY]
        assert done.cache.cells_used <= 512
    assert dropped >= 12  # three contexts' worth was said


def test_a_pinned_message_stays_when_the_conversation_rolls_on(engine_process: Engine) -> None:
    engine_process.load(ctx_size=512)
    told = [Message("user", FACT.content, is_pinned=True)]
    for _ in range(8):
        done, _ = roll(engine_process, *told)
        told = [message for place, message in enumerate(told) if place not in done.dropped]
        told += [answer(done), STORY]
    assert told[0].content == FACT.content
    done, _ = roll(engine_process, *told[:-1], QUESTION)
    assert "48213" in done.text


def test_after_a_roll_the_next_turn_reads_only_what_is_new(engine_process: Engine) -> None:
    engine_process.load(ctx_size=512)
    told: list[Message] = [STORY]
    done, heard = roll(engine_process, *told)
    while not heard:
        told += [answer(done), STORY]
        done, heard = roll(engine_process, *told)
    told = [message for place, message in enumerate(told) if place not in done.dropped]
    after, _ = roll(engine_process, *told, answer(done), user("Thanks."))
    assert (after.reread_tokens, after.shifted_tokens) == (0, 0)
    # The cache held what the template writes for the messages that were left, to the token.
    assert after.reused_tokens == done.cache.cells_used
    assert after.prompt_tokens - after.reused_tokens < 20


def test_a_window_that_has_moved_on_comes_back_from_a_checkpoint(
    engine_process: Engine, tmp_path: Path
) -> None:
    path = make_model("gemma3", tmp_path)
    engine_process.load(str(path), ctx_size=4096, ubatch_size=64, batch_size=64)
    long = user("The hens sat on the wall and the sun was low. " * 60)
    first = engine_process.chat(long, sampling=LIMITED)
    told = (long, answer(first), QUESTION)
    engine_process.chat(*told, sampling=LIMITED)
    again = engine_process.chat(*told, sampling=LIMITED)
    edited = engine_process.chat(long, answer(first), user("And then?"), sampling=LIMITED)
    for done in (again, edited):
        assert (done.reread_tokens, done.reread_reason) == (0, "")
        assert done.prompt_tokens - done.reused_tokens < 60
    fresh = engine_process.chat(long, answer(first), user("And then?"), chat="fresh", sampling=LIMITED)
    assert edited.text == fresh.text


@pytest.mark.parametrize("kind", ["mamba2", "qwen35", "gemma3"])
def test_what_cannot_be_moved_says_why(engine_process: Engine, tmp_path: Path, kind: str) -> None:
    engine_process.load(str(make_model(kind, tmp_path)), ctx_size=1024)
    why = engine_process.count(FACT).shift_obstacle
    assert ("--swa-full" in why) == (kind == "gemma3")
    assert ("state" in why) == (kind != "gemma3")


@pytest.mark.parametrize("kind", ["llama", "gemma3", "deepseek2", "mamba2", "granitehybrid"])
def test_every_family_rolls_on(engine_process: Engine, tmp_path: Path, kind: str) -> None:
    sizes = {"llama": {"head_dim": 64}, "granitehybrid": {"n_embd": 256}}.get(kind, {})
    engine_process.load(str(make_model(kind, tmp_path, **sizes)), ctx_size=512, ubatch_size=64)
    some = Sampling(temperature=0, max_tokens=30)
    told: list[Message] = [FACT]
    events: list[MessagesDropped] = []
    for turn in range(12):
        done, heard = roll(engine_process, *told, sampling=some)
        assert done.stop_reason in ("end", "length")
        assert done.cache.cells_used <= 512
        assert any(event.is_shifted for event in heard) <= (done.shifted_tokens > 0)
        assert all(event.is_shifted or event.why for event in heard)
        events += heard
        told = [message for place, message in enumerate(told) if place not in done.dropped]
        told += [answer(done), user(f"And what came of it in year {turn}, when all was said and done? " * 3)]
    assert len(events) >= 2
    assert any(event.is_shifted for event in events) == (kind not in ("mamba2", "granitehybrid"))


def test_a_roll_in_the_middle_of_an_answer_without_leave_to_move_reads_again(engine_process: Engine) -> None:
    engine_process.load(ctx_size=512)
    told: list[Message] = [STORY]
    while True:
        command = Chat(
            id=engine_process.client.next_id(),
            messages=tuple(told),
            sampling=GREEDY,
            chat="rolls",
            overflow="roll",
        )
        heard: list[object] = []
        done = engine_process.client.request(command, TIMEOUT_S, heard.append)
        assert isinstance(done, TurnDone)
        if done.dropped:
            break
        told += [answer(done), STORY]
    assert (done.shifted_tokens, done.reread_reason) == (0, "context_shifted")
    assert done.reread_tokens > 50
    assert done.stop_reason == "end"
    assert done.prefill_s > 0


def test_a_chat_comes_back_from_the_shelf_unread(engine_process: Engine, tmp_path: Path) -> None:
    for kind in ("llama", "gemma3", "deepseek2", "mamba2", "granitehybrid"):
        engine_process.load(str(make_model(kind, tmp_path)), ctx_size=1024)
        long = user(FACT.content + " And there was more to say about it all. " * 10)
        first = engine_process.chat(long, chat="a", sampling=LIMITED)
        other = engine_process.chat(QUESTION, chat="b", sampling=LIMITED)
        assert other.cache.shelf_bytes > 0
        after = engine_process.chat(long, answer(first), QUESTION, chat="a", sampling=LIMITED)
        if "\ufffd" not in first.text:  # a piece of a character is written otherwise the next time
            assert (after.reread_tokens, after.restored_from) == (0, "shelf"), kind
            assert after.reused_tokens == first.cache.cells_used
