"""Uses the window as one does: xdotool moves the mouse and presses keys, `teller.py` says what is there."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 30.0  # a load or an answer on a busy machine
_LOOK_S = 0.05
NEEDED = ("xdotool", "Xvfb", "import")  # the last is ImageMagick's


class NotThere(Exception):
    """What was looked for did not come to be seen in time."""


class Seen(NamedTuple):
    """Something in the accessibility tree. `rect` is on the screen: x, y, width, height."""

    window: str
    role: str
    name: str
    value: str
    about: str
    rect: tuple[int, int, int, int]
    on: bool
    off: bool
    keyboard: bool

    @property
    def text(self) -> str:
        """What is read of it."""
        return self.name or self.value


def missing_tools() -> list[str]:
    """Programs that this needs and this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


@contextmanager
def screen(number: int, size: str = "1280x800") -> Iterator[str]:
    """An X server of our own with a window manager, if there is one."""
    display = f":{number}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(["Xvfb", display, "-screen", "0", f"{size}x24"], **quiet)
    manager = None
    try:
        until(lambda: Path(f"/tmp/.X11-unix/X{number}").exists(), "an X server")
        if shutil.which("openbox"):
            environment = {**os.environ, "DISPLAY": display}
            manager = subprocess.Popen(["openbox"], env=environment, **quiet)
        yield display
    finally:
        for process in (manager, server):
            if process is not None:
                process.terminate()
                process.wait()


def until(is_so: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for a condition and return what it gave. Raises NotThere."""
    end_s = time.monotonic() + patience_s
    while not (found := is_so()):
        if time.monotonic() > end_s:
            raise NotThere(what)
        time.sleep(_LOOK_S)
    return found


class Hand:
    """One window, from its start to its end. Screenshots go into `folder`."""

    def __init__(self, display: str, home: Path, folder: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display, "KVDESK_HOME": str(home), "LANG": "C.UTF-8"}
        self._folder = folder
        self._shots = 0
        self._log = (folder / "stderr.txt").open("a", encoding="utf-8")
        self.window = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("teller.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=self._environment,
        )

    def again(self) -> None:
        """Start the window once more, after it was closed."""
        self.window = self._start()

    def ended(self) -> int:
        """Wait until the window is closed; its exit status."""
        status = until(lambda: (self.window.poll(),) if self.window.poll() is not None else (), "the end")
        return int(status[0])

    # ------------------------------------------------------------------------------------------ looking

    def look(self) -> list[Seen]:
        """All that is visible now; nothing while the window starts or ends."""
        assert self.window.stdin is not None
        assert self.window.stdout is not None
        try:
            self.window.stdin.write("look\n")
            self.window.stdin.flush()
            line = self.window.stdout.readline()
        except BrokenPipeError:
            return []
        return [Seen(**{**each, "rect": tuple(each["rect"])}) for each in json.loads(line)] if line else []

    def find(self, name: str, role: str = "") -> list[Seen]:
        """What has a name, or a value, that a regular expression matches from its beginning."""
        wanted = re.compile(name)
        return [
            each
            for each in self.look()
            if each.rect[2] > 0
            and (not role or each.role in role.split())
            and (wanted.match(each.name) or wanted.match(each.value))
        ]

    def see(self, name: str, role: str = "", patience_s: float = PATIENCE_S) -> Seen:
        """Wait until something is there; the last of several, which is over the others."""
        found: list[Seen] = until(lambda: self.find(name, role), f"{role} “{name}”", patience_s)
        return found[-1]

    def gone(self, name: str, role: str = "", patience_s: float = PATIENCE_S) -> None:
        """Wait until it is not there any more."""
        until(lambda: not self.find(name, role), f"“{name}” to go", patience_s)

    # ------------------------------------------------------------------------------------------- acting

    def click(self, name: str, role: str = "", *, button: int = 1, which: int = -1) -> Seen:
        """Click on the middle of something once it can be clicked; of several on the last."""

        def ready() -> list[Seen]:
            return [each for each in self.find(name, role) if not each.off]

        target: Seen = until(ready, f"{role} “{name}” to be clicked")[which]
        x, y, width, height = target.rect
        self._xdotool("mousemove", x + width // 2, y + height // 2, "click", button)
        return target

    def hover(self, name: str, role: str = "") -> None:
        """Rest the mouse on something."""
        x, y, width, height = self.see(name, role).rect
        self._xdotool("mousemove", x + width // 2, y + height // 2)

    def keyboard_in(self, name: str, role: str) -> None:
        """Wait until the keyboard is in something: a window manager takes a moment for a new window."""
        until(lambda: any(each.keyboard for each in self.find(name, role)), f"the keyboard in “{name}”")

    def wheel(self, name: str, role: str, clicks: int) -> None:
        """Turn the wheel over something: up with a positive number."""
        self.hover(name, role)
        self._xdotool("click", "--repeat", abs(clicks), 4 if clicks > 0 else 5)

    def type(self, text: str) -> None:
        """Write a text where the keyboard is."""
        self._xdotool("type", "--delay", 6, "--", text)

    def press(self, *keys: str) -> None:
        """Press keys such as "ctrl+f", one after another."""
        self._xdotool("key", "--delay", 20, *keys)

    def write(self, name: str, role: str, text: str) -> None:
        """Put a text in the place of what a field has."""
        self.click(name, role)
        self.press("ctrl+a")
        self.type(text)

    def shot(self, name: str) -> None:
        """Write a picture of the screen."""
        self._shots += 1
        path = self._folder / f"{self._shots:02}-{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], env=self._environment, check=True)

    def command(self, *arguments: str) -> str:
        """What the command line says of the same data."""
        ran = subprocess.run(
            [sys.executable, "-m", "kvdesk", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        return ran.stdout

    def _xdotool(self, *arguments: object) -> None:
        subprocess.run(["xdotool", *map(str, arguments)], env=self._environment, check=True)
