"""The composition root: which way leads to the window, what happens without a display."""

import subprocess
import sys
from pathlib import Path

import pytest

from kvdesk import app


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        ([], None),
        (["gui"], None),
        (["gui", "demo"], "demo"),
        (["gui", "/models/a b.gguf"], "/models/a b.gguf"),
    ],
)
def test_the_short_ways_lead_to_the_window(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], model: str | None
):
    opened: list[str | None] = []
    monkeypatch.setattr(app, "launch_window", lambda model: opened.append(model) or 7)
    assert app.run(arguments) == 7
    assert opened == [model]


@pytest.mark.parametrize(
    ("environment", "platform", "shown"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", True),
        ({}, "win32", True),
        ({}, "darwin", True),
    ],
)
def test_a_display_is_known_before_qt_is_asked(environment: dict[str, str], platform: str, shown: bool):
    assert app.has_display(environment, platform) is shown


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux runs without a display")
@pytest.mark.parametrize("arguments", [[], ["gui"], ["gui", "demo"]])
def test_without_a_display_it_says_so_and_offers_the_terminal(tmp_path: Path, arguments: list[str]):
    ran = run_python("-m", "kvdesk", *arguments, home=tmp_path)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [app.NO_DISPLAY, app.CHAT_INSTEAD]


def test_the_window_does_not_pay_for_what_its_first_picture_does_not_need(tmp_path: Path):
    ran = run_python(
        "-c",
        "import sys; from kvdesk.app import make_desk; make_desk().close();"
        "print(sorted({'numpy', 'psutil', 'pynvml', 'typer', 'rich', 'llama_cpp', 'jinja2', 'PySide6'}"
        " & sys.modules.keys()))",
        home=tmp_path,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")
    ran = run_python(
        "-c",
        "import sys; import kvdesk.gui.run;"
        "print(sorted({'numpy', 'pyqtgraph', 'psutil', 'asyncio', 'jinja2'} & sys.modules.keys()))",
        home=tmp_path,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


def run_python(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run this interpreter with no display, all files of the program below `home`."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={"KVDESK_HOME": str(home), "PATH": "", "PYTHONPATH": str(Path(app.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
