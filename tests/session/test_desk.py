"""The desk with played processes: what actions send, what comes of answers, failures and restarts."""

import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest

from kvdesk.chats.attachments import read_attachments
from kvdesk.engine import protocol
from kvdesk.errors import ExportError
from kvdesk.memory.report import Device
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.session import actions, events
from kvdesk.session.desk import FRAME_BUDGET_S
from kvdesk.session.state import Phase
from kvdesk.session.steps import PAUSE_S
from kvdesk.units import GIB, MIB
from tests.session.fakes import (
    Stage,
    answer_events,
    loaded_event,
    planned_event,
    sample,
    turn_done,
)


def contents(stage: Stage) -> list[str]:
    assert stage.desk.state.chat is not None
    return [message.content for message in stage.desk.state.chat.messages]


# ------------------------------------------------------------------------------------- models and options


def test_opening_reads_estimates_plans_and_loads_nothing(stage: Stage):
    stage.open_demo()
    state = stage.desk.state
    assert state.model is not None
    assert (state.model.architecture, state.model.quantisation) == ("qwen3", "F16")
    assert state.options.ctx_size == min(state.model.n_ctx_train, 8192)
    assert state.recent[0] == state.model.path
    stage.until(lambda: stage.has("planner") and stage.planner.heard)
    assert isinstance(stage.planner.heard[0], protocol.ListDevices)
    assert stage.planner.last(protocol.DryRun).options == state.options
    stage.planner.say(planned_event(stage.planner.last(protocol.DryRun)))
    stage.until(lambda: stage.desk.state.plan is not None)
    stage.until(lambda: stage.desk.state.fits)
    assert stage.desk.state.max_ctx_size == state.model.n_ctx_train  # it fits every host
    assert not stage.has("engine")


@pytest.mark.parametrize("source", ["/no/such/file.gguf", __file__])
def test_what_is_no_model_is_said_and_the_open_one_stays(stage: Stage, source: str):
    stage.open_demo()
    before = stage.desk.state.model
    actions.open_model(stage.desk, source)
    stage.until(lambda: stage.desk.state.notice is not None)
    state = stage.desk.state
    assert state.notice is not None
    assert state.notice.hint
    assert not state.notice.details  # a foreseen error needs no traceback
    assert "{" in state.notice.message.template  # which the window can translate
    assert (state.model, state.opening) == (before, "")
    actions.dismiss_notice(stage.desk)
    assert stage.desk.state.notice is None


def test_while_the_slider_moves_the_estimate_follows_and_only_the_last_plan_is_asked(stage: Stage):
    stage.open_demo()
    stage.until(
        lambda: stage.has("planner") and any(isinstance(c, protocol.DryRun) for c in stage.planner.heard)
    )
    first = stage.planner.last(protocol.DryRun)
    sizes = []
    for ctx_size in range(512, 4096, 256):
        actions.set_option(stage.desk, "ctx_size", ctx_size)
        stage.settle()
        assert stage.desk.state.estimate is not None
        sizes.append(stage.desk.state.estimate.bytes_of())
        assert stage.desk.state.plan is None
    assert sizes == sorted(set(sizes))
    assert stage.planner.last(protocol.DryRun) is first
    stage.planner.say(planned_event(first))
    stage.until(lambda: stage.planner.last(protocol.DryRun) is not first)
    assert stage.desk.state.plan is None  # the answer was to options of long ago
    last = stage.planner.last(protocol.DryRun)
    assert last.options.ctx_size == 3840
    stage.planner.say(planned_event(last))
    stage.until(lambda: stage.desk.state.plan is not None)
    assert [type(c) for c in stage.planner.heard].count(protocol.DryRun) == 2


@pytest.mark.parametrize(
    ("name", "value"), [("ctx_size", -1), ("ubatch_size", 0), ("cache_type_k", "q9"), ("mlock", "yes")]
)
def test_a_value_that_an_option_cannot_have_is_said_and_not_taken(stage: Stage, name: str, value: object):
    before = stage.desk.state.options
    actions.set_option(stage.desk, name, value)
    assert stage.desk.state.options == before
    assert stage.desk.state.notice is not None


def test_options_of_another_type_of_number_are_taken(stage: Stage):
    actions.set_option(stage.desk, "rope_scale", 2)
    assert stage.desk.state.options.rope_scale == 2.0
    actions.set_option(stage.desk, "tensor_split", (3.0, 1.0))
    assert stage.desk.state.options.tensor_split == (3.0, 1.0)
    assert stage.desk.state.notice is None


def test_impossible_options_are_refused_with_the_reason(stage: Stage):
    stage.open_demo()
    actions.set_option(stage.desk, "flash_attn", "off")
    actions.set_option(stage.desk, "cache_type_v", "q8_0")
    stage.until(lambda: any(not refusal.is_warning for refusal in stage.desk.state.refusals))
    refusal = next(each for each in stage.desk.state.refusals if not each.is_warning)
    assert refusal.hint
    actions.set_option(stage.desk, "cache_type_v", "f16")
    stage.until(lambda: stage.desk.state.estimate is not None and not stage.desk.state.refusals)


