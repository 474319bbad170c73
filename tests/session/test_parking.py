"""Caches that rest on disk, with the engine played: files, the quota, offers, and what is taken back."""

from pathlib import Path

import pytest

from kvdesk.engine import protocol
from kvdesk.phrases import Phrase
from kvdesk.session import actions, parking, room_actions
from tests.session.fakes import Stage, answer_events, loaded_event


def talked(stage: Stage, cells: int = 900) -> int:
    """A conversation with so many tokens in the cache; its id."""
    stage.loaded()
    return told(stage, cells)


def told(stage: Stage, cells: int = 900) -> int:
    command = stage.asked("Hello")
    *events, done = answer_events(command.id, "Hi.")
    cache = protocol.CacheReport(cells_used=cells, n_ctx=4096, k_bytes=1, v_bytes=1, chat=command.chat)
    done = protocol.TurnDone(**{**{f: getattr(done, f) for f in done.__struct_fields__}, "cache": cache})
    stage.engine.say(*events, done)
    stage.until(lambda: stage.desk.state.streaming is None)
    stage.settle()
    return int(command.chat)


def parked(stage: Stage, chat_id: int, size: int = 1000) -> Path:
    """Park a conversation; the file that the engine would have written."""
    before = len(stage.engine.heard)
    room_actions.park_chat(stage.desk, chat_id)
    stage.until(lambda: any(isinstance(c, protocol.Park) for c in stage.engine.heard[before:]))
    return written(stage, size)


def written(stage: Stage, size: int = 1000) -> Path:
    command = stage.engine.last(protocol.Park)
    assert stage.desk.state.engine.parking == int(command.chat)
    path = Path(command.path)
    path.write_bytes(bytes(size))
    stage.engine.say(
        protocol.Parked(
            id=command.id, chat=command.chat, path=command.path, n_bytes=size, tokens=900, elapsed_s=0.1
        )
    )
    stage.until(lambda: any(cache.file == command.path for cache in stage.desk.state.parked))
    stage.until(lambda: stage.desk.state.engine.parking is None)
    return path


def test_a_parked_chat_is_listed_with_what_it_takes(stage: Stage):
    chat_id = talked(stage)
    offer = parking.offer_parking(stage.desk)
    assert (offer.chat_id, offer.tokens) == (chat_id, 900)
    assert offer.n_bytes > 900 * 2560  # the demo model's cache takes that a token
    path = parked(stage, chat_id)
    (found,) = stage.desk.state.parked
    assert (found.chat_id, found.n_bytes, found.tokens, found.file) == (chat_id, 1000, 900, str(path))
    assert parking.offer_parking(stage.desk) is None  # it rests as it is
    assert stage.desk.history.marks[-1].kind == "parked"


def test_it_comes_back_before_the_first_answer_after_a_restart(stage: Stage):
    chat_id = talked(stage)
    path = parked(stage, chat_id)
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.state.parked)
        again.loaded()
        command = again.engine.last(protocol.Resume)
        assert (command.chat, command.path) == (str(chat_id), str(path))
        again.engine.say(protocol.Resumed(id=command.id, chat=command.chat, tokens=900, elapsed_s=0.1))
        again.until(lambda: again.desk.state.engine.cache)
        assert again.desk.state.engine.cache.cells_used == 900
        again.asked("Go on")
        kinds = [type(c) for c in again.engine.heard]
        assert kinds.index(protocol.Resume) < kinds.index(protocol.Chat)
        assert kinds.count(protocol.Resume) == 1
    finally:
        again.close()


def test_one_that_does_not_match_is_read_again_and_says_why(stage: Stage):
    chat_id = talked(stage)
    path = parked(stage, chat_id)
    again = stage.restarted()
    try:
        again.until(lambda: again.desk.state.parked)
        again.loaded()
        command = again.engine.last(protocol.Resume)
        why = Phrase("It was made with other cache types.")
        again.engine.say(protocol.Failed(id=command.id, kind="EngineError", message=why))
        again.until(lambda: again.desk.state.notice)
        assert "other cache types" in again.desk.state.notice.message
        assert not again.desk.state.notice.is_error
        again.answered("Go on")
        assert path.exists()  # with the earlier types it would match again
    finally:
        again.close()


