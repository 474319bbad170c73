"""Turns with real models: what is read again and why, and every way an answer can end."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kvdesk.engine.protocol import Event, Message, PrefillProgress, TextPiece, TurnDone
from kvdesk.errors import DoesNotFit, EngineError, OptionError
from kvdesk.gguf.open import open_model
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from tests.engine.llama.conftest import GREEDY, Engine, answer, user
from tests.ggufs import make_model

pytestmark = pytest.mark.llama

FACT = user("The code for the blue box is 48213.")
QUESTION = user("What is the code for the blue box?")
STORY = user("Tell me a story in 6 sentences.")
ONE_TOKEN = Sampling(temperature=0, max_tokens=1)
FEWEST_TOKENS = 32  # as engine/llama/shelf.py has it, which loads llama.cpp
LONG = user("The hens sat on the wall and the sun was low. " * 160)


def asks_twice(engine: Engine, chat: str = "a") -> tuple[TurnDone, TurnDone]:
    first = engine.chat(FACT, chat=chat)
    return first, engine.chat(FACT, answer(first), QUESTION, chat=chat)


@pytest.mark.parametrize("cache_type", ["f16", "q8_0", "q4_0"])
def test_it_recalls_what_it_was_told_and_reads_nothing_again(engine_process: Engine, cache_type: str) -> None:
    engine_process.load(cache_type_k=cache_type, cache_type_v=cache_type)
    first, second = asks_twice(engine_process)
    assert "48213" in second.text
    assert (first.reused_tokens, first.reread_reason) == (0, "first_turn")
    # All of the first turn is reused: its prompt and its answer.
    assert second.reused_tokens == first.prompt_tokens + first.completion_tokens == first.cache.cells_used
    assert (second.reread_tokens, second.reread_reason) == (0, "")
    assert second.cache.cells_used == second.prompt_tokens + second.completion_tokens
    assert second.stop_reason == "end"


def test_the_pieces_are_the_answer_and_count_its_tokens(demo_engine: Engine) -> None:
    done = demo_engine.chat(STORY)
    pieces = [event for event in demo_engine.events if isinstance(event, TextPiece)]
    assert "".join(piece.text for piece in pieces) == done.text
    assert sum(piece.tokens for piece in pieces) == done.completion_tokens > 20
    progress = [event for event in demo_engine.events if isinstance(event, PrefillProgress)]
    assert [event.done_tokens for event in progress] == [0, done.prompt_tokens]
    assert done.decode_s > 0 < done.prefill_s


def test_a_long_prompt_is_read_in_steps_of_a_ubatch(engine_process: Engine) -> None:
    engine_process.load(ubatch_size=128)
    done = engine_process.chat(LONG)
    read = [event.done_tokens for event in engine_process.events if isinstance(event, PrefillProgress)]
    assert read == [*range(0, done.prompt_tokens, 128), done.prompt_tokens]


def test_counting_says_beforehand_what_a_turn_reports(demo_engine: Engine) -> None:
    first = demo_engine.chat(FACT)
    told = (FACT, answer(first), QUESTION)
    counted = demo_engine.count(*told)
    done = demo_engine.chat(*told)
    assert (counted.prompt_tokens, counted.reused_tokens) == (done.prompt_tokens, done.reused_tokens)
    assert counted.new_tokens == counted.prompt_tokens - counted.reused_tokens


# ------------------------------------------------------------------------------------------ how it ends


def test_a_cancelled_prompt_stays_in_the_cache_as_far_as_it_was_read(engine_process: Engine) -> None:
    engine_process.load(ubatch_size=16, batch_size=16)
    stopped = engine_process.chat(
        LONG, cancel_at=lambda event: isinstance(event, PrefillProgress) and event.done_tokens == 32
    )
    assert (stopped.stop_reason, stopped.completion_tokens, stopped.text) == ("cancelled", 0, "")
    held = engine_process.cache().cells_used
    assert 32 <= held < stopped.prompt_tokens
    again = engine_process.chat(LONG, sampling=ONE_TOKEN)
    assert (again.reused_tokens, again.reread_tokens, again.reread_reason) == (held, 0, "")


@pytest.fixture
def endless(engine_process: Engine, tmp_path: Path) -> Callable[[int], Engine]:
    """A model of random weights that has one word: it never ends an answer. Called with a context."""
    path = make_model("gemma2", tmp_path, seed=0)

    def load(ctx_size: int) -> Engine:
        engine_process.load(str(path), ctx_size=ctx_size)
        return engine_process

    return load


def first_text(event: Event) -> bool:
    return isinstance(event, TextPiece)


def test_a_cancelled_answer_stays_and_the_next_turn_goes_on_from_it(
    endless: Callable[[int], Engine],
) -> None:
    engine = endless(16384)
    stopped = engine.chat(FACT, cancel_at=first_text)
    assert stopped.stop_reason == "cancelled"
    held = engine.cache().cells_used
    # The last token may have been shown before anything could follow it.
    assert held - stopped.prompt_tokens in (stopped.completion_tokens, stopped.completion_tokens - 1)
    after = engine.chat(FACT, answer(stopped), QUESTION, sampling=ONE_TOKEN)
    assert (after.reused_tokens, after.reread_tokens) == (held, 0)


def test_a_stop_string_across_tokens_ends_the_answer_before_it(demo_engine: Engine) -> None:
    first = demo_engine.chat(FACT)
    told = (FACT, answer(first), QUESTION)
    done = demo_engine.chat(*told, stop=("82", "no such"))
    assert (done.text, done.stop_reason) == ("4", "stop_string")
    after = demo_engine.chat(*told, answer(done), user("Thanks."))
    # Only what was generated of the stop string is given up.
    assert after.reused_tokens == done.prompt_tokens + 1
    assert (after.reread_tokens, after.reread_reason) == (0, "")


def test_the_longest_answer_allowed(demo_engine: Engine) -> None:
    limited = msgspec.structs.replace(GREEDY, max_tokens=4)
    done = demo_engine.chat(STORY, sampling=limited)
    assert (done.completion_tokens, done.stop_reason) == (4, "length")
    after = demo_engine.chat(STORY, answer(done), QUESTION)
    assert after.reused_tokens == done.prompt_tokens + 3  # nothing has followed the fourth yet
    assert after.reread_tokens == 0
    none = msgspec.structs.replace(GREEDY, max_tokens=0)
    assert demo_engine.chat(FACT, sampling=none).completion_tokens == 0


def test_a_full_context_ends_the_answer_and_not_the_process(endless: Callable[[int], Engine]) -> None:
    engine = endless(512)
    done = engine.chat(FACT)
    assert done.stop_reason == "context_full"
    assert done.cache.cells_used == done.cache.n_ctx == 512
    assert done.prompt_tokens + done.completion_tokens == 512 + 1
    assert engine.chat(FACT, chat="another", sampling=ONE_TOKEN).stop_reason == "length"


def test_a_prompt_longer_than_the_context_is_refused_with_its_length(engine_process: Engine) -> None:
    engine_process.load(ctx_size=256)
    engine_process.chat(FACT)
    before = engine_process.cache()
    with pytest.raises(DoesNotFit) as raised:
        engine_process.chat(LONG)
    length = engine_process.count(LONG).prompt_tokens
    assert str(length) in raised.value.message
    assert "256" in raised.value.message
    assert engine_process.cache() == msgspec.structs.replace(before, id=engine_process.cache().id - 1)


@pytest.mark.parametrize("messages", [(), (Message("system", "Be brief."),)])
def test_there_must_be_something_to_answer(demo_engine: Engine, messages: tuple[Message, ...]) -> None:
    with pytest.raises(EngineError, match="nothing to answer"):
        demo_engine.chat(*messages)


# -------------------------------------------------------------------------------------- what is reused


def test_a_changed_last_question_reads_nothing_of_earlier_turns_again(demo_engine: Engine) -> None:
    first, _second = asks_twice(demo_engine)
    changed = demo_engine.chat(FACT, answer(first), user("What did I say?"), chat="a")
    assert changed.reused_tokens >= first.prompt_tokens + first.completion_tokens
    assert (changed.reread_tokens, changed.reread_reason) == (0, "")


def test_an_answer_made_anew_reads_one_token(demo_engine: Engine) -> None:
    first, second = asks_twice(demo_engine)
    again = demo_engine.chat(FACT, answer(first), QUESTION, chat="a")
    assert again.text == second.text
    assert again.reused_tokens == again.prompt_tokens - 1
    assert again.reread_tokens == 0


def test_a_change_at_the_beginning_has_to_be_read_again(demo_engine: Engine) -> None:
    first, second = asks_twice(demo_engine)
    history = (user("The code for the blue cup is 48213."), answer(first), QUESTION, answer(second))
    changed = demo_engine.chat(*history, user("Thanks."), chat="a")
    assert changed.reread_reason == "history_changed"
    assert 0 < changed.reused_tokens < first.prompt_tokens
    assert changed.reread_tokens == pytest.approx(second.cache.cells_used - changed.reused_tokens, abs=2)


def test_another_chat_takes_the_cache_and_the_first_one_comes_back_unread(demo_engine: Engine) -> None:
    first, second = asks_twice(demo_engine)
    other = demo_engine.chat(user("Tell me a joke."), chat="b")
    assert other.reread_reason == "first_turn"
    assert demo_engine.cache().chat == "b"
    assert demo_engine.cache().shelf_bytes > 0
    told = (FACT, answer(first), QUESTION, answer(second), user("Thanks."))
    assert demo_engine.count(*told, chat="a").reused_tokens == second.cache.cells_used
    back = demo_engine.chat(*told, chat="a")
    assert (back.reread_tokens, back.reread_reason, back.restored_from) == (0, "", "shelf")
    assert back.reused_tokens == second.cache.cells_used
    joke = (user("Tell me a joke."), answer(other), user("And another."))
    assert demo_engine.chat(*joke, chat="b").reused_tokens == other.cache.cells_used


def test_what_is_too_short_for_the_shelf_is_read_again_and_the_reason_named(demo_engine: Engine) -> None:
    first = demo_engine.chat(user("Hi."), chat="a")
    assert first.cache.cells_used < FEWEST_TOKENS
    demo_engine.chat(STORY, chat="b")
    back = demo_engine.chat(user("Hi."), answer(first), user("Hi."), chat="a")
    assert back.reread_reason == "other_chat"
    assert back.reread_tokens == first.cache.cells_used - back.reused_tokens


def test_a_conversation_that_the_engine_does_not_know_was_read_by_another(demo_engine: Engine) -> None:
    first, second = asks_twice(demo_engine)
    demo_engine.load()
    told = (FACT, answer(first), QUESTION, answer(second), user("Thanks."))
    loaded_anew = demo_engine.chat(*told, chat="a")
    assert (loaded_anew.reused_tokens, loaded_anew.reread_reason) == (0, "model_reloaded")
    assert loaded_anew.reread_tokens == second.cache.cells_used


def test_a_system_prompt_is_part_of_the_conversation(demo_engine: Engine) -> None:
    system = Message("system", "Be brief.")
    first = demo_engine.chat(system, FACT)
    again = demo_engine.chat(system, FACT, answer(first), QUESTION)
    assert again.reread_tokens == 0
    changed = demo_engine.chat(Message("system", "Be long."), FACT, answer(first), QUESTION)
    assert changed.reread_reason == "history_changed"


# ------------------------------------------------------------------------------- other templates, models


@pytest.fixture
def demo_with_template(tmp_path: Path, engine_process: Engine) -> Callable[[str], Engine]:
    """The demo model with another chat template in its file."""

    def load(template: str) -> Engine:
        original = str(open_model("demo").get("tokenizer.chat_template", "")).encode()
        padded = template.encode() + b"{#" + b" " * (len(original) - len(template.encode()) - 4) + b"#}"
        assert len(padded) == len(original)
        path = tmp_path / "demo.gguf"
        path.write_bytes(Path(resolve_model("demo")).read_bytes().replace(original, padded))
        engine_process.load(str(path))
        return engine_process

    return load


def test_a_template_that_drops_what_was_thought_is_named(demo_with_template: Callable[[str], Engine]) -> None:
    engine = demo_with_template(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
    )
    first = engine.chat(FACT)
    assert first.reasoning
    assert first.text == ""  # this model never closes the block
    assert all(event.is_reasoning for event in engine.events if isinstance(event, TextPiece))
    after = engine.chat(FACT, answer(first), QUESTION)
    assert after.reread_reason == "reasoning_dropped"
    assert after.reused_tokens < first.prompt_tokens


def test_a_template_that_moves_its_system_prompt_is_named(
    demo_with_template: Callable[[str], Engine],
) -> None:
    engine = demo_with_template(
        "{% for m in messages[1:] %}<|im_start|>{{ m.role }}\n"
        "{% if loop.last %}{{ messages[0].content }} {% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    system = Message("system", "Be brief.")
    first = engine.chat(system, FACT)
    after = engine.chat(system, FACT, answer(first), QUESTION)
    assert after.reread_reason == "template_rewrote"
    assert 0 < after.reused_tokens < first.prompt_tokens
    assert after.reread_tokens > 5


def test_a_broken_template_fails_the_turn_and_not_the_process(
    demo_with_template: Callable[[str], Engine],
) -> None:
    engine = demo_with_template("{% for m in messages %}")
    with pytest.raises(EngineError, match="chat template cannot be read"):
        engine.chat(FACT)
    engine.load()
    assert engine.chat(FACT).stop_reason == "end"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Small random models of other kinds."""
    folder = tmp_path_factory.mktemp("models")
    return lambda kind: str(make_model(kind, folder, seed=3))


