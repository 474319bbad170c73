"""The room in a context, with the engine played: counts, a full context, larger ones, what is left out."""

import msgspec
import pytest

from kvdesk.engine import protocol
from kvdesk.phrases import Phrase
from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions, room_actions
from kvdesk.session.state import Phase
from tests.session.fakes import Stage, answer_events, loaded_event, report, turn_done


def loaded(stage: Stage, ctx_size: int = 1024) -> None:
    """The demo model in a context of so many tokens."""
    stage.open_demo()
    actions.set_option(stage.desk, "ctx_size", ctx_size)
    actions.load_model(stage.desk)
    stage.until(lambda: stage.has("engine") and stage.engine.heard)
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: stage.desk.state.engine.loaded is not None)


def counts(stage: Stage, tokens: tuple[int, ...], obstacle: str = "", reused: int = 0) -> None:
    """Have the latest question after what messages take answered."""
    command = stage.engine.last(protocol.CountTokens)
    assert len(tokens) == len(command.messages)
    total = sum(tokens)
    said = protocol.TokensCounted(
        id=command.id,
        prompt_tokens=total,
        reused_tokens=reused,
        new_tokens=total - reused,
        message_tokens=tokens,
        shift_obstacle=Phrase(obstacle),
    )
    stage.engine.say(said)
    stage.until(lambda: stage.desk.queue.empty())


def asked(stage: Stage, kind: type, before: int) -> bool:
    return any(isinstance(command, kind) for command in stage.engine.heard[before:])


def typed(stage: Stage, text: str) -> None:
    """Type, pause, and wait for the question."""
    actions.draft_changed(stage.desk, text)
    stage.now_s += 1
    stage.until(
        lambda: any(
            isinstance(command, protocol.CountTokens) and command.messages[-1].content == text
            for command in stage.engine.heard
        )
    )


def rebuilt_event(command: protocol.Rebuild, how: str = "copied", why: str = "") -> protocol.Rebuilt:
    return protocol.Rebuilt(
        id=command.id,
        report=report(weights_bytes=20_000_000),
        options=command.options,
        n_ctx_seq=command.options.ctx_size,
        flash_attn=True,
        can_shift=True,
        how=how,
        route=command.route,
        kept_tokens=11,
        state_bytes=4 << 20,
        elapsed_s=0.5,
        copy_s=0.25,
        divergence=0.0,
        why=Phrase(why),
    )


# ---------------------------------------------------------------------------------------- before sending


def test_what_a_message_takes_and_when_its_answer_begins(stage: Stage):
    loaded(stage)
    for number in range(3):
        stage.answered(f"Question {number}")
    stage.settle()
    typed(stage, "And now?")
    counts(stage, (20, 4, 20, 4, 20, 4, 30), reused=72)
    stage.until(lambda: stage.desk.state.send_cost)
    cost = stage.desk.state.send_cost
    # Three prompts alike were read in half a second each: nothing tells yet that 30 tokens take longer.
    assert cost.seconds_to_first_token == pytest.approx(0.5)
    assert (cost.new_tokens, cost.expected_tokens, cost.cells_after) == (30, 3, 105)
    ids = [message.id for message in stage.desk.state.chat.messages]
    assert stage.desk.state.message_tokens == tuple(zip(ids, (20, 4, 20, 4, 20, 4), strict=True))
    assert stage.desk.state.overflow is None


def test_nothing_is_said_of_time_before_something_was_measured(stage: Stage):
    loaded(stage)
    typed(stage, "Hello")
    counts(stage, (30,))
    stage.until(lambda: stage.desk.state.send_cost)
    assert stage.desk.state.send_cost.seconds_to_first_token is None


def test_what_was_measured_is_known_the_next_time(stage: Stage):
    loaded(stage)
    for number in range(3):
        stage.answered(f"Question {number}")
    stage.settle()
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.paces.curves)
        loaded(again)
        assert len(again.desk.curve.readings) == 3
    finally:
        again.close()


def test_what_would_fall_out_is_shown_before_it_does(stage: Stage):
    loaded(stage)
    stage.answered("First")
    stage.answered("Second")
    typed(stage, "Third")
    counts(stage, (300, 300, 200, 100, 200), "This cache cannot be moved.")
    stage.until(lambda: stage.desk.state.overflow)
    overflow = stage.desk.state.overflow
    first, second, *_ = stage.desk.state.chat.messages
    assert overflow.ids == (first.id, second.id)
    assert overflow.reread_tokens == 500
    assert "This cache cannot be moved." in overflow.way("roll").cost
    actions.draft_changed(stage.desk, "")
    assert stage.desk.state.overflow is None