def test_the_options_used_last_come_back_with_the_model(stage: Stage):
    stage.open_demo()
    actions.set_option(stage.desk, "cache_type_k", "q8_0")
    actions.set_option(stage.desk, "ctx_size", 2048)
    actions.load_model(stage.desk)
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: stage.desk.state.engine.loaded)
    stage.settle()
    again = stage.restarted()
    again.open_demo()
    assert (again.desk.state.options.cache_type_k, again.desk.state.options.ctx_size) == ("q8_0", 2048)
    assert again.desk.state.recent == stage.desk.state.recent
    assert again.desk.settings.last_model == stage.desk.state.recent[0]
    actions.forget_recent(again.desk, again.desk.state.recent[0])
    assert again.desk.state.recent == ()
    again.close()


def test_another_reserve_is_another_largest_context(stage: Stage):
    stage.open_demo()
    stage.desk.sampler.emit(sample(1.0, available_bytes=8 * GIB))
    stage.until(lambda: stage.desk.state.devices[-1].free_bytes == 8 * GIB)
    stage.settle()
    assert stage.desk.state.max_ctx_size == 4096
    stage.desk.change_settings(reserve_bytes=8 * GIB)
    stage.until(lambda: stage.desk.state.fits and stage.desk.state.max_ctx_size is None)


def test_what_does_not_fit_comes_with_advice_that_one_action_takes(stage: Stage):
    stage.open_demo()
    needed = stage.desk.state.estimate.needed_bytes("CPU")
    stage.desk.change_settings(reserve_bytes=0)
    stage.desk.sampler.emit(sample(1.0, available_bytes=needed - 2 * MIB))
    stage.until(lambda: stage.desk.state.advice)
    offer = stage.desk.state.advice[0]
    assert offer.fits
    actions.take_advice(stage.desk, offer)
    assert all(getattr(stage.desk.state.options, name) == value for name, value in offer.changes)
    stage.until(lambda: not stage.desk.state.advice)
    state = stage.desk.state
    assert state.estimate.fits(state.devices[-1])


def test_another_model_brings_no_earlier_advice(stage: Stage):
    stage.open_demo()
    stage.desk.sampler.emit(sample(1.0, available_bytes=1 * MIB))
    stage.until(lambda: stage.desk.state.advice)
    stage.desk.take(events.ModelOpening("demo"))
    stage.desk.take(events.ModelOpened("demo", stage.desk.opened, LoadOptions()))
    assert stage.desk.state.advice == ()


def test_export_needs_a_model(stage: Stage):
    with pytest.raises(ExportError, match="No model is open"):
        actions.exported(stage.desk, "llama-server", "bash")
    stage.open_demo()
    text = actions.exported(stage.desk, "llama-server", "bash").text
    assert "llama-server" in text
    assert "demo.f16.gguf" in text


# -------------------------------------------------------------------------------------------------- loading


