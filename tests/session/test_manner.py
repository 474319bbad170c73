"""How chats are answered: prompt and sampling are kept, counted and priced; presets, and undoing them."""

from kvdesk.engine import protocol
from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions, preset_actions
from kvdesk.session.state import Manner, PresetChange, PresetTaken
from kvdesk.session.steps import PAUSE_S
from kvdesk.settings.presets import BUILT_IN, PresetsFile
from tests.session.fakes import Stage

PRECISE = BUILT_IN[1]


def manner(stage: Stage) -> Manner:
    chat = stage.desk.state.chat
    return Manner(chat.system_prompt, chat.sampling)


def own_presets(stage: Stage) -> list[str]:
    return [preset.name for preset in stage.desk.state.presets if not preset.is_built_in]


def stored_presets(stage: Stage) -> list[str]:
    stage.settle()
    presets, problem = PresetsFile(stage.folder / "presets.toml").load()
    assert problem is None
    return [preset.name for preset in presets]


def count(stage: Stage, message_tokens: tuple[int, ...], reused: int) -> None:
    """Answer the last question of what the chat takes."""
    total = sum(message_tokens)
    stage.engine.say(
        protocol.TokensCounted(
            id=stage.engine.last(protocol.CountTokens).id,
            prompt_tokens=total,
            reused_tokens=reused,
            new_tokens=total - reused,
            message_tokens=message_tokens,
        )
    )
    stage.until(lambda: stage.desk.state.read_cost is not None)


# --------------------------------------------------------------------------------- prompt and sampling


def test_a_system_prompt_is_written_once_typing_pauses(stage: Stage):
    stage.open_demo()
    written: list[str] = []
    store, keep = stage.desk.saving._store, stage.desk.saving._store.change_chat
    store.change_chat = lambda chat_id, **columns: (
        written.append(columns.get("system_prompt", "")),
        keep(chat_id, **columns),
    )
    for text in ("B", "Be", "Be brief."):
        actions.set_system_prompt(stage.desk, text)
        stage.settle()
    assert "Be brief." not in written
    stage.now_s += PAUSE_S
    stage.until(lambda: "Be brief." in written)
    assert "Be" not in written
    actions.draft_changed(stage.desk, "Hello")
    written.clear()
    stage.now_s += PAUSE_S
    stage.settle()
    assert written == [""]  # the draft alone: the prompt is as it was


