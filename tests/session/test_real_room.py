"""The room in a context with the real engine and the demo model: grown, rolled, summarised, parked."""

import pytest

from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions, parking, room_actions
from kvdesk.session.state import Phase
from tests.session.test_real_engine import Real

FACT = "The code for the blue box is 48213."
QUESTION = "What is the code for the blue box?"

pytestmark = pytest.mark.llama


@pytest.fixture
def real(tmp_path):
    real = Real(tmp_path)
    real.open()
    actions.set_sampling(real.desk, Sampling(temperature=0.0, max_tokens=32))
    actions.set_option(real.desk, "threads", 1)
    actions.set_option(real.desk, "ctx_size", 512)
    yield real
    real.desk.close()


def ready(real: Real) -> None:
    real.until(lambda: real.desk.state.engine.phase is Phase.READY)


def test_a_chat_grows_and_changes_its_types_and_reads_nothing_again(real: Real):
    real.ask(FACT)
    room_actions.change_context(real.desk, ctx_size=1024)
    ready(real)
    assert real.desk.state.context_numbers.actual == 1024
    assert real.desk.state.engine.rebuilt.how == "copied"
    room_actions.change_context(real.desk, cache_type_k="q8_0", cache_type_v="q8_0")
    ready(real)
    assert real.desk.state.engine.rebuilt.how == "converted"
    answer = real.ask(QUESTION)
    assert "48213" in answer.content
    assert answer.figures.reread_tokens == 0
    assert answer.figures.reused_tokens == real.desk.state.engine.rebuilt.kept_tokens
    assert {"resized", "converted"} <= {mark.kind for mark in real.desk.history.marks}


def test_near_the_end_the_context_grows_by_itself_where_it_is_set_so(real: Real):
    actions.set_setting(real.desk, "auto_grow", "do")
    answers = [real.ask(f"{number}. {'Blue boxes are blue. ' * 12}") for number in range(8)]
    assert real.desk.state.engine.loaded.n_ctx_seq > 512
    assert not any(answer.figures.reread_tokens for answer in answers)
    assert not any(message.is_dropped for message in real.messages)


def test_a_chat_rolls_on_to_three_times_its_context(real: Real):
    actions.set_setting(real.desk, "auto_grow", "off")
    room_actions.choose_overflow(real.desk, "roll")
    real.ask(FACT)
    room_actions.pin_message(real.desk, real.messages[0].id)
    real.until(lambda: real.messages[0].is_pinned)
    said = 0
    for number in range(40):
        figures = real.ask(f"{number}. {'Blue boxes are blue. ' * 8}").figures
        said += figures.completion_tokens + 50
        if said > 3 * 512:
            break
    assert said > 3 * 512
    dropped = [message.is_dropped for message in real.messages]
    assert dropped[:2] == [False, False]  # pinned, with its answer
    assert any(dropped)
    assert not any(dropped[-2:])
    assert "48213" in real.ask(QUESTION).content


def test_stopping_is_a_sentence_and_nothing_is_lost(real: Real):
    actions.set_setting(real.desk, "auto_grow", "off")
    real.ask("Blue boxes are blue. " * 40)
    actions.send_message(real.desk, "Red boxes are red. " * 80)
    real.until(lambda: real.desk.state.notice is not None)
    assert "context holds" in real.desk.state.notice.message
    assert len(real.messages) == 3
    assert not any(message.is_dropped for message in real.messages)


def test_a_summary_that_is_not_wanted_leaves_the_cache_as_it_was(real: Real):
    real.ask(FACT)
    real.ask("Thanks.")
    ready(real)
    real.until(lambda: len(real.desk.state.message_tokens) == 4)
    room_actions.compact_messages(real.desk, (real.messages[0].id,))
    real.until(lambda: real.desk.state.compaction and real.desk.state.compaction.is_done)
    room_actions.cancel_compaction(real.desk)
    answer = real.ask(QUESTION)
    assert answer.figures.reread_tokens == 0
    assert "48213" in answer.content


def test_a_summary_stands_for_what_was_said(real: Real):
    real.ask(FACT)
    real.ask("Thanks.")
    ready(real)
    real.until(lambda: len(real.desk.state.message_tokens) == 4)
    room_actions.compact_messages(real.desk, (real.messages[0].id,))
    real.until(lambda: real.desk.state.compaction and real.desk.state.compaction.is_done)
    assert real.desk.state.compaction.tokens > 0
    room_actions.accept_compaction(real.desk, "The code for the blue box is 48213.")
    real.until(lambda: len(real.messages) == 6)
    before = real.messages
    answer = real.ask(QUESTION)
    assert "48213" in answer.content
    assert [message.is_dropped for message in before] == [True, True, False, False, False, False]


def test_a_parked_chat_reads_nothing_after_a_restart(tmp_path):
    first = Real(tmp_path)
    first.open()
    actions.set_sampling(first.desk, Sampling(temperature=0.0, max_tokens=32))
    actions.set_option(first.desk, "threads", 1)
    first.ask(f"{FACT} {'Blue boxes are blue. ' * 60}")
    offer = parking.offer_parking(first.desk)
    assert offer.tokens > 256
    chat_id = first.desk.state.chat.id
    room_actions.park_chat(first.desk, chat_id)
    first.until(lambda: first.desk.state.parked)
    (parked,) = first.desk.state.parked
    assert parked.n_bytes >= offer.n_bytes * 0.9
    first.desk.close()

    second = Real(tmp_path)
    try:
        second.open()
        actions.set_option(second.desk, "threads", 1)
        answer = second.ask(QUESTION)
        assert answer.figures.reread_tokens == 0
        assert answer.figures.reused_tokens == parked.tokens
        actions.delete_chat(second.desk, chat_id)
        second.until(lambda: not second.desk.state.parked)
    finally:
        second.desk.close()


def test_the_time_before_the_first_word_is_near_what_it_then_takes(real: Real):
    for number in range(4):
        real.ask(f"{number}. {'Blue boxes are blue. ' * (2 + 4 * number)}")
    ready(real)
    actions.draft_changed(real.desk, "Blue boxes are blue. " * 10)
    real.until(lambda: real.desk.state.send_cost is not None)
    cost = real.desk.state.send_cost
    assert cost.seconds_to_first_token is not None
    assert cost.seconds_to_first_token >= 0
    answer = real.ask("Blue boxes are blue. " * 10)
    assert answer.figures.new_tokens == pytest.approx(cost.new_tokens, abs=2)
