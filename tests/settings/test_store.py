"""Settings survive: restarts, other versions, damage, a full disk."""

import errno
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.errors import StoreError
from kvdesk.settings.rows import SETTINGS, Settings
from kvdesk.settings.store import SettingsStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "settings.toml"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_missing_file_gives_the_defaults(path: Path):
    assert SettingsStore(path).load() == (Settings(), None)


def test_all_values_come_back(path: Path):
    settings = Settings(
        theme="dark",
        language="zh_CN",
        reserve_bytes=0,
        last_model="/models/模型 “x”.gguf",
        last_chat=7,
        recent_models=("/a.gguf", "C:\\models\\b.gguf"),
        model_options={"0a1b": {"ctx_size": 4096, "tensor_split": [1.0, 3.0], "mlock": True}},
        window_geometry="AdnQyw==",
        window_splitter=(212, 700, 372),
        show_chats=False,
    )
    SettingsStore(path).save(settings)
    assert SettingsStore(path).load() == (settings, None)


def test_keys_of_other_versions_are_kept(path: Path):
    write(path, 'theme = "dark"\nnew_toy = [1, 2]\n[shelf]\nbook = "x"\n')
    store = SettingsStore(path)
    settings, problem = store.load()
    assert (settings.theme, problem) == ("dark", None)
    store.save(msgspec.structs.replace(settings, theme="light"))
    text = path.read_text(encoding="utf-8")
    assert 'theme = "light"' in text
    assert "new_toy = [1, 2]" in text
    assert 'book = "x"' in text


@pytest.mark.parametrize("text", [b"theme = ", b"= dark", b"\xff\xfe\x00", b"[a]\n[a]\n"])
def test_a_damaged_file_is_set_aside(path: Path, text: bytes):
    path.parent.mkdir()
    path.write_bytes(text)
    settings, problem = SettingsStore(path).load()
    assert settings == Settings()
    assert problem is not None
    assert Path(str(problem.hint.values["path"])).read_bytes() == text
    assert not path.exists()


def test_values_that_cannot_be_used_are_named_and_the_rest_is_taken(path: Path):
    write(path, 'theme = "purple"\nreserve_bytes = -1\nlast_chat = 3\nshow_desk = "yes"\n')
    settings, problem = SettingsStore(path).load()
    assert settings == Settings(last_chat=3)
    assert problem is not None
    assert "reserve_bytes, show_desk, theme" in problem.message


@given(st.binary(max_size=200))
def test_any_file_gives_settings(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.mktemp("any") / "settings.toml"
    path.write_bytes(content)
    settings, _ = SettingsStore(path).load()
    assert isinstance(settings, Settings)


def test_a_folder_in_its_place_is_said_and_left(path: Path):
    path.mkdir(parents=True)
    store = SettingsStore(path)
    settings, problem = store.load()
    assert settings == Settings()
    assert problem is not None
    store.save(settings)
    assert path.is_dir()
    with pytest.raises(StoreError, match="could not be saved"):
        SettingsStore(path).save(settings)
    assert list(path.parent.iterdir()) == [path]  # no temporary file is left behind


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch):
    store = SettingsStore(path)
    store.save(Settings(theme="dark"))

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.save(Settings(theme="light"))
    assert SettingsStore(path).load()[0].theme == "dark"
    assert list(path.parent.iterdir()) == [path]


def test_every_shown_setting_explains_itself():
    for row in SETTINGS:
        assert bool(row.spec.label) == bool(row.spec.help), row.name
        if row.choices:
            assert row.default in row.choices


def test_everything_moves_with_the_home_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from kvdesk.settings.places import HOME_VARIABLE, find_places

    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    places = find_places()
    assert places.settings.parent == places.chats.parent == tmp_path
    monkeypatch.delenv(HOME_VARIABLE)
    assert tmp_path not in find_places().settings.parents