def test_a_system_prompt_is_kept_when_its_chat_is_left_or_the_program_ends_at_once(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    actions.set_system_prompt(stage.desk, "Be long.")
    again = stage.restarted()
    again.until(lambda: again.desk.state.chat is not None)
    assert manner(again).system_prompt == "Be long."
    actions.open_chat(again.desk, first)
    again.until(lambda: again.desk.state.chat.id == first)
    assert manner(again).system_prompt == "Be brief."


def test_a_deleted_chat_comes_back_with_what_was_just_typed(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.delete_chat(stage.desk, first)
    stage.until(lambda: stage.desk.state.chat.id != first)
    actions.undo_delete(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id == first)
    assert manner(stage).system_prompt == "Be brief."


def test_the_loaded_model_counts_the_system_prompt(stage: Stage):
    stage.loaded()
    actions.set_system_prompt(stage.desk, "Be brief.")
    stage.now_s += PAUSE_S
    stage.until(lambda: any(isinstance(c, protocol.Tokenize) for c in stage.engine.heard))
    command = stage.engine.last(protocol.Tokenize)
    assert command.text == "Be brief."
    stage.engine.say(protocol.Tokenized(id=command.id, tokens=(1, 2, 3)))
    stage.until(lambda: stage.desk.state.system_tokens == 3)
    actions.set_system_prompt(stage.desk, "")
    stage.now_s += PAUSE_S
    stage.until(lambda: stage.desk.state.system_tokens is None)


def test_a_count_that_came_too_late_is_not_shown(stage: Stage):
    stage.loaded()
    actions.set_system_prompt(stage.desk, "Be brief.")
    stage.now_s += PAUSE_S
    stage.until(lambda: any(isinstance(c, protocol.Tokenize) for c in stage.engine.heard))
    actions.set_system_prompt(stage.desk, "Be very brief.")
    stage.engine.say(protocol.Tokenized(id=stage.engine.last(protocol.Tokenize).id, tokens=(1, 2, 3)))
    stage.settle()
    assert stage.desk.state.system_tokens is None


def test_what_a_change_has_read_again_is_known_before_anything_is_sent(stage: Stage):
    stage.loaded()
    stage.answered()
    stage.until(lambda: any(isinstance(c, protocol.CountTokens) for c in stage.engine.heard))
    count(stage, (10, 20, 30), reused=58)
    cost = stage.desk.state.read_cost
    assert (cost.prompt_tokens, cost.new_tokens, cost.keeps_start) == (60, 2, True)
    assert cost.seconds is None  # one prompt was read so far: nothing is guessed
    before = len(stage.engine.heard)
    actions.set_system_prompt(stage.desk, "Be brief.")
    stage.now_s += PAUSE_S
    stage.until(lambda: any(isinstance(c, protocol.CountTokens) for c in stage.engine.heard[before:]))
    assert stage.engine.last(protocol.CountTokens).messages[0].content == "Be brief."
    curve = stage.desk.curve
    for _ in range(3):
        curve = curve.with_reading(0, 100, 1.0)
    stage.desk.curve = curve
    count(stage, (12, 10, 20, 30), reused=3)
    stage.until(lambda: stage.desk.state.read_cost.prompt_tokens == 72)
    cost = stage.desk.state.read_cost
    assert (cost.new_tokens, cost.keeps_start) == (69, False)
    assert 0 < cost.seconds <= cost.whole_s
    assert cost.whole_s == curve.seconds(0, 72)


# -------------------------------------------------------------------------------------------- presets


def test_a_preset_is_taken_and_given_back(stage: Stage):
    stage.open_demo()
    actions.set_system_prompt(stage.desk, "Be brief.")
    before = manner(stage)
    preset_actions.take_preset(stage.desk, "precise")
    assert manner(stage) == Manner("Be brief.", PRECISE.sampling)
    (step,) = stage.desk.state.preset_steps
    assert step == PresetTaken(stage.desk.state.chat.id, PRECISE, before, manner(stage))
    preset_actions.take_preset(stage.desk, "Precise")  # it is in force already
    assert stage.desk.state.preset_steps == (step,)
    preset_actions.undo_preset(stage.desk)
    assert manner(stage) == before
    assert stage.desk.state.preset_steps == ()
    preset_actions.undo_preset(stage.desk)
    preset_actions.take_preset(stage.desk, "none such")
    assert manner(stage) == before


def test_undoing_spares_what_was_changed_since(stage: Stage):
    stage.open_demo()
    preset_actions.save_preset(stage.desk, "mine", has_system_prompt=True, has_sampling=True)
    preset_actions.take_preset(stage.desk, "Precise")
    actions.set_system_prompt(stage.desk, "Be brief.")
    changed = manner(stage)
    preset_actions.undo_preset(stage.desk)
    assert manner(stage) == changed
    assert own_presets(stage) == []  # the step before is undone instead


def test_what_a_preset_replaced_is_not_put_into_another_chat(stage: Stage):
    stage.loaded()
    stage.answered("First")
    first = stage.desk.state.chat.id
    preset_actions.take_preset(stage.desk, "Precise")
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    actions.set_sampling(stage.desk, Sampling(seed=4))
    preset_actions.undo_preset(stage.desk)
    assert manner(stage) == Manner("", Sampling(seed=4))


def test_presets_are_saved_in_parts_and_there_after_a_restart(stage: Stage):
    stage.open_demo()
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.set_sampling(stage.desk, Sampling(temperature=0.0))
    preset_actions.save_preset(stage.desk, " both ", has_system_prompt=True, has_sampling=True)
    preset_actions.save_preset(stage.desk, "words", has_system_prompt=True, has_sampling=False)
    preset_actions.save_preset(stage.desk, "cold", has_system_prompt=False, has_sampling=True)
    preset_actions.save_preset(stage.desk, "  ", has_system_prompt=True, has_sampling=True)
    preset_actions.save_preset(stage.desk, "DEFAULT", has_system_prompt=True, has_sampling=True)
    again = stage.restarted()
    again.until(lambda: again.desk.state.chat is not None)
    assert own_presets(again) == ["both", "cold", "words"]
    for name, wanted in (
        ("words", Manner("Be brief.", Sampling(seed=1))),
        ("cold", Manner("", Sampling(temperature=0.0))),
        ("both", Manner("Be brief.", Sampling(temperature=0.0))),
    ):
        actions.set_system_prompt(again.desk, "")
        actions.set_sampling(again.desk, Sampling(seed=1))
        preset_actions.take_preset(again.desk, name)
        assert manner(again) == wanted


def test_presets_are_replaced_renamed_deleted_and_each_step_can_be_undone(stage: Stage):
    stage.open_demo()
    desk = stage.desk

    def save(name: str, seed: int) -> None:
        actions.set_sampling(desk, Sampling(seed=seed))
        preset_actions.save_preset(desk, name, has_system_prompt=False, has_sampling=True)

    save("one", 1)
    save("two", 2)
    save("ONE", 3)  # replaces the first
    assert own_presets(stage) == ["ONE", "two"]
    preset_actions.rename_preset(desk, "one", "zwei")
    preset_actions.rename_preset(desk, "zwei", "two")  # is taken
    preset_actions.rename_preset(desk, "zwei", "Default")
    preset_actions.rename_preset(desk, "Default", "mine")
    preset_actions.delete_preset(desk, "two")
    preset_actions.delete_preset(desk, "Creative")
    assert own_presets(stage) == stored_presets(stage) == ["zwei"]
    kinds = [(step.before and step.before.name, step.after and step.after.name) for step in steps_of(stage)]
    assert kinds == [(None, "one"), (None, "two"), ("one", "ONE"), ("ONE", "zwei"), ("two", None)]
    expected = [["two", "zwei"], ["ONE", "two"], ["one", "two"], ["one"], []]
    for names in expected:
        preset_actions.undo_preset(desk)
        assert own_presets(stage) == stored_presets(stage) == names
    assert desk.state.preset_steps == ()


def steps_of(stage: Stage) -> list[PresetChange]:
    return [step for step in stage.desk.state.preset_steps if isinstance(step, PresetChange)]


def test_a_preset_that_could_not_be_written_is_told_and_stays_for_now(stage: Stage):
    stage.open_demo()
    (stage.folder / "presets.toml").mkdir()
    actions.set_sampling(stage.desk, Sampling(seed=1))
    preset_actions.save_preset(stage.desk, "one", has_system_prompt=True, has_sampling=True)
    stage.until(lambda: stage.desk.state.notice is not None)
    assert "presets" in stage.desk.state.notice.message
    assert own_presets(stage) == ["one"]


def test_new_chats_begin_with_the_preset_chosen_for_them(stage: Stage):
    stage.loaded()
    actions.set_system_prompt(stage.desk, "Be brief.")
    actions.set_sampling(stage.desk, Sampling(temperature=0.0))
    preset_actions.save_preset(stage.desk, "mine", has_system_prompt=True, has_sampling=True)
    stage.answered("First")
    first = stage.desk.state.chat.id
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id != first)
    second = stage.desk.state.chat.id
    assert manner(stage) == Manner()
    preset_actions.begin_with_preset(stage.desk, "mine")
    preset_actions.rename_preset(stage.desk, "mine", "ours")  # is still the one for new chats
    stage.answered("Second")
    actions.new_chat(stage.desk)
    stage.until(lambda: stage.desk.state.chat.id not in (first, second))
    assert manner(stage) == Manner("Be brief.", Sampling(temperature=0.0))
    for chat in (first, second, stage.desk.state.chat.id):
        actions.delete_chat(stage.desk, chat)
    stage.settle()
    assert stage.desk.state.chat.id not in (first, second)
    assert manner(stage).system_prompt == "Be brief."  # that which is made when all are gone, too
    again = stage.restarted()
    again.until(lambda: again.desk.state.chat is not None)
    assert again.desk.state.default_preset == "ours"
    preset_actions.delete_preset(again.desk, "ours")
    actions.new_chat(again.desk)
    again.until(lambda: manner(again) == Manner())
    preset_actions.undo_preset(again.desk)
    assert again.desk.state.manner_of_new.system_prompt == "Be brief."