def test_a_load_from_nothing(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    assert stage.desk.state.engine.phase is Phase.LOADING
    command = stage.engine.last(protocol.Load)
    assert command.model == stage.desk.state.model.path
    assert command.options == stage.desk.state.options
    stage.engine.say(protocol.LoadProgress(id=command.id, fraction=0.5, stage="weights"))
    stage.until(lambda: stage.desk.state.engine.progress == 0.5)
    stage.engine.say(loaded_event(command))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    assert stage.desk.state.measured is not None
    assert [mark.kind for mark in stage.desk.history.marks] == ["load"]
    stage.until(lambda: stage.desk.sampler.pid == 4242)


def test_the_number_of_threads_is_measured_once(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    first = stage.engine.last(protocol.Load)
    assert first.known_threads == 0
    paces = (protocol.ThreadPace(8, 20.0), protocol.ThreadPace(4, 30.0))
    stage.engine.say(msgspec.structs.replace(loaded_event(first), threads=4, thread_paces=paces))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    assert stage.desk.state.engine.loaded.threads == 4
    assert stage.desk.state.engine.loaded.thread_paces == paces
    actions.load_model(stage.desk)
    assert stage.engine.last(protocol.Load).known_threads == 4


def test_without_a_model_nothing_is_loaded(stage: Stage):
    actions.load_model(stage.desk)
    assert stage.desk.state.notice is not None
    assert not stage.has("engine")


def test_a_load_can_be_cancelled_and_the_next_one_counts(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    first = stage.engine.last(protocol.Load)
    actions.cancel_load(stage.desk)
    actions.cancel_load(stage.desk)
    cancels = [command for command in stage.engine.heard if isinstance(command, protocol.Cancel)]
    assert [cancel.target for cancel in cancels] == [first.id]
    stage.engine.say(protocol.CancelledEvent(id=first.id))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.IDLE)
    assert stage.desk.state.notice is None

    actions.load_model(stage.desk)
    second = stage.engine.last(protocol.Load)
    actions.set_option(stage.desk, "ctx_size", 1024)
    actions.load_model(stage.desk)  # another wish while the second is under way
    third = stage.engine.last(protocol.Load)
    assert stage.engine.last(protocol.Cancel).target == second.id
    stage.engine.say(loaded_event(second))  # it had been too late to cancel
    stage.engine.say(protocol.LoadProgress(id=third.id, fraction=0.25, stage="weights"))
    stage.until(lambda: stage.desk.state.engine.progress == 0.25)
    assert stage.desk.state.engine.phase is Phase.LOADING
    stage.engine.say(loaded_event(third))
    stage.until(lambda: stage.desk.state.engine.loaded is not None)
    assert stage.desk.state.engine.loaded.options.ctx_size == 1024


def test_a_failed_load_says_why_and_can_be_tried_again(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    command = stage.engine.last(protocol.Load)
    stage.engine.say(protocol.Failed(id=command.id, kind="OutOfMemory", message="No room.", hint="Less."))
    stage.until(lambda: stage.desk.state.notice is not None)
    assert stage.desk.state.engine.phase is Phase.IDLE
    actions.load_model(stage.desk)
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: stage.desk.state.engine.loaded is not None)


def test_unloading(stage: Stage):
    stage.loaded()
    actions.unload_model(stage.desk)
    stage.engine.say(protocol.Unloaded(id=stage.engine.last(protocol.Unload).id))
    stage.until(lambda: stage.desk.state.engine.loaded is None)
    assert stage.desk.state.engine.phase is Phase.IDLE
    assert stage.desk.state.measured is None


def test_a_gpu_load_sends_the_planner_to_rest(stage: Stage):
    stage.open_demo()
    stage.until(lambda: stage.has("planner") and stage.planner.heard)
    gpu = Device("CUDA0", "gpu", "cuda", 8 * GIB, 7 * GIB, "NVIDIA GeForce RTX 4060 Laptop GPU")
    listed = stage.planner.last(protocol.ListDevices)
    stage.planner.say(protocol.DevicesListed(id=listed.id, devices=(gpu, *stage.desk.state.devices)))
    stage.until(lambda: len(stage.desk.state.devices) == 2)
    actions.load_model(stage.desk)
    stage.until(lambda: stage.planner.has_ended)
    actions.set_option(stage.desk, "ctx_size", 1024)
    stage.until(lambda: [client.name for client in stage.clients].count("planner") == 2)


# -------------------------------------------------------------------------------------------------- sending


def test_a_message_is_in_the_store_before_it_is_shown(stage: Stage):
    stage.loaded()
    gate = threading.Event()
    stage.desk.saving._thread.submit(gate.wait)
    actions.draft_changed(stage.desk, "Hello")
    actions.send_message(stage.desk, "Hello")
    stage.desk.drain()
    assert contents(stage) == []
    assert stage.desk.state.chat.draft == "Hello"
    assert not any(isinstance(command, protocol.Chat) for command in stage.engine.heard)
    gate.set()
    stage.until(lambda: contents(stage) == ["Hello"])
    assert stage.desk.state.chat.draft == ""
    stage.until(lambda: stage.desk.state.chat.title == "Hello")  # the list comes after the message


def test_a_conversation(stage: Stage):
    stage.loaded()
    stage.answered("Hello", "Hi.")
    stage.answered("How are you?", "Well.")
    assert contents(stage) == ["Hello", "Hi.", "How are you?", "Well."]
    command = stage.engine.last(protocol.Chat)
    assert [message.content for message in command.messages] == ["Hello", "Hi.", "How are you?"]
    assert command.chat == str(stage.desk.state.chat.id)
    figures = stage.desk.state.chat.messages[-1].figures
    assert figures is not None
    assert (figures.new_tokens, figures.tokens_per_s) == (6, 50.0)
    stage.until(lambda: stage.desk.state.chats[0].tokens == 11)
    assert [mark.kind for mark in stage.desk.history.marks] == ["load", "turn", "turn"]


def test_what_was_said_is_found_in_all_conversations(stage: Stage):
    stage.open_demo()
    actions.send_message(stage.desk, "Remember the tangerine.")
    stage.until(lambda: contents(stage) == ["Remember the tangerine."])
    actions.search_chats(stage.desk, "TANGER")
    stage.until(lambda: stage.desk.state.found is not None)
    found, chat = stage.desk.state.found, stage.desk.state.chat
    assert found is not None
    assert chat is not None
    assert found.wanted == "TANGER"
    assert found.excerpts == {chat.id: "Remember the tangerine."}


def test_all_is_there_after_a_restart(stage: Stage):
    stage.loaded()
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.set_sampling(stage.desk, Sampling(seed=5))
    stage.answered("Hello", "Hi.")
    actions.draft_changed(stage.desk, "And then I tho")
    stage.settle()  # the list of chats is read anew on the store's thread
    before = stage.desk.state
    again = stage.restarted()
    again.until(lambda: again.desk.state.chat is not None)
    assert again.desk.state.chat == before.chat
    assert again.desk.state.chats == before.chats
    assert again.desk.state.chat.sampling.seed == 5
    again.close()


def test_the_system_prompt_and_the_sampling_go_along(stage: Stage):
    stage.loaded()
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.set_sampling(stage.desk, Sampling(temperature=0.0))
    command = stage.asked("Hello")
    assert (command.messages[0].role, command.messages[0].content) == ("system", "Be brief.")
    assert command.sampling.temperature == 0.0


def test_sending_with_nothing_loaded_loads_first(stage: Stage):
    stage.open_demo()
    actions.send_message(stage.desk, "Hello")
    stage.until(lambda: stage.has("engine") and stage.engine.heard)
    assert contents(stage) == ["Hello"]
    assert [type(command) for command in stage.engine.heard] == [protocol.Load]
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: any(isinstance(command, protocol.Chat) for command in stage.engine.heard))
    assert stage.desk.state.engine.phase is Phase.PREFILL


def test_sending_while_a_load_is_under_way_waits_for_it(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    actions.send_message(stage.desk, "Hello")
    stage.until(lambda: contents(stage) == ["Hello"])
    actions.send_message(stage.desk, "Once more")  # not before the first is answered
    stage.settle()
    assert contents(stage) == ["Hello"]
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: any(isinstance(command, protocol.Chat) for command in stage.engine.heard))


def test_sending_without_a_model_says_so_and_keeps_the_draft(stage: Stage):
    stage.until(lambda: stage.desk.state.chat is not None)
    actions.draft_changed(stage.desk, "Hello")
    actions.send_message(stage.desk, "Hello")
    assert stage.desk.state.notice is not None
    stage.settle()
    assert contents(stage) == []
    assert stage.desk.state.chat.draft == "Hello"


def test_nothing_is_sent_twice(stage: Stage):
    stage.loaded()
    for _ in range(3):
        actions.send_message(stage.desk, "Hello")
    stage.settle()
    assert contents(stage) == ["Hello"]
    actions.send_message(stage.desk, "During the answer")
    stage.settle()
    assert contents(stage) == ["Hello"]
    actions.send_message(stage.desk, "   \n")
    stage.settle()
    assert contents(stage) == ["Hello"]


def test_stopping_keeps_what_there_is(stage: Stage):
    stage.loaded()
    command = stage.asked()
    stage.engine.say(protocol.TextPiece(id=command.id, text="Once upon", tokens=2))
    stage.until(lambda: stage.desk.state.streaming.text == "Once upon")
    actions.stop_answer(stage.desk)
    assert stage.engine.last(protocol.Cancel).target == command.id
    stage.engine.say(turn_done(command.id, "Once upon a", "cancelled"))
    stage.until(lambda: stage.desk.state.streaming is None)
    answer = stage.desk.state.chat.messages[-1]
    assert (answer.content, answer.is_partial) == ("Once upon a", True)
    assert stage.desk.state.engine.phase is Phase.READY


def test_stopping_before_the_first_word_leaves_no_message(stage: Stage):
    stage.loaded()
    command = stage.asked()
    actions.stop_answer(stage.desk)
    stage.engine.say(turn_done(command.id, "", "cancelled"))
    stage.until(lambda: stage.desk.state.streaming is None)
    stage.settle()
    assert contents(stage) == ["Hello"]


def test_regenerating_keeps_the_first_answer_in_the_store(stage: Stage):
    stage.loaded()
    stage.answered("Hello", "Hi.")
    actions.regenerate(stage.desk)
    stage.until(lambda: contents(stage) == ["Hello"] and stage.desk.state.streaming)
    command = stage.engine.last(protocol.Chat)
    assert [message.content for message in command.messages] == ["Hello"]
    stage.engine.say(*answer_events(command.id, "Good day."))
    stage.until(lambda: contents(stage) == ["Hello", "Good day."])
    assert _stored(stage) == [("Hello", False), ("Hi.", True), ("Good day.", False)]


def test_editing_the_last_message_keeps_the_first_wording_in_the_store(stage: Stage):
    stage.loaded()
    stage.answered("One", "First.")
    stage.answered("Tow", "What?")
    actions.edit_last(stage.desk, "Two")
    stage.until(lambda: contents(stage) == ["One", "First.", "Two"] and stage.desk.state.streaming)
    command = stage.engine.last(protocol.Chat)
    stage.engine.say(*answer_events(command.id, "Second."))
    stage.until(lambda: contents(stage) == ["One", "First.", "Two", "Second."])
    assert ("Tow", True) in _stored(stage)
    assert ("What?", True) in _stored(stage)


def test_a_question_left_unanswered_can_be_answered_again(stage: Stage):
    stage.loaded()
    command = stage.asked("Hello")
    stage.engine.say(protocol.Failed(id=command.id, kind="EngineError", message="No."))
    stage.until(lambda: stage.desk.state.streaming is None)
    actions.regenerate(stage.desk)
    stage.until(lambda: stage.engine.last(protocol.Chat) is not command)


def test_there_is_nothing_to_regenerate_or_edit_in_an_empty_chat(stage: Stage):
    stage.loaded()
    actions.regenerate(stage.desk)
    actions.edit_last(stage.desk, "x")
    stage.settle()
    assert contents(stage) == []


def test_an_answer_is_saved_while_it_grows(stage: Stage):
    stage.loaded()
    command = stage.asked()
    stage.engine.say(protocol.TextPiece(id=command.id, text="Once", tokens=1))
    stage.until(lambda: stage.desk.state.streaming.text == "Once")
    stage.settle()
    assert _stored(stage) == [("Hello", False)]
    stage.now_s += 0.6
    stage.engine.say(protocol.TextPiece(id=command.id, text=" upon", tokens=1))
    stage.until(lambda: stage.desk.state.streaming.text == "Once upon")
    stage.settle()
    assert _stored(stage) == [("Hello", False), ("Once upon", False)]


def test_a_growing_answer_is_shown_once_when_its_chat_is_opened_again(stage: Stage):
    stage.loaded()
    chat_id = stage.desk.state.chat.id
    command = stage.asked()
    stage.now_s += 0.6
    stage.engine.say(protocol.TextPiece(id=command.id, text="Once", tokens=1))
    stage.until(lambda: stage.desk.state.streaming.text == "Once")
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != chat_id)
    actions.open_chat(stage.desk, chat_id)
    stage.until(lambda: stage.desk.state.chat.id == chat_id)
    assert contents(stage) == ["Hello"]
    stage.engine.say(turn_done(command.id, "Once upon"))
    stage.until(lambda: stage.desk.state.streaming is None)
    assert contents(stage) == ["Hello", "Once upon"]
    actions.open_chat(stage.desk, chat_id)
    stage.settle()
    assert contents(stage) == ["Hello", "Once upon"]