# --------------------------------------------------------------------------------------- a full context


def full(stage: Stage, policy: str) -> int:
    """A conversation whose next prompt is too long, with this policy; the id of its first message."""
    loaded(stage)
    actions.set_setting(stage.desk, "auto_grow", "off")
    stage.answered("First " + "word " * 300)
    stage.settle()
    room_actions.choose_overflow(stage.desk, policy)
    return stage.desk.state.chat.messages[0].id


def send(stage: Stage, text: str, awaited: type) -> None:
    before = len(stage.engine.heard)
    actions.send_message(stage.desk, text)
    stage.until(lambda: asked(stage, awaited, before))


@pytest.mark.parametrize("policy", ["stop", "roll"])
def test_a_policy_is_told_to_the_engine_and_kept(stage: Stage, policy: str):
    loaded(stage, 4096)
    room_actions.choose_overflow(stage.desk, policy)
    command = stage.asked("Second")
    assert (command.overflow, command.may_shift) == (policy, policy == "roll")
    chat_id = stage.desk.state.chat.id
    stage.settle()
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.state.chat is not None)
        assert (again.desk.state.chat.id, again.desk.state.chat.overflow) == (chat_id, policy)
    finally:
        again.close()


def test_rolling_on_leaves_out_what_was_shown_to_fall_out(stage: Stage):
    full(stage, "roll")
    send(stage, "Second", protocol.CountTokens)
    before = len(stage.engine.heard)
    counts(stage, (900, 4, 200), "This cache cannot be moved.")
    stage.until(lambda: asked(stage, protocol.Chat, before))
    command = stage.engine.last(protocol.Chat)
    assert [m.content for m in command.messages] == ["Second"]
    assert (command.overflow, command.may_shift) == ("roll", True)
    assert "904 tokens" in stage.desk.state.notice.message
    stage.engine.say(*answer_events(command.id, "Fine."))
    stage.until(lambda: stage.desk.state.streaming is None)
    stage.settle()
    shown = stage.desk.state.chat.messages
    assert [message.is_dropped for message in shown] == [True, True, False, False]
    assert [message.content for message in shown[2:]] == ["Second", "Fine."]


def test_what_the_engine_left_out_stays_shown_and_is_not_sent_again(stage: Stage):
    first = full(stage, "stop")
    command = stage.asked("Second")
    dropped = protocol.MessagesDropped(id=command.id, places=(0, 1), tokens=400, is_shifted=True)
    stage.engine.say(dropped, *answer_events(command.id, "Fine."))
    stage.until(lambda: stage.desk.state.streaming is None)
    stage.until(lambda: stage.desk.state.chat.messages[0].is_dropped)
    stage.settle()
    shown = stage.desk.state.chat.messages
    assert [message.is_dropped for message in shown] == [True, True, False, False]
    assert shown[0].id == first
    assert "400 tokens" in stage.desk.state.notice.message
    assert stage.desk.history.marks[-1].kind == "turn"
    assert "shift" in [mark.kind for mark in stage.desk.history.marks]
    assert [m.content for m in stage.asked("Third").messages] == ["Second", "Fine.", "Third"]


def test_asking_holds_the_answer_back_until_there_is_a_choice(stage: Stage):
    full(stage, "ask")
    send(stage, "Second", protocol.CountTokens)
    counts(stage, (900, 4, 200))
    stage.until(lambda: stage.desk.state.overflow_asked is not None)
    assert actions.is_busy(stage.desk)
    assert stage.desk.state.overflow is not None
    before = len(stage.engine.heard)
    room_actions.answer_overflow(stage.desk, "roll")
    stage.until(lambda: asked(stage, protocol.Chat, before))
    assert stage.engine.last(protocol.Chat).overflow == "roll"
    assert stage.desk.state.overflow_asked is None


def test_asking_does_not_ask_where_all_fits(stage: Stage):
    full(stage, "ask")
    send(stage, "Second", protocol.CountTokens)
    before = len(stage.engine.heard)
    counts(stage, (300, 4, 20))
    stage.until(lambda: asked(stage, protocol.Chat, before))
    assert stage.engine.last(protocol.Chat).overflow == "stop"


def test_a_short_chat_is_not_even_counted(stage: Stage):
    loaded(stage, 4096)
    room_actions.choose_overflow(stage.desk, "ask")
    before = len(stage.engine.heard)
    stage.asked("Hello")
    assert not asked(stage, protocol.CountTokens, before)


