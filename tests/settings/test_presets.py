"""Presets survive: restarts, another window, damage, a full disk; what is not understood stays as it is."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.errors import StoreError
from kvdesk.plan.sampling import SAMPLER_OPTIONS, Sampling, changed_values, sampling_of
from kvdesk.settings.presets import BUILT_IN, Preset, PresetsFile, find_preset, taken_preset

LETTERS = Preset("Letters", "You write letters.\nTo “friends”.", Sampling(temperature=0.3, top_k=0))
MOOD = Preset("mood", None, Sampling(temperature=1.5))
ROLE = Preset("Rôle", "You are a pirate.", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "presets.toml"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_no_file_is_no_presets_and_no_problem(path: Path):
    assert PresetsFile(path).load() == ((), None)


def test_all_parts_come_back_by_name(path: Path):
    for preset in (ROLE, MOOD, LETTERS):
        PresetsFile(path).change("", preset)
    assert PresetsFile(path).load() == ((LETTERS, MOOD, ROLE), None)


def test_only_what_differs_is_written_so_that_a_hand_can_write_it(path: Path):
    PresetsFile(path).change("", MOOD)
    assert path.read_text(encoding="utf-8") == "\n[mood]\nsampling = {temperature = 1.5}\n"
    write(path, '[plain]\nsampling = {}\n["with words"]\nsystem_prompt = "Be brief."\n')
    presets, problem = PresetsFile(path).load()
    assert presets == (Preset("plain", None, Sampling()), Preset("with words", "Be brief.", None))
    assert problem is None


def test_a_preset_is_replaced_renamed_and_taken_away(path: Path):
    file = PresetsFile(path)
    for preset in (LETTERS, MOOD):
        file.change("", preset)
    other = Preset("Letters", "Shorter.", None)
    file.change("Letters", other)
    file.change("mood", Preset("Mood", None, MOOD.sampling))
    assert file.load() == ((other, Preset("Mood", None, MOOD.sampling)), None)
    file.change("Letters", None)
    file.change("none such", None)
    assert file.load() == ((Preset("Mood", None, MOOD.sampling),), None)


def test_what_another_window_saved_meanwhile_stays(path: Path):
    one, other = PresetsFile(path), PresetsFile(path)
    one.load()
    other.change("", LETTERS)
    one.change("", MOOD)
    assert one.load()[0] == (LETTERS, MOOD)


@pytest.mark.parametrize(
    "table",
    ['sampling = {temperature = "hot"}', "sampling = {temperature = 9}", "sampling = 3", "system_prompt = 1"],
)
def test_what_cannot_be_used_is_named_and_left_in_the_file(path: Path, table: str):
    write(path, f'shelf = 3\n["strange"]\n{table}\n')
    file = PresetsFile(path)
    presets, problem = file.load()
    assert presets == ()
    assert "strange" in str(problem)
    file.change("", MOOD)
    text = path.read_text(encoding="utf-8")
    assert table in text
    assert "shelf = 3" in text
    assert file.load()[0] == (MOOD,)


def test_a_built_in_name_cannot_be_taken(path: Path):
    write(path, "[precise]\nsampling = {}\n")
    presets, problem = PresetsFile(path).load()
    assert presets == ()
    assert "precise" in str(problem)


def test_settings_of_a_later_version_do_not_hide_a_preset(path: Path):
    write(path, '["x"]\nsampling = {temperature = 0.5, mirostat_9 = 1}\ncolour = "red"\n')
    assert PresetsFile(path).load() == ((Preset("x", None, Sampling(temperature=0.5)),), None)


@pytest.mark.parametrize("damage", [b"[", b"\xff\xfe\x00"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, damage: bytes):
    write(path, "")
    path.write_bytes(damage)
    file = PresetsFile(path)
    presets, problem = file.load()
    assert presets == ()
    (kept,) = path.parent.glob("presets.damaged-*")
    assert kept.read_bytes() == damage
    assert str(kept) in problem.hint
    file.change("", MOOD)
    assert file.load() == ((MOOD,), None)


def test_what_is_saved_over_damage_is_saved_and_the_damage_told(path: Path):
    file = PresetsFile(path)
    file.change("", LETTERS)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(StoreError, match="damaged"):
        file.change("", MOOD)
    assert file.load() == ((MOOD,), None)
    assert len(list(path.parent.glob("presets.damaged-*"))) == 1


def test_a_full_disk_is_told_and_the_file_stays(path: Path, monkeypatch: pytest.MonkeyPatch):
    file = PresetsFile(path)
    file.change("", MOOD)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        file.change("", LETTERS)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert file.load() == ((MOOD,), None)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may read everything is not refused")
def test_a_file_that_may_not_be_read_is_not_replaced(path: Path):
    write(path, "[x]\n")
    path.chmod(0)
    file = PresetsFile(path)
    assert "cannot be read" in str(file.load()[1])
    with pytest.raises(StoreError):
        file.change("", MOOD)
    path.chmod(0o600)
    assert path.read_text() == "[x]\n"


def test_a_name_is_found_however_it_is_capitalised():
    assert find_preset(BUILT_IN, "PRECISE") is BUILT_IN[1]
    assert find_preset(BUILT_IN, "") is None


def test_the_preset_that_is_in_force_is_the_one_that_says_most():
    presets = (*BUILT_IN, LETTERS, MOOD, ROLE)
    for preset in BUILT_IN:
        assert taken_preset(presets, "", preset.sampling) is preset
    assert taken_preset(presets, LETTERS.system_prompt, LETTERS.sampling) is LETTERS
    assert taken_preset(presets, "Something else.", MOOD.sampling) is MOOD
    assert taken_preset(presets, ROLE.system_prompt, Sampling()) is ROLE
    assert taken_preset(presets, "Something else.", Sampling(seed=7)) is None
    own = Preset("mine", None, Sampling())
    assert taken_preset((*BUILT_IN, own), "", Sampling()) is own


def test_the_built_in_default_is_llama_cpps():
    assert BUILT_IN[0].sampling == Sampling()
    assert all(preset.system_prompt is None for preset in BUILT_IN)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            row.name: (
                st.integers(int(row.spec.minimum), int(row.spec.maximum))
                if row.value_type is int
                else st.floats(row.spec.minimum, row.spec.maximum)
            )
            for row in SAMPLER_OPTIONS
        },
    )
)
def test_every_sampling_comes_back_from_what_differs(values: dict[str, float]):
    sampling = Sampling(**values)
    assert sampling_of(changed_values(sampling)) == sampling