def test_an_answer_that_ends_in_another_chat_is_kept_in_its_own(stage: Stage):
    stage.loaded()
    chat_id = stage.desk.state.chat.id
    command = stage.asked()
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != chat_id)
    stage.engine.say(*answer_events(command.id, "Hi."))
    stage.until(lambda: stage.desk.state.streaming is None)
    assert contents(stage) == []
    actions.open_chat(stage.desk, chat_id)
    stage.until(lambda: stage.desk.state.chat.id == chat_id)
    assert contents(stage) == ["Hello", "Hi."]


def test_deleting_the_chat_that_is_being_answered(stage: Stage):
    stage.loaded()
    chat_id = stage.desk.state.chat.id
    command = stage.asked()
    stage.now_s += 0.6
    stage.engine.say(protocol.TextPiece(id=command.id, text="Once", tokens=1))
    actions.delete_chat(stage.desk, chat_id)
    stage.until(lambda: stage.desk.state.chat.id != chat_id)
    assert stage.engine.last(protocol.Cancel).target == command.id
    stage.engine.say(turn_done(command.id, "Once upon", "cancelled"))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    stage.settle()
    assert stage.desk.state.streaming is None
    assert stage.desk.state.notice is None
    assert chat_id not in [chat.id for chat in stage.desk.state.chats]