def test_a_count_that_fails_leaves_it_to_the_engine(stage: Stage):
    full(stage, "ask")
    send(stage, "Second", protocol.CountTokens)
    before = len(stage.engine.heard)
    stage.engine.say(
        protocol.Failed(
            id=stage.engine.last(protocol.CountTokens).id, kind="EngineError", message=Phrase("No.")
        )
    )
    stage.until(lambda: asked(stage, protocol.Chat, before))


def test_choosing_to_drop_calls_the_answer_off_and_keeps_the_question(stage: Stage):
    first = full(stage, "ask")
    send(stage, "Second", protocol.CountTokens)
    counts(stage, (900, 4, 200))
    stage.until(lambda: stage.desk.state.overflow_asked is not None)
    room_actions.answer_overflow(stage.desk, "drop")
    assert not actions.is_busy(stage.desk)
    room_actions.drop_messages(stage.desk, (first,))
    stage.until(lambda: stage.desk.state.chat.messages[0].is_dropped)
    assert [message.is_dropped for message in stage.desk.state.chat.messages] == [True, True, False]
    before = len(stage.engine.heard)
    room_actions.choose_overflow(stage.desk, "stop")
    actions.regenerate(stage.desk)
    stage.until(lambda: asked(stage, protocol.Chat, before))
    assert [m.content for m in stage.engine.last(protocol.Chat).messages] == ["Second"]


def test_pins_are_told_to_the_engine_and_protect(stage: Stage):
    first = full(stage, "stop")
    room_actions.pin_message(stage.desk, first)
    stage.until(lambda: stage.desk.state.chat.messages[0].is_pinned)
    room_actions.drop_messages(stage.desk, (first,))
    stage.settle()
    assert not stage.desk.state.chat.messages[0].is_dropped
    assert stage.asked("Second").messages[0].is_pinned


def test_dropped_messages_come_back(stage: Stage):
    first = full(stage, "stop")
    room_actions.drop_messages(stage.desk, (first,))
    stage.until(lambda: stage.desk.state.chat.messages[0].is_dropped)
    room_actions.bring_back(stage.desk, (first, stage.desk.state.chat.messages[1].id))
    stage.until(lambda: not stage.desk.state.chat.messages[0].is_dropped)
    assert len(stage.asked("Second").messages) == 3


def test_any_message_of_the_user_can_be_sent_otherwise(stage: Stage):
    loaded(stage)
    for text in ("One", "Two", "Three"):
        stage.answered(text)
    stage.settle()
    second = stage.desk.state.chat.messages[2]
    before = len(stage.engine.heard)
    actions.edit_message(stage.desk, second.id, "Two, better")
    stage.until(lambda: asked(stage, protocol.Chat, before))
    assert [m.content for m in stage.engine.last(protocol.Chat).messages] == ["One", "Hi.", "Two, better"]


# ------------------------------------------------------------------------------------------- a summary


def summarised(stage: Stage) -> protocol.Chat:
    """The first exchange is being summarised; the command that the engine heard."""
    loaded(stage, 4096)
    for text in ("One", "Two"):
        stage.answered(text)
    stage.settle()
    before = len(stage.engine.heard)
    room_actions.compact_messages(stage.desk, (stage.desk.state.chat.messages[0].id,))
    stage.until(lambda: asked(stage, protocol.Chat, before))
    return stage.engine.last(protocol.Chat)


def test_a_summary_is_shown_first_and_taken_then(stage: Stage):
    command = summarised(stage)
    assert command.chat != str(stage.desk.state.chat.id)
    assert "User: One" in command.messages[0].content
    assert "Two" not in command.messages[0].content
    cache = stage.desk.state.engine.cache
    stage.engine.say(*answer_events(command.id, "They said hi."))
    stage.until(lambda: stage.desk.state.compaction and stage.desk.state.compaction.is_done)
    assert stage.desk.state.compaction.text == "They said hi."
    assert stage.desk.state.engine.cache == cache
    assert stage.desk.state.streaming is None
    assert [message.is_dropped for message in stage.desk.state.chat.messages] == [False] * 4
    room_actions.accept_compaction(stage.desk)
    stage.until(lambda: len(stage.desk.state.chat.messages) == 6)
    assert stage.desk.state.compaction is None
    shown = stage.desk.state.chat.messages
    assert [message.is_dropped for message in shown] == [True, True, False, False, False, False]
    assert shown[3].stands_for == (shown[0].id, shown[1].id)
    contents = [m.content for m in stage.asked("Three").messages]
    assert contents == [shown[2].content, "They said hi.", "Two", "Hi.", "Three"]


