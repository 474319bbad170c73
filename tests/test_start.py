"""The script behind the README's two commands, where it can be tried without setting anything up."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "packaging"


@pytest.fixture
def start(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    module = importlib.import_module("start")
    monkeypatch.setattr(module, "VENV", tmp_path / "none")
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    return module


def test_a_step_may_have_any_title(start, tmp_path):
    packages = ", ".join(f"libxcb-part{number}-0" for number in range(40))
    start.run_step(f"Installing {packages}", [sys.executable, "-c", "print('done')"], "Try again.")
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text().strip() == "done"


def test_a_step_that_fails_shows_its_end_and_the_way_out(start, capsys):
    command = [sys.executable, "-c", "print('no room'); raise SystemExit(3)"]
    with pytest.raises(start.SetupError) as caught:
        start.run_step("Installing", command, "Make room.")
    assert caught.value.way_out.startswith("Make room. The whole output is in ")
    assert "no room" in capsys.readouterr().out