LIMITED = Sampling(temperature=0, max_tokens=5)


@pytest.mark.parametrize("kind", ["mamba2", "rwkv7", "jamba", "qwen35"])
def test_a_recurrent_model_goes_back_to_its_checkpoints(
    engine_process: Engine, models: Callable[[str], str], kind: str
) -> None:
    engine_process.load(models(kind), ctx_size=1024)
    first = engine_process.chat(FACT, sampling=LIMITED)
    assert first.stop_reason == "length"
    told = (FACT, answer(first), QUESTION)
    second = engine_process.chat(*told, sampling=LIMITED)
    if "\ufffd" not in first.text:
        assert second.reused_tokens == first.cache.cells_used
        assert second.reread_tokens == 0
    again = engine_process.chat(*told, sampling=LIMITED)
    assert (again.reused_tokens, again.restored_from) == (again.prompt_tokens - 1, "checkpoint")
    assert (again.reread_tokens, again.reread_reason) == (0, "")
    assert again.text == second.text  # the state is really that of the prompt alone
    # An edit of the last question costs that question.
    edited = engine_process.chat(FACT, answer(first), user("What is in the box?"), sampling=LIMITED)
    assert edited.restored_from == "checkpoint"
    assert edited.prompt_tokens - edited.reused_tokens < 40
    fresh = engine_process.chat(
        FACT, answer(first), user("What is in the box?"), chat="fresh", sampling=LIMITED
    )
    assert edited.text == fresh.text


