"""Events in, states out."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.engine import protocol
from kvdesk.memory.report import Device, Refusal
from kvdesk.plan.fits import PairFit
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.session import events
from kvdesk.session.apply import apply
from kvdesk.session.arithmetic import open_source
from kvdesk.session.state import (
    ChatMessage,
    ChatSummary,
    Conversation,
    DeskState,
    Notice,
    Phase,
    SendCost,
    Streaming,
)
from tests.session.fakes import answer_events, hello, loaded_event, planned_event, report, sample

DEMO = open_source("demo")
PATH = DEMO.card.path
SMALL, LARGE = LoadOptions(ctx_size=1024), LoadOptions(ctx_size=2048)
Q8 = LoadOptions(ctx_size=1024, cache_type_k="q8_0", cache_type_v="q8_0")
DRY_RUN = protocol.DryRun(id=1, model=PATH, options=SMALL)
LOAD = protocol.Load(id=1, model=PATH, options=SMALL)
CHAT = Conversation(1, "Title", (ChatMessage(1, "user", "Hello"),))


def play(*happened: events.Happening, start: DeskState | None = None) -> DeskState:
    state = start or DeskState()
    for event in happened:
        state = apply(state, event)
    return state


def from_engine(*said: protocol.Event, purpose: events.Purpose = "other") -> list[events.Happening]:
    return [events.FromEngine(event, purpose) for event in said]


def fit(ctk: str, ctv: str, ctx_size: int | None) -> PairFit:
    return PairFit(ctk, ctv, ctx_size, 0, 0, "unknown", 0, "")


OPENED = play(events.ModelOpening("demo"), events.ModelOpened("demo", DEMO, SMALL))
LOADED = play(
    events.EngineStarting(),
    *from_engine(hello()),
    events.LoadBegun(),
    *from_engine(loaded_event(LOAD), purpose="load"),
    events.ChatOpened(CHAT),
    start=OPENED,
)
ANSWERING = play(events.TurnBegun(1), start=LOADED)


# ------------------------------------------------------------------------------- the model, three degrees


def test_opening():
    opening = play(events.ModelOpening("demo"))
    assert (opening.opening, opening.model) == ("demo", None)
    assert (OPENED.opening, OPENED.model, OPENED.options) == ("", DEMO.card, SMALL)


def test_a_model_that_was_overtaken_by_another_is_not_shown():
    state = play(events.ModelOpening("b"), events.ModelOpened("demo", DEMO, SMALL))
    assert (state.opening, state.model) == ("b", None)


def test_a_file_that_cannot_be_read_leaves_the_open_model():
    notice = Notice("That is no model.")
    state = play(events.ModelOpening("bad"), events.OpenFailed("bad", notice), start=OPENED)
    assert (state.opening, state.model, state.notice) == ("", DEMO.card, notice)


def test_a_plan_never_outlives_its_options():
    planned = events.PlanFound(PATH, SMALL, planned_event(DRY_RUN))
    state = play(planned, start=OPENED)
    assert state.plan is not None
    assert state.plan_options == SMALL
    moved = play(events.OptionsChanged(LARGE), start=state)
    assert (moved.plan, moved.plan_options) == (None, None)
    assert play(planned, start=moved) == moved  # it came too late
    back = play(events.OptionsChanged(SMALL), planned, start=moved)
    assert back.plan == state.plan


def test_answers_about_another_model_are_dropped():
    late = (
        events.PlanFound("/other.gguf", SMALL, planned_event(DRY_RUN)),
        events.Estimated("/other.gguf", SMALL, report("estimate"), (), 0.0),
        events.FitsFound("/other.gguf", SMALL, (fit("f16", "f16", 512),)),
    )
    assert play(*late, start=OPENED) == OPENED
    assert play(*late) == DeskState()


def test_while_the_slider_moves_the_estimate_stays_until_the_next():
    first = events.Estimated(PATH, SMALL, report("estimate"), (), 0.0)
    state = play(first, events.OptionsChanged(LARGE), start=OPENED)
    assert state.estimate == first.report
    second = events.Estimated(PATH, LARGE, report("estimate", 20_000_000), (), 0.0)
    state = play(first, second, start=state)
    assert state.estimate == second.report


def test_what_llama_cpp_refuses_joins_the_refusals_once():
    notice = Notice("llama.cpp refuses.", "Choose another.")
    ours = Refusal("cache_type_v", "V needs flash attention.", "Turn it on.")
    refused = events.PlanFound(PATH, SMALL, None, notice)
    theirs = Refusal("", notice.message, notice.hint)

    estimated = events.Estimated(PATH, SMALL, report("estimate"), (), 0.0)
    for order in ((estimated, refused), (refused, estimated)):
        state = play(*order, start=OPENED)
        assert (state.plan, state.plan_notice, state.refusals) == (None, notice, (theirs,))
    known = events.Estimated(PATH, SMALL, report("estimate"), (ours,), 0.0)
    for order in ((known, refused), (refused, known)):
        assert play(*order, start=OPENED).refusals == (ours,)
    assert play(refused, events.OptionsChanged(LARGE), start=OPENED).refusals == ()


def test_the_largest_context_follows_the_pair():
    fits = (fit("f16", "f16", 4096), fit("q8_0", "q8_0", 8192), fit("q8_0", "f16", None))
    state = play(events.FitsFound(PATH, LARGE, fits), start=OPENED)  # another context does not matter
    assert state.max_ctx_size == 4096
    state = play(events.OptionsChanged(Q8), start=state)
    assert (state.max_ctx_size, state.fits) == (8192, fits)
    mixed = LoadOptions(ctx_size=1024, cache_type_k="q8_0", cache_type_v="f16")
    assert play(events.OptionsChanged(mixed), start=state).max_ctx_size is None
    other = play(events.OptionsChanged(LoadOptions(ctx_size=1024, ubatch_size=64)), start=state)
    assert (other.max_ctx_size, other.fits) == (None, ())


# ----------------------------------------------------------------------------------------------- the engine


def test_the_way_to_a_loaded_model():
    state = play(events.EngineStarting(), start=OPENED)
    assert state.engine.phase is Phase.STARTING
    state = play(*from_engine(hello()), start=state)
    assert state.engine.phase is Phase.IDLE
    state = play(events.LoadBegun(), start=state)
    assert state.engine.phase is Phase.LOADING
    progress = protocol.LoadProgress(id=1, fraction=0.4, stage="weights")
    state = play(*from_engine(progress, purpose="load"), start=state)
    assert state.engine.progress == 0.4
    assert LOADED.engine.phase is Phase.READY
    assert LOADED.engine.loaded is not None
    assert LOADED.measured == report()


def test_a_late_greeting_does_not_hide_the_load():
    state = play(events.EngineStarting(), events.LoadBegun(), *from_engine(hello()))
    assert state.engine.phase is Phase.LOADING


@pytest.mark.parametrize(
    ("end", "notice"),
    [
        (protocol.CancelledEvent(id=1), None),
        (
            protocol.Failed(id=1, kind="OutOfMemory", message="No room.", hint="Less."),
            Notice("No room.", "Less."),
        ),
    ],
)
def test_a_load_that_does_not_succeed_leaves_an_empty_engine(end: protocol.Event, notice: Notice | None):
    state = play(events.LoadBegun(), *from_engine(end, purpose="load"), start=LOADED)
    assert state.engine.phase is Phase.IDLE
    assert (state.engine.loaded, state.measured, state.notice) == (None, None, notice)
    assert state.chat == CHAT


def test_a_turn_step_by_step():
    assert ANSWERING.engine.phase is Phase.PREFILL
    assert ANSWERING.streaming == Streaming(1)
    prefill, thought, *words, done = answer_events(2, "Hi there", reasoning="Hm.")
    state = play(*from_engine(prefill, purpose="turn"), start=ANSWERING)
    assert (state.engine.prefill_done_tokens, state.engine.tokens_per_s) == (8, 12.0)
    state = play(*from_engine(thought, *words, purpose="turn"), start=state)
    assert state.engine.phase is Phase.DECODE
    assert state.engine.tokens_per_s == 50.0
    assert state.streaming == Streaming(1, "Hithere", "Hm.", 3)
    state = play(*from_engine(done, purpose="turn"), start=state)
    assert state.engine.phase is Phase.READY
    assert state.engine.cache is not None
    assert state.streaming is not None  # until the answer is stored
    answer = ChatMessage(2, "assistant", "Hi there")
    state = play(events.AnswerSaved(1, answer), start=state)
    assert state.streaming is None
    assert state.chat is not None
    assert state.chat.messages[-1] == answer


def test_a_turn_that_ends_does_not_hide_the_load_that_ended_it():
    done = answer_events(2, "Hi")[-1]
    for end in (done, protocol.CancelledEvent(id=2)):
        state = play(events.LoadBegun(), *from_engine(end, purpose="turn"), start=ANSWERING)
        assert state.engine.phase is Phase.LOADING
        assert state.engine.loaded is None


def test_a_failed_turn_leaves_the_model_loaded():
    failed = protocol.Failed(id=2, kind="EngineError", message="The template is broken.")
    state = play(*from_engine(failed, purpose="turn"), start=ANSWERING)
    assert state.engine.phase is Phase.READY
    assert state.engine.loaded is not None
    assert state.notice == Notice("The template is broken.")


def test_a_failed_count_is_not_told():
    failed = protocol.Failed(id=3, kind="EngineError", message="The template is broken.")
    assert play(*from_engine(failed, purpose="count"), start=LOADED) == LOADED


@pytest.mark.parametrize("start", [LOADED, ANSWERING, play(events.LoadBegun(), start=OPENED)])
def test_the_end_of_the_engine_is_said_and_the_chat_stays(start: DeskState):
    exited = protocol.EngineExited(
        cause="killed", message="Killed.", hint="Reload.", exit_code=-9, stderr_tail=("a", "b")
    )
    state = play(events.FromEngine(exited, "turn"), start=start)
    assert state.engine.phase is Phase.ENDED
    assert state.engine.ended == Notice("Killed.", "Reload.", "a\nb")
    assert (state.engine.loaded, state.measured, state.send_cost) == (None, None, None)
    assert (state.chat, state.model, state.options) == (start.chat, start.model, start.options)
    again = play(events.EngineStarting(), start=state)
    assert (again.engine.phase, again.engine.ended) == (Phase.STARTING, None)


def test_an_intended_end_is_none_to_speak_of():
    exited = protocol.EngineExited(cause="quit", message="Asked to.")
    state = play(events.FromEngine(exited, is_intended=True), start=LOADED)
    assert (state.engine.phase, state.engine.ended) == (Phase.ABSENT, None)


# ---------------------------------------------------------------------------------------------- the chat


def test_sending_clears_the_composer_unless_one_typed_on():
    sent = events.MessageSent(1, ChatMessage(2, "user", "Why?"))
    state = play(events.DraftChanged("Why? "), sent, start=LOADED)
    assert state.chat is not None
    assert (state.chat.draft, state.chat.messages[-1].content) == ("", "Why?")
    state = play(events.DraftChanged("Why? And how"), sent, start=LOADED)
    assert state.chat is not None
    assert state.chat.draft == "Why? And how"


def test_replaced_messages_go():
    answered = replace(CHAT, messages=(*CHAT.messages, ChatMessage(2, "assistant", "Hi")))
    state = play(events.ChatOpened(answered), events.MessageSent(1, None, (2,)))
    assert state.chat == CHAT
    edited = ChatMessage(3, "user", "Hello again")
    state = play(events.ChatOpened(answered), events.MessageSent(1, edited, (1, 2)))
    assert state.chat is not None
    assert state.chat.messages == (edited,)


def test_what_happens_in_another_conversation_stays_there():
    other = (
        events.MessageSent(2, ChatMessage(9, "user", "x")),
        events.AnswerSaved(2, ChatMessage(10, "assistant", "y")),
    )
    assert play(*other, start=ANSWERING) == ANSWERING


def test_a_message_that_was_not_stored_is_not_shown_as_sent():
    notice = Notice("The disk is full.")
    state = play(events.DraftChanged("Keep me"), events.SendFailed(notice), start=LOADED)
    assert state.chat is not None
    assert (state.chat.draft, state.chat.messages, state.notice) == ("Keep me", CHAT.messages, notice)


def test_a_new_title_reaches_the_open_conversation():
    state = play(events.ChatsListed((ChatSummary(1, "Renamed", 0.0),)), start=LOADED)
    assert state.chat is not None
    assert state.chat.title == "Renamed"
    state = play(events.ChatsListed((ChatSummary(2, "Other", 0.0),)), start=LOADED)
    assert state.chat == CHAT


def test_an_empty_draft_costs_nothing_to_send():
    counted = events.Counted(CHAT.id, (), SendCost(9, 4, 5), None)
    state = play(counted, events.DraftChanged("x"), start=LOADED)
    assert state.send_cost is not None
    assert play(events.DraftChanged(" "), start=state).send_cost is None


def test_nothing_changes_what_it_does_not_concern():
    nothing = (
        events.OptionsChanged(LOADED.options),
        events.DraftChanged(CHAT.draft),
        events.OpenFailed("another", Notice("x")),
    )
    for event in nothing:
        assert apply(LOADED, event) is LOADED, event


# ------------------------------------------------------------------------------------- anything, any order

_ENGINE = st.sampled_from(
    [
        hello(),
        protocol.LoadProgress(id=1, fraction=0.5, stage="context"),
        loaded_event(LOAD),
        *answer_events(2, "Hi there", reasoning="Hm."),
        protocol.TokensCounted(id=3, prompt_tokens=1, reused_tokens=0, new_tokens=1),
        protocol.Unloaded(id=4),
        protocol.Failed(id=1, kind="EngineError", message="No."),
        protocol.CancelledEvent(id=1),
        protocol.EngineExited(cause="crashed", message="Gone."),
        protocol.DevicesListed(devices=()),
    ]
)
_HAPPENINGS = st.one_of(
    st.builds(events.FromEngine, _ENGINE, st.sampled_from(get_args(events.Purpose)), st.booleans()),
    st.sampled_from([SMALL, LARGE, Q8]).map(events.OptionsChanged),
    st.sampled_from(
        [
            events.ModelOpening("demo"),
            events.ModelOpened("demo", DEMO, SMALL),
            events.OpenFailed("demo", Notice("No.")),
            events.Estimated(PATH, SMALL, report("estimate"), (), 0.0),
            events.Estimated(PATH, LARGE, None, (), 0.0),
            events.PlanFound(PATH, SMALL, planned_event(DRY_RUN)),
            events.PlanFound(PATH, LARGE, None, Notice("No.")),
            events.FitsFound(PATH, SMALL, (fit("f16", "f16", 512),)),
            events.DevicesChanged((Device("CPU", "cpu", "cpu"),)),
            events.Sampled(sample()),
            events.EngineStarting(),
            events.LoadBegun(),
            events.TurnBegun(1),
            events.TurnBegun(2),
            events.ChatsListed((ChatSummary(1, "x", 0.0),)),
            events.ChatOpened(CHAT),
            events.MessageSent(1, ChatMessage(7, "user", "x"), (1,)),
            events.AnswerSaved(1, ChatMessage(8, "assistant", "y")),
            events.AnswerSaved(2, None),
            events.SendFailed(Notice("No.")),
            events.DraftChanged("x"),
            events.SystemPromptChanged("x"),
            events.SamplingChanged(Sampling(seed=1)),
            events.NoticeChanged(None),
            events.RecentChanged(("/a",)),
        ]
    ),
)


@settings(max_examples=200)
@given(st.lists(_HAPPENINGS, max_size=30))
def test_any_order_of_events_keeps_the_states_sane(happened: list[events.Happening]):
    state = DeskState()
    for event in happened:
        state = apply(state, event)
        assert (state.plan is None) == (state.plan_options is None)
        assert state.plan is None or state.plan_notice is None
        assert state.engine.phase is not Phase.LOADING or state.engine.loaded is None
        assert (state.engine.phase is Phase.ENDED) == (state.engine.ended is not None)
        assert state.measured is None or state.engine.loaded is not None
    again = DeskState()
    for event in happened:
        again = apply(again, event)
    assert again == state