def test_a_summary_that_is_not_wanted_changes_nothing(stage: Stage):
    command = summarised(stage)
    room_actions.cancel_compaction(stage.desk)
    assert stage.engine.last(protocol.Cancel).target == command.id
    stage.engine.say(turn_done(command.id, "They", "cancelled"))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    stage.settle()
    assert stage.desk.state.compaction is None
    assert len(stage.desk.state.chat.messages) == 4


def test_a_summary_that_fails_is_told_and_changes_nothing(stage: Stage):
    command = summarised(stage)
    stage.engine.say(protocol.Failed(id=command.id, kind="DoesNotFit", message=Phrase("Too long.")))
    stage.until(lambda: stage.desk.state.notice)
    assert (stage.desk.state.compaction, stage.desk.state.engine.phase) == (None, Phase.READY)
    assert len(stage.desk.state.chat.messages) == 4


# ------------------------------------------------------------------------------------- a larger context


def test_another_context_with_what_was_in_the_old_one(stage: Stage):
    loaded(stage)
    stage.answered("Hello")
    room_actions.change_context(stage.desk, ctx_size=2048)
    command = stage.engine.last(protocol.Rebuild)
    assert (command.options.ctx_size, command.route) == (2048, "device")
    assert stage.desk.state.engine.phase is Phase.REBUILDING
    stage.engine.say(protocol.RebuildProgress(id=command.id, stage="restoring", fraction=0.5))
    stage.until(lambda: stage.desk.state.engine.progress == 0.5)
    assert stage.desk.state.engine.rebuild_stage == "restoring"
    stage.engine.say(rebuilt_event(command))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    state = stage.desk.state
    assert (state.engine.loaded.n_ctx_seq, state.engine.cache.n_ctx, state.engine.cache.cells_used) == (
        2048,
        2048,
        11,
    )
    assert state.context_numbers == (2048, None, 2048)
    assert state.options.ctx_size == 2048  # the desk shows what is there
    assert stage.desk.last_load[1].ctx_size == 2048  # and so would a reload
    assert stage.desk.history.marks[-1].kind == "resized"
    assert stage.desk.paces.setup_s == 0.25


def test_a_message_sent_meanwhile_waits_for_the_context(stage: Stage):
    loaded(stage)
    stage.answered("Hello")
    room_actions.change_context(stage.desk, cache_type_k="q8_0", cache_type_v="q8_0")
    command = stage.engine.last(protocol.Rebuild)
    before = len(stage.engine.heard)
    actions.send_message(stage.desk, "More")
    stage.until(lambda: stage.desk.wanted_answer is not None)
    assert not asked(stage, protocol.Chat, before)
    stage.engine.say(rebuilt_event(command, "converted"))
    stage.until(lambda: asked(stage, protocol.Chat, before))
    assert "converted" in [mark.kind for mark in stage.desk.history.marks]


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_rebuild_that_does_not_come_about_leaves_the_context(stage: Stage, is_cancelled: bool):
    loaded(stage)
    room_actions.change_context(stage.desk, ctx_size=2048)
    command = stage.engine.last(protocol.Rebuild)
    if is_cancelled:
        room_actions.cancel_rebuild(stage.desk)
        assert stage.engine.last(protocol.Cancel).target == command.id
        stage.engine.say(protocol.CancelledEvent(id=command.id))
    else:
        stage.engine.say(
            protocol.Failed(id=command.id, kind="OutOfMemory", message=Phrase("K does not fit."))
        )
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    assert stage.desk.state.engine.loaded.n_ctx_seq == 1024
    assert stage.desk.state.context_numbers.actual == 1024
    if not is_cancelled:
        assert stage.desk.state.notice.message == "K does not fit."


def test_a_context_that_had_to_be_read_again_says_why(stage: Stage):
    loaded(stage)
    room_actions.change_context(stage.desk, ctx_size=2048)
    command = stage.engine.last(protocol.Rebuild)
    stage.engine.say(rebuilt_event(command, "reread", "Its layout is not known."))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    assert "Its layout is not known." in stage.desk.state.notice.message


def near_end(stage: Stage, setting: str) -> None:
    """A turn that leaves a context of 1,024 tokens nearly full."""
    loaded(stage)
    actions.set_setting(stage.desk, "auto_grow", setting)
    command = stage.asked("Hello")
    *events, done = answer_events(command.id, "Hi.")
    done = msgspec.structs.replace(
        done, cache=msgspec.structs.replace(done.cache, cells_used=900, n_ctx=1024)
    )
    stage.engine.say(*events, done)
    stage.until(lambda: stage.desk.state.streaming is None)
    stage.now_s += 1
    stage.until(lambda: stage.desk.question is not None and len(stage.desk.question.ids) == 2)
    counts(stage, (800, 100))