def test_chats_are_made_renamed_opened_and_deleted(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    second = stage.desk.state.chat.id
    stage.answered("Second")
    actions.rename_chat(stage.desk, second, "  A better name ")
    stage.until(lambda: stage.desk.state.chat.title == "A better name")
    stage.settle()
    assert [chat.title for chat in stage.desk.state.chats] == ["A better name", "First"]
    actions.delete_chat(stage.desk, second)
    stage.until(lambda: stage.desk.state.chat.id == first)
    assert contents(stage) == ["First", "Hi."]
    actions.delete_chat(stage.desk, first)
    stage.until(lambda: stage.desk.state.chat.id not in (first, second))
    stage.settle()
    assert [chat.id for chat in stage.desk.state.chats] == [stage.desk.state.chat.id]


def test_drafts_stay_with_their_chats(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.draft_changed(stage.desk, "half a sen")
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    assert stage.desk.state.chat.draft == ""
    actions.open_chat(stage.desk, first)
    stage.until(lambda: stage.desk.state.chat.id == first)
    assert stage.desk.state.chat.draft == "half a sen"


def test_with_a_gpu_its_kernels_are_asked_for_and_shown(stage: Stage):
    stage.open_demo()
    stage.until(lambda: stage.has("planner") and stage.planner.heard)
    gpu = Device("CUDA0", "gpu", "cuda", 8 * GIB, 7 * GIB, "NVIDIA GeForce RTX 4060 Laptop GPU")
    listed = stage.planner.last(protocol.ListDevices)
    stage.planner.say(protocol.DevicesListed(id=listed.id, devices=(gpu, *stage.desk.state.devices)))
    stage.planner.say(planned_event(stage.planner.last(protocol.DryRun)))
    stage.until(lambda: any(isinstance(command, protocol.ProbeKernels) for command in stage.planner.heard))
    asked = stage.planner.last(protocol.ProbeKernels)
    answer = protocol.KernelAnswer("CUDA0", "f16", "f16", True)
    stage.planner.say(protocol.KernelsProbed(id=asked.id, answers=(answer,)))
    stage.until(lambda: any(fit.kernel == "gpu" for fit in stage.desk.state.fits))
    assert [(fit.cache_type_k, fit.cache_type_v) for fit in stage.desk.state.fits if fit.kernel == "gpu"] == [
        ("f16", "f16")
    ]


def test_what_is_typed_before_the_chats_are_read_is_not_lost(stage: Stage):
    actions.draft_changed(stage.desk, "Quick")
    stage.until(lambda: stage.desk.state.chat is not None)
    assert stage.desk.state.chat.draft == "Quick"
    again = stage.restarted()
    actions.draft_changed(again.desk, "")
    again.until(lambda: again.desk.state.chat is not None)
    assert again.desk.state.chat.draft == "Quick"
    again.close()


def test_the_cost_of_sending_is_asked_for_when_typing_pauses(stage: Stage):
    stage.loaded()
    for text in ("H", "He", "Hello"):
        actions.draft_changed(stage.desk, text)
        stage.now_s += PAUSE_S / 2
        stage.desk.drain()
    counts = [command for command in stage.engine.heard if isinstance(command, protocol.CountTokens)]
    assert counts == []
    stage.now_s += PAUSE_S
    stage.desk.drain()
    count = stage.engine.last(protocol.CountTokens)
    assert [message.content for message in count.messages] == ["Hello"]
    counted = protocol.TokensCounted(id=count.id, prompt_tokens=9, reused_tokens=4, new_tokens=5)
    stage.engine.say(replace_id(counted, count.id + 100), counted)
    stage.until(lambda: stage.desk.state.send_cost is not None)
    assert stage.desk.state.send_cost.new_tokens == 5


# ------------------------------------------------------------------------------------------ when things end


@pytest.mark.parametrize("moment", ["load", "prefill", "decode", "ready"])
def test_the_end_of_the_engine_loses_nothing(stage: Stage, moment: str):
    if moment == "load":
        stage.open_demo()
        actions.send_message(stage.desk, "Hello")
        stage.until(lambda: stage.has("engine") and stage.engine.heard)
    else:
        stage.loaded()
        stage.answered("Before", "Yes.")
        if moment != "ready":
            command = stage.asked("Hello")
        if moment == "decode":
            stage.engine.say(protocol.TextPiece(id=command.id, text="Half an ans", tokens=3))
            stage.until(lambda: stage.desk.state.streaming.text)
    stage.engine.end("killed", "The engine was killed.")
    stage.until(lambda: stage.desk.state.engine.phase is Phase.ENDED)
    stage.settle()
    assert stage.desk.state.engine.ended.message == "The engine was killed."
    assert stage.desk.state.engine.ended.details == "last words"
    assert stage.desk.state.streaming is None
    kept = {
        "load": ["Hello"],
        "ready": ["Before", "Yes."],
        "prefill": ["Before", "Yes.", "Hello"],
        "decode": ["Before", "Yes.", "Hello", "Half an ans"],
    }[moment]
    assert contents(stage) == kept
    assert stage.desk.state.chat.messages[-1].is_partial == (moment == "decode")
    assert stage.desk.history.marks[-1].kind == "exit"

    earlier = stage.engine
    actions.set_option(stage.desk, "ctx_size", 512)  # reloading means the options that were loaded
    actions.reload_engine(stage.desk)
    assert stage.engine is not earlier
    command = stage.engine.last(protocol.Load)
    assert command.options == earlier.last(protocol.Load).options
    earlier.say(protocol.LoadProgress(id=command.id, fraction=0.9, stage="weights"))  # words of the dead
    stage.settle()
    assert stage.desk.state.engine.progress == 0.0
    stage.engine.say(loaded_event(command))
    stage.until(lambda: stage.desk.state.engine.phase is Phase.READY)
    actions.regenerate(stage.desk)
    stage.until(lambda: any(isinstance(command, protocol.Chat) for command in stage.engine.heard))


def test_an_engine_that_cannot_start_says_so(stage: Stage):
    stage.open_demo()
    actions.load_model(stage.desk)
    stage.engine.end("start_failed", "The engine did not come up.")
    stage.until(lambda: stage.desk.state.engine.phase is Phase.ENDED)
    assert stage.desk.state.engine.ended.message == "The engine did not come up."


def test_an_abort_of_the_planner_touches_nothing_else(stage: Stage):
    stage.loaded()
    stage.until(
        lambda: stage.has("planner") and any(isinstance(c, protocol.DryRun) for c in stage.planner.heard)
    )
    stage.planner.end("aborted", "llama.cpp aborted.")
    stage.until(lambda: stage.desk.state.plan_notice is not None)
    assert stage.desk.state.plan is None
    assert stage.desk.state.engine.phase is Phase.READY
    assert "llama.cpp aborted." in [refusal.message for refusal in stage.desk.state.refusals]
    actions.set_option(stage.desk, "ctx_size", 1024)
    stage.until(lambda: [client.name for client in stage.clients].count("planner") == 2)
    stage.planner.say(planned_event(stage.planner.last(protocol.DryRun)))
    stage.until(lambda: stage.desk.state.plan is not None)


def test_a_full_disk_keeps_the_message_in_the_composer(stage: Stage):
    stage.loaded()
    _fill_disk(stage)
    actions.draft_changed(stage.desk, "word " * 100_000)
    actions.send_message(stage.desk, "word " * 100_000)
    stage.until(lambda: stage.desk.state.notice is not None)
    assert "disk is full" in stage.desk.state.notice.message
    assert contents(stage) == []
    assert stage.desk.state.chat.draft
    assert not any(isinstance(command, protocol.Chat) for command in stage.engine.heard)
    assert not actions.is_busy(stage.desk)


def test_an_answer_that_cannot_be_saved_is_shown_all_the_same(stage: Stage):
    stage.loaded()
    command = stage.asked()
    _fill_disk(stage)
    stage.engine.say(turn_done(command.id, "word " * 100_000))
    stage.until(lambda: stage.desk.state.streaming is None)
    assert contents(stage) == ["Hello", "word " * 100_000]
    assert "disk is full" in stage.desk.state.notice.message


def test_damaged_files_are_said_and_the_desk_works(stage: Stage):
    stage.close()
    (stage.folder / "chats.sqlite3").write_bytes(b"no database " * 1000)
    (stage.folder / "settings.toml").write_bytes(b"= no toml")
    again = Stage(stage.folder)
    again.until(lambda: again.desk.state.chat is not None and again.desk.state.notice is not None)
    assert list(stage.folder.glob("*.damaged-*.sqlite3"))
    assert list(stage.folder.glob("*.damaged-*.toml"))
    again.loaded()
    again.answered("Hello", "Hi.")
    again.close()


def test_without_a_writable_place_one_can_chat_and_is_told(stage: Stage):
    stage.close()
    folder = stage.folder / "file"
    folder.write_text("in the way")
    again = Stage(folder)
    again.until(lambda: again.desk.state.chat is not None and again.desk.state.notice is not None)
    again.loaded()
    again.answered("Hello", "Hi.")
    again.close()


def test_closing_saves_the_half_of_an_answer(stage: Stage):
    stage.loaded()
    command = stage.asked()
    stage.engine.say(protocol.TextPiece(id=command.id, text="Half an ans", tokens=3))
    stage.until(lambda: stage.desk.state.streaming.text)
    again = stage.restarted()
    again.until(lambda: again.desk.state.chat is not None)
    assert contents(again) == ["Hello", "Half an ans"]
    assert again.desk.state.chat.messages[-1].is_partial
    again.close()


def test_closing_ends_processes_and_threads(stage: Stage):
    stage.loaded()
    stage.close()
    assert all(client.has_ended for client in stage.clients)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {
        "kvdesk-store",
        "kvdesk-background",
        "kvdesk-searches",
        "kvdesk-engine",
        "kvdesk-planner",
    }


def test_a_flood_of_events_does_not_hold_up_a_frame(stage: Stage):
    """One call takes a bounded number of events; the next goes on where it stopped, in order."""
    stage.loaded()
    command = stage.asked()
    pieces = [str(number) + " " for number in range(20_000)]
    for piece in pieces:
        stage.engine.say(protocol.TextPiece(id=command.id, text=piece, tokens=1))
    calls = 0
    while not stage.desk.queue.empty():
        assert stage.desk.drain()
        calls += 1
    assert calls > 1
    assert FRAME_BUDGET_S < 0.016
    assert stage.desk.state.streaming.text == "".join(pieces)


def test_samples_become_history_and_devices(stage: Stage):
    stage.loaded()
    stage.desk.sampler.emit(sample(1.0, available_bytes=4 * GIB, process_bytes=GIB))
    stage.until(lambda: stage.desk.state.samples == 1)
    (host,) = stage.desk.state.devices
    assert host.free_bytes == 5 * GIB  # what our own engine holds would be free for the next load
    stage.desk.sampler.emit(sample(1.5, available_bytes=4 * GIB - 1000, process_bytes=GIB))
    stage.until(lambda: stage.desk.state.samples == 2)
    assert stage.desk.state.devices == (host,)  # a wobble is no news
    assert stage.desk.history.columns().process_bytes.tolist() == [GIB, GIB]


def test_an_error_nobody_foresaw_is_said_with_its_details(stage: Stage):
    stage.desk.background.submit(lambda: 1 / 0)
    stage.until(lambda: stage.desk.state.notice is not None)
    assert "ZeroDivisionError" in stage.desk.state.notice.details


def test_drain_says_whether_there_is_something_to_draw(stage: Stage):
    stage.settle()
    stage.desk.drain()
    assert not stage.desk.drain()
    stage.desk.put(events.DraftChanged("x"))
    assert stage.desk.drain()
    assert not stage.desk.drain()


def replace_id(event: protocol.TokensCounted, number: int) -> protocol.TokensCounted:
    return protocol.TokensCounted(
        id=number, prompt_tokens=0, reused_tokens=0, new_tokens=event.new_tokens + 1
    )


def _stored(stage: Stage) -> list[tuple[str, bool]]:
    """All messages of the open conversation in the store, and whether they gave way to others."""
    found: list[tuple[str, bool]] = []
    chat_id = stage.desk.state.chat.id
    saving = stage.desk.saving
    saving._thread.submit(
        lambda: found.extend((m.content, m.is_superseded) for m in saving._store.all_messages(chat_id))
    )
    stage.settle()
    return found


def _fill_disk(stage: Stage) -> None:
    def job() -> None:
        database = stage.desk.saving._store._open
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages + 8}")

    stage.desk.saving._thread.submit(job)


def test_an_earlier_answer_is_a_branch_that_can_be_walked_to(stage: Stage):
    stage.loaded()
    stage.answered("Why?", "Because.")
    actions.regenerate(stage.desk)
    stage.until(lambda: stage.engine.last(protocol.Chat).id != 0 and stage.desk.state.streaming is not None)
    stage.engine.say(*answer_events(stage.engine.last(protocol.Chat).id, "Why not?"))
    stage.until(lambda: stage.desk.state.streaming is None)
    question, answer = stage.desk.state.chat.messages
    assert (answer.content, len(answer.siblings), answer.siblings[1]) == ("Why not?", 2, answer.id)
    actions.show_branch(stage.desk, answer.siblings[0])
    stage.until(lambda: [m.content for m in stage.desk.state.chat.messages] == ["Why?", "Because."])
    assert stage.desk.state.chat.messages[0] == question


def test_an_answer_stopped_before_its_first_word_leaves_the_earlier_one(stage: Stage):
    stage.loaded()
    stage.answered("Why?", "Because.")
    actions.regenerate(stage.desk)
    stage.until(lambda: stage.desk.state.streaming is not None)
    assert [m.content for m in stage.desk.state.chat.messages] == ["Why?"]
    command = stage.engine.last(protocol.Chat)
    stage.engine.say(protocol.CancelledEvent(id=command.id))
    stage.until(lambda: [m.content for m in stage.desk.state.chat.messages] == ["Why?", "Because."])


def test_deleted_chats_come_back_one_after_the_other(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    second = stage.desk.state.chat.id
    command = stage.asked("Second")
    stage.engine.say(protocol.TextPiece(id=command.id, text="Half", tokens=1))
    stage.until(lambda: stage.desk.state.streaming is not None and stage.desk.state.streaming.text)
    actions.delete_chat(stage.desk, second)
    stage.engine.say(turn_done(command.id, "Half", "cancelled"))
    stage.until(lambda: stage.desk.state.chat.id == first and stage.desk.state.streaming is None)
    actions.delete_chat(stage.desk, first)
    stage.until(lambda: stage.desk.state.chat.id not in (first, second))
    assert [chat.id for chat in stage.desk.state.deleted] == [second, first]
    actions.undo_delete(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id == first)
    actions.undo_delete(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id == second)
    assert contents(stage) == ["Second", "Half"]
    assert stage.desk.state.deleted == ()


def test_an_attached_file_is_counted_sent_and_kept(stage: Stage, tmp_path: Path):
    file = tmp_path / "notes.md"
    file.write_text("Some ```fenced``` notes\n", encoding="utf-8")
    stage.loaded()
    actions.attach_files(stage.desk, [file])
    stage.until(lambda: stage.desk.state.chat.attachments)
    stage.until(lambda: any(isinstance(c, protocol.Tokenize) for c in stage.engine.heard))
    asked = stage.engine.last(protocol.Tokenize)
    assert asked.text == "Some ```fenced``` notes\n"
    stage.engine.say(protocol.Tokenized(id=asked.id, tokens=(1, 2, 3)))
    stage.until(lambda: stage.desk.state.chat.attachments[0].tokens == 3)
    command = stage.asked("What is in it?")
    sent = command.messages[-1].content
    assert sent == ("Attached file “notes.md”:\n````\nSome ```fenced``` notes\n````\n\nWhat is in it?")
    assert stage.desk.state.chat.attachments == ()
    stage.engine.say(*answer_events(command.id, "Notes."))
    stage.until(lambda: stage.desk.state.streaming is None)
    question = stage.desk.state.chat.messages[0]
    assert (question.content, question.attachments[0].name) == ("What is in it?", "notes.md")
    actions.edit_last(stage.desk, "And now?")
    stage.until(lambda: stage.desk.state.chat.messages[-1].content == "And now?")
    assert stage.desk.state.chat.messages[-1].attachments == question.attachments


def test_what_is_attached_to_a_draft_is_there_after_a_crash(stage: Stage):
    stage.until(lambda: stage.desk.state.chat is not None)
    actions.draft_changed(stage.desk, "See these")
    actions.attach_text(stage.desk, "one", "1")
    actions.attach_text(stage.desk, "two", "2")
    stage.until(lambda: len(stage.desk.state.chat.attachments) == 2)
    actions.detach(stage.desk, 0)
    stage.now_s += 1
    stage.desk.drain()
    stage.settle()
    with sqlite3.connect(stage.folder / "chats.sqlite3") as other:  # as a new start would find it
        (draft, attached) = other.execute("SELECT draft, draft_attachments FROM chats").fetchone()
    other.close()
    assert draft == "See these"
    assert [each.name for each in read_attachments(attached)] == ["two"]


def test_a_file_that_is_no_text_is_said_and_not_attached(stage: Stage, tmp_path: Path):
    stage.until(lambda: stage.desk.state.chat is not None)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0")
    actions.attach_files(stage.desk, [tmp_path / "picture.png"])
    stage.until(lambda: stage.desk.state.notice is not None)
    assert stage.desk.state.notice.message == "picture.png is not a text file."
    assert stage.desk.state.chat.attachments == ()


def test_exported_chats_are_read_again_with_their_branches(stage: Stage, tmp_path: Path):
    stage.loaded()
    stage.answered("Why?", "Because.")
    actions.edit_last(stage.desk, "Why not?")
    stage.until(lambda: stage.desk.state.streaming is not None)
    stage.engine.say(*answer_events(stage.engine.last(protocol.Chat).id, "Indeed."))
    stage.until(lambda: stage.desk.state.streaming is None)
    exported = stage.desk.state.chat.id
    actions.export_chats(stage.desk, None, tmp_path / "all.json")
    stage.until(lambda: stage.desk.state.notice is not None)
    assert stage.desk.state.notice.message.startswith("1 chats written")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    actions.import_chats(stage.desk, [tmp_path / "broken.json", tmp_path / "all.json"])
    stage.until(lambda: stage.desk.state.chat.id != exported)
    stage.until(lambda: stage.desk.state.notice.message == "broken.json is not JSON.")
    assert contents(stage) == ["Why not?", "Indeed."]
    actions.show_branch(stage.desk, stage.desk.state.chat.messages[0].siblings[0])
    stage.until(lambda: contents(stage) == ["Why?", "Because."])


def test_chats_are_put_into_folders_that_are_renamed_and_dissolved(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.move_chat(stage.desk, first, " Work ")
    stage.until(lambda: [chat.folder for chat in stage.desk.state.chats] == ["Work"])
    actions.rename_folder(stage.desk, "Work", "Play")
    stage.until(lambda: [chat.folder for chat in stage.desk.state.chats] == ["Play"])
    actions.rename_folder(stage.desk, "Play", "")
    stage.until(lambda: [chat.folder for chat in stage.desk.state.chats] == [""])


def test_a_launch_opens_its_model_with_its_options_or_sets_those_of_the_open_one(stage: Stage):
    path = resolve_model("demo")
    wanted = LoadOptions(ctx_size=1024, cache_type_k="q8_0")
    actions.take_launch(stage.desk, path, wanted)
    stage.until(lambda: stage.desk.state.model is not None)
    assert stage.desk.state.options == wanted
    other = LoadOptions(ctx_size=2048)
    actions.take_launch(stage.desk, "/nowhere/other.gguf", other)
    assert stage.desk.state.options == other
    assert stage.desk.state.model.path == path