def test_a_window_model_goes_back_within_its_window_alone(
    engine_process: Engine, models: Callable[[str], str]
) -> None:
    engine_process.load(models("gemma3"), ctx_size=4096, ubatch_size=64, batch_size=64)
    first = engine_process.chat(FACT, sampling=LIMITED)
    again = engine_process.chat(FACT, sampling=LIMITED)
    assert again.reused_tokens == again.prompt_tokens - 1
    assert again.text == first.text
    rambled = engine_process.chat(LONG, chat="long", sampling=LIMITED)
    assert rambled.prompt_tokens > 1000
    told = (LONG, Message("assistant", "Yes."), QUESTION)
    after = engine_process.chat(*told, chat="long", sampling=LIMITED)
    assert after.reused_tokens >= rambled.prompt_tokens - 1  # the end of the prompt is in the window
    changed = engine_process.chat(user(LONG.content[:-800] + "?"), *told[1:], chat="long", sampling=LIMITED)
    assert (changed.reused_tokens, changed.reread_reason) == (0, "window_passed")


def test_a_model_that_writes_nothing_is_named(engine_process: Engine, models: Callable[[str], str]) -> None:
    engine_process.load(models("bert"))
    with pytest.raises(EngineError, match="nothing to chat with"):
        engine_process.chat(FACT)
    assert engine_process.cache().cells_used == 0