def test_another_models_cache_is_not_tried(stage: Stage):
    chat_id = talked(stage)
    parked(stage, chat_id)
    stage.desk.in_engine.clear()
    (cache,) = stage.desk.state.parked
    stage.desk.saving.run_on_store(
        lambda: stage.desk.parked_files._caches.add(type(cache)(chat_id, cache.file, "other", 1, 1, None), 10)
    )
    stage.desk.parked_files.used(chat_id)
    stage.until(lambda: stage.desk.state.parked[0].model == "other")
    before = len(stage.engine.heard)
    stage.asked("More")
    assert not any(isinstance(c, protocol.Resume) for c in stage.engine.heard[before:])


def test_a_chat_that_is_opened_later_is_resumed_before_its_turn(stage: Stage):
    chat_id = talked(stage)
    parked(stage, chat_id)
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != chat_id)
    told(stage)
    stage.desk.in_engine.discard(chat_id)  # as after another load
    actions.open_chat(stage.desk, chat_id)
    stage.until(lambda: stage.desk.state.chat.id == chat_id)
    before = len(stage.engine.heard)
    stage.asked("More")
    kinds = [type(c) for c in stage.engine.heard[before:]]
    assert kinds.index(protocol.Resume) < kinds.index(protocol.Chat)


def test_deleting_a_chat_deletes_its_file(stage: Stage):
    chat_id = talked(stage)
    path = parked(stage, chat_id)
    actions.delete_chat(stage.desk, chat_id)
    stage.until(lambda: not stage.desk.state.parked)
    stage.settle()
    assert not path.exists()


def test_the_quota_counts_at_once(stage: Stage):
    chat_id = talked(stage)
    path = parked(stage, chat_id)
    actions.set_setting(stage.desk, "park_quota_bytes", 10)
    stage.until(lambda: not stage.desk.state.parked)
    assert not path.exists()


def test_a_full_disk_leaves_the_earlier_file(stage: Stage):
    chat_id = talked(stage)
    path = parked(stage, chat_id)
    told(stage)
    before = len(stage.engine.heard)
    room_actions.park_chat(stage.desk, chat_id)
    stage.until(lambda: any(isinstance(c, protocol.Park) for c in stage.engine.heard[before:]))
    command = stage.engine.last(protocol.Park)
    assert command.path != str(path)
    full = Phrase("The disk is full.")
    stage.engine.say(protocol.Failed(id=command.id, kind="EngineError", message=full))
    stage.until(lambda: stage.desk.state.notice)
    assert stage.desk.state.notice.message == "The disk is full."
    assert stage.desk.state.engine.parking is None
    assert path.exists()
    assert [cache.file for cache in stage.desk.state.parked] == [str(path)]


def test_a_chat_that_rests_is_offered_to_be_parked_once(stage: Stage):
    chat_id = talked(stage)
    stage.now_s += 11 * 60
    stage.until(lambda: stage.desk.state.park_offer)
    assert stage.desk.state.park_offer.chat_id == chat_id
    room_actions.decline_parking(stage.desk)
    stage.now_s += 60
    stage.settle()
    assert stage.desk.state.park_offer is None


def test_where_it_is_set_so_a_chat_that_rests_is_parked(stage: Stage):
    actions.set_setting(stage.desk, "park", "always")
    chat_id = talked(stage)
    stage.now_s += 11 * 60
    stage.until(lambda: any(isinstance(c, protocol.Park) for c in stage.engine.heard))
    written(stage)
    assert stage.desk.state.parked[0].chat_id == chat_id


@pytest.mark.parametrize(("setting", "cells"), [("never", 900), ("ask", 20)])
def test_nothing_is_offered_where_it_is_not_wanted_or_not_worth_it(stage: Stage, setting: str, cells: int):
    actions.set_setting(stage.desk, "park", setting)
    talked(stage, cells)
    stage.now_s += 3600
    stage.settle()
    assert stage.desk.state.park_offer is None
    assert setting == "never" or parking.offer_parking(stage.desk) is None
    assert room_actions.park_offer(stage.desk) is None


def test_a_load_forgets_what_the_engine_held(stage: Stage):
    talked(stage)
    actions.load_model(stage.desk)
    stage.engine.say(loaded_event(stage.engine.last(protocol.Load)))
    stage.until(lambda: stage.desk.state.engine.loaded is not None)
    assert parking.offer_parking(stage.desk) is None
