"""The import contract holds, and each of its walls falls over when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What is added, to which module, and the contract that must then be broken.
BREAKS = {
    "a lower room imports a higher one": (
        "memory/kv.py",
        "import kvdesk.plan.options",
        "A room sees only what is below it",
    ),
    "siblings see each other": (
        "chats/__init__.py",
        "import kvdesk.settings",
        "A room sees only what is below it",
    ),
    "the endpoint sees the session": (
        "serve/port.py",
        "import kvdesk.session.state",
        "A room sees only what is below it",
    ),
    "the endpoint loads llama.cpp": (
        "serve/__init__.py",
        "import llama_cpp",
        "llama.cpp is loaded in engine.llama alone",
    ),
    "the command line sees the window": (
        "cli/__init__.py",
        "import kvdesk.gui",
        "A room sees only what is below it",
    ),
    "the session imports Qt": ("session/apply.py", "import PySide6.QtCore", "Qt lives in gui alone"),
    "the command line imports the graphs": ("cli/__init__.py", "import pyqtgraph", "Qt lives in gui alone"),
    "the window loads llama.cpp": (
        "gui/__init__.py",
        "import llama_cpp",
        "llama.cpp is loaded in engine.llama alone",
    ),
    "the window loads the engine's llama": (
        "gui/__init__.py",
        "import kvdesk.engine.llama.library",
        "llama.cpp is loaded in engine.llama alone",
    ),
    "the client loads llama.cpp": (
        "engine/client.py",
        "import llama_cpp",
        "llama.cpp is loaded in engine.llama alone",
    ),
    "the engine reads NVML": ("engine/client.py", "import pynvml", "Vendor libraries live in monitor alone"),
    "modules import each other": (
        "memory/report.py",
        "import kvdesk.memory.estimate",
        "No cycles inside a room",
    ),
    "a room that nobody placed": ("misc/__init__.py", "", "A room sees only what is below it"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    # `-P` keeps the working folder off the path except for the copy named by PYTHONPATH.
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "kvdesk", folder / "kvdesk", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_house_as_it_stands_keeps_every_contract(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_wall_is_seen(copy: Path, what: str) -> None:
    file, line, contract = BREAKS[what]
    path = copy / "kvdesk" / file
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text((before or '"""New."""\n') + f"\n{line}\n")
    try:
        result = lint(copy)
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(before)
    assert result.returncode != 0
    broken = result.stdout + result.stderr
    assert f"{contract} BROKEN" in broken or "not listed as layers" in broken, broken