def test_near_the_end_a_larger_context_is_offered(stage: Stage):
    near_end(stage, "offer")
    stage.until(lambda: stage.desk.state.grow_offer)
    offer = stage.desk.state.grow_offer
    assert (offer.ctx_size, offer.pair) == (2048, ("f16", "f16"))
    assert not any(isinstance(command, protocol.Rebuild) for command in stage.engine.heard)
    room_actions.rebuild(stage.desk, offer)
    assert stage.engine.last(protocol.Rebuild).options.ctx_size == 2048
    assert stage.desk.state.grow_offer is None


def test_where_it_is_set_so_it_is_done(stage: Stage):
    near_end(stage, "do")
    stage.until(lambda: any(isinstance(command, protocol.Rebuild) for command in stage.engine.heard))
    assert "2,048 tokens" in stage.desk.state.notice.message


def test_where_it_is_off_nothing_is_offered(stage: Stage):
    near_end(stage, "off")
    stage.settle()
    assert (stage.desk.state.grow_offer, stage.desk.state.ladder) == (None, ())


def test_growing_is_one_way_on_also_where_it_is_not_offered(stage: Stage):
    full(stage, "ask")
    send(stage, "Second", protocol.CountTokens)
    counts(stage, (900, 4, 200))
    stage.until(lambda: stage.desk.state.overflow_asked is not None)
    stage.until(lambda: stage.desk.state.overflow.way("grow").is_possible)
    assert "2,048 tokens" in stage.desk.state.overflow.way("grow").cost
    assert stage.desk.state.grow_offer is None


def test_an_offer_can_be_declined(stage: Stage):
    near_end(stage, "offer")
    stage.until(lambda: stage.desk.state.grow_offer)
    room_actions.decline_growing(stage.desk)
    assert stage.desk.state.grow_offer is None


def test_an_answer_that_will_not_fit_waits_for_a_larger_context(stage: Stage):
    full(stage, "stop")
    actions.set_setting(stage.desk, "auto_grow", "do")
    send(stage, "Second", protocol.CountTokens)
    before = len(stage.engine.heard)
    counts(stage, (900, 4, 200))
    stage.until(lambda: asked(stage, protocol.Rebuild, before))
    assert not asked(stage, protocol.Chat, before)
    assert "2,048 tokens" in stage.desk.state.notice.message
    stage.engine.say(rebuilt_event(stage.engine.last(protocol.Rebuild)))
    stage.until(lambda: asked(stage, protocol.Chat, before))


def test_a_context_that_does_not_fit_is_not_asked_for(stage: Stage):
    loaded(stage)
    room_actions.change_context(stage.desk, cache_type_k="q3_k")
    assert stage.desk.state.notice is not None
    assert not any(isinstance(command, protocol.Rebuild) for command in stage.engine.heard)


def test_a_rehearsal_shows_its_progress_and_teaches_the_curve(stage: Stage):
    loaded(stage)
    room_actions.rehearse(stage.desk)
    command = stage.engine.last(protocol.Rehearse)
    assert stage.desk.state.engine.phase is Phase.REHEARSING
    stage.engine.say(
        protocol.RehearsalProgress(
            id=command.id, round=2, rounds=2, done_tokens=512, total_tokens=1024, left_s=1.0
        )
    )
    stage.until(lambda: stage.desk.state.engine.progress == 0.75)
    speeds = tuple(protocol.SpeedAtDepth(depth, 1000.0 - depth / 2) for depth in (0, 256, 512))
    stage.engine.say(
        protocol.Rehearsed(
            id=command.id,
            n_tokens=1024,
            rounds=2,
            high_water=(),
            process_bytes=1,
            speeds=speeds,
            elapsed_s=2.0,
        )
    )
    stage.until(lambda: stage.desk.state.engine.rehearsed)
    assert stage.desk.state.engine.phase is Phase.READY
    assert stage.desk.curve.tokens_per_s(512) < stage.desk.curve.tokens_per_s(0)


def test_expected_answers_are_as_long_as_they_were_and_no_longer_than_allowed(stage: Stage):
    loaded(stage)
    actions.set_sampling(stage.desk, Sampling(max_tokens=2))
    stage.answered("Hello")
    typed(stage, "And?")
    counts(stage, (10, 10, 10))
    stage.until(lambda: stage.desk.state.send_cost)
    assert stage.desk.state.send_cost.expected_tokens == 2