def test_every_setting_of_the_sampler_at_once(demo_engine: Engine) -> None:
    everything = Sampling(
        temperature=0.7, top_k=20, top_p=0.9, min_p=0.02, typical_p=0.95, xtc_probability=0.3,
        xtc_threshold=0.1, dry_multiplier=0.8, dry_base=1.8, dry_allowed_length=3, dry_penalty_last_n=-1,
        repeat_penalty=1.1, presence_penalty=0.2, frequency_penalty=0.2, repeat_last_n=-1, seed=11,
        max_tokens=40,
    )  # fmt: skip
    first = demo_engine.chat(STORY, sampling=everything, chat="x")
    assert first.text
    assert demo_engine.chat(STORY, sampling=everything, chat="y").text == first.text


def test_a_seed_makes_an_answer_repeatable_and_another_one_changes_it(demo_engine: Engine) -> None:
    texts = [
        demo_engine.chat(STORY, sampling=Sampling(seed=seed), chat=str(place)).text
        for place, seed in enumerate((1, 1, 2, -1, -1))
    ]
    assert texts[0] == texts[1]
    assert len({*texts[1:]}) == 4


def test_the_likeliest_token_needs_no_seed(demo_engine: Engine) -> None:
    only = [Sampling(temperature=0), Sampling(temperature=0, seed=5), Sampling(top_k=1)]
    assert len({demo_engine.chat(STORY, sampling=one, chat=str(n)).text for n, one in enumerate(only)}) == 1


@pytest.mark.parametrize(
    "penalty",
    [{"repeat_penalty": 3.0}, {"presence_penalty": 2.0}, {"frequency_penalty": 2.0}, {"dry_multiplier": 5.0}],
)
def test_penalties_look_as_far_back_as_they_are_told(demo_engine: Engine, penalty: dict[str, float]) -> None:
    base = Sampling(seed=3, repeat_last_n=0, dry_penalty_last_n=0)
    plain = demo_engine.chat(STORY, sampling=base).text
    blind = msgspec.structs.replace(base, **penalty)
    assert demo_engine.chat(STORY, sampling=blind).text == plain
    seeing = msgspec.structs.replace(blind, repeat_last_n=-1, dry_penalty_last_n=-1)
    assert demo_engine.chat(STORY, sampling=seeing).text != plain


def test_a_repeat_penalty_of_zero_is_refused(demo_engine: Engine) -> None:
    with pytest.raises(OptionError, match="divide by zero"):
        demo_engine.chat(FACT, sampling=Sampling(repeat_penalty=0))
