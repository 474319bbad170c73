#!/usr/bin/env python3
"""Set KV Desk up and run it, or test it: the two commands of the README. Standard library only.

    python3 packaging/start.py [MODEL]    set up what is missing, then open the window
    python3 packaging/start.py test       set up what is missing, then run every check

A second call finds everything in place and starts at once. What is built is kept in the user's cache
folder, so that a new checkout on the same machine does not compile again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
EXE = ".exe" if os.name == "nt" else ""
PYTHON = BIN / f"python{EXE}"
OLDEST, NEWEST = (3, 11), (3, 13)

# Shared library, and the Debian package that has it. The first group is needed to draw at all (tests draw
# off screen), the second for a window under X.
OFFSCREEN_LIBRARIES = (
    ("glib-2.0", "libglib2.0-0"),
    ("EGL", "libegl1"),
    ("GL", "libgl1"),
    ("xkbcommon", "libxkbcommon0"),
    ("dbus-1", "libdbus-1-3"),
    ("fontconfig", "libfontconfig1"),
)
WINDOW_LIBRARIES = (
    ("xcb-cursor", "libxcb-cursor0"),
    ("xcb-icccm", "libxcb-icccm4"),
    ("xcb-image", "libxcb-image0"),
    ("xcb-keysyms", "libxcb-keysyms1"),
    ("xcb-render-util", "libxcb-render-util0"),
    ("xcb-shape", "libxcb-shape0"),
    ("xcb-xinerama", "libxcb-xinerama0"),
    ("xcb-xkb", "libxcb-xkb1"),
    ("xkbcommon-x11", "libxkbcommon-x11-0"),
)
# What shows that a kind of font is there, the packages that bring it, and whether tests need it too.
FONTS = (
    (("Inter*", "NotoSans-*", "DejaVuSans*", "Liberation*"), ("fonts-inter", "fonts-noto-core"), True),
    (("NotoSansCJK*", "wqy*", "SourceHanSans*"), ("fonts-noto-cjk",), False),
    (("*Emoji*",), ("fonts-noto-color-emoji",), False),
)


class SetupError(Exception):
    """Something the user must do: one sentence, and the way out."""

    def __init__(self, what: str, way_out: str) -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out


# ------------------------------------------------------------------------------------------ showing progress


class Step:
    """One line of progress with the time it has taken so far."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.began = time.monotonic()
        self.is_terminal = sys.stdout.isatty()
        self.last_print = 0.0

    def show(self, note: str = "") -> None:
        """Say how it stands: often on a terminal, every 20 seconds in a log."""
        elapsed = time.monotonic() - self.began
        if self.is_terminal:
            print(f"\r\033[K  {self.title} … {elapsed:.0f} s {note}", end="", flush=True)
        elif elapsed - self.last_print >= 20:
            self.last_print = elapsed
            print(f"  {self.title} … {elapsed:.0f} s {note}", flush=True)

    def done(self, note: str = "") -> None:
        """Close the line."""
        start = "\r\033[K" if self.is_terminal else ""
        print(f"{start}  {self.title}: {time.monotonic() - self.began:.1f} s {note}".rstrip(), flush=True)


def run_step(title: str, command: list[str], way_out: str, env: dict[str, str] | None = None) -> None:
    """Run a long command quietly, with its time and its own percentage; its output is kept in a log."""
    logs = VENV / "logs" if VENV.is_dir() else cache_folder() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    # A title may list any number of packages, and a file's name ends at 255 bytes.
    log = logs / (re.sub(r"\W+", "-", title.lower())[:80].strip("-") + ".log")
    step = Step(title)
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=env)
        try:
            while process.poll() is None:
                step.show(_fraction_built(log))
                time.sleep(0.2)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        step.done("failed")
        tail = log.read_text(errors="replace").splitlines()[-12:]
        print("\n".join("    " + line[:200] for line in tail))
        raise SetupError(f"“{title}” failed.", f"{way_out} The whole output is in {log}.")
    step.done()


def _fraction_built(log: Path) -> str:
    """The compiler's own “[n/m]”, the last one in the log."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        found = re.findall(rb"\[(\d+)/(\d+)\]", file.read())
    return f"({found[-1][0].decode()} of {found[-1][1].decode()} files)" if found else ""


# ------------------------------------------------------------------------------------------- what is there


def cache_folder() -> Path:
    """Where this system keeps caches, in a folder of our own."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kvdesk"


def require_python() -> None:
    """Go on in a Python that the program supports; look for another one when this is not."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other:
            sys.exit(subprocess.call([other, *sys.argv]))
    raise SetupError(
        f"KV Desk needs Python 3.11 to 3.13; this is {platform.python_version()}.",
        "Install one of them (Debian, Ubuntu: apt install python3; else python.org) and call again with it.",
    )


@dataclass(frozen=True)
class Accelerator:
    """What llama.cpp is compiled for."""

    name: str
    cmake: tuple[str, ...]
    why: str


def find_accelerator() -> Accelerator:
    """CUDA needs the compiler and a driver, Metal a Mac; everything else computes on the CPU."""
    if sys.platform == "darwin":
        return Accelerator("metal", ("-DGGML_METAL=ON",), "this is a Mac")
    nvcc = shutil.which("nvcc") or next(
        (
            str(path)
            for path in (Path("/usr/local/cuda/bin/nvcc"), Path("/opt/cuda/bin/nvcc"))
            if path.exists()
        ),
        None,
    )
    has_driver = bool(shutil.which("nvidia-smi") or "cuda" in loadable_libraries())
    if nvcc and has_driver:
        return Accelerator(
            "cuda", ("-DGGML_CUDA=ON", f"-DCMAKE_CUDA_COMPILER={nvcc}"), "nvcc and a driver are here"
        )
    if has_driver:
        return Accelerator(
            "cpu", (), "an NVIDIA driver is here but no nvcc: install the CUDA toolkit to use the GPU"
        )
    return Accelerator(
        "cpu", (), "no nvcc and no NVIDIA driver" if not nvcc else "nvcc is here but no NVIDIA driver"
    )


def has_display() -> bool:
    """Whether a window can be opened."""
    if sys.platform in ("darwin", "win32") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# ------------------------------------------------------------------------------------------ system packages


def loadable_libraries() -> set[str]:
    """Names of the shared libraries that the loader knows, as in libNAME.so; asked once."""
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    if not Path(ldconfig).exists():
        return set()
    listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"^\s*lib(\S+?)\.so", listed, re.MULTILINE))


def missing_packages(*, window: bool) -> list[str]:
    """Debian packages whose files are not there; empty on other systems than Linux."""
    if not sys.platform.startswith("linux"):
        return []
    libraries = OFFSCREEN_LIBRARIES + (WINDOW_LIBRARIES if window else ())
    known = loadable_libraries()
    found = [package for library, package in libraries if library not in known]
    fonts = Path("/usr/share/fonts")
    for patterns, packages, off_screen_too in FONTS:
        wanted = window or off_screen_too
        if wanted and not any(next(fonts.rglob(pattern), None) for pattern in patterns):
            found.extend(packages)
    if not cached_wheels() and not (shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")):
        found.append("build-essential")
    if not VENV.is_dir() and not _has_ensurepip():
        found.append("python3-venv")
    return found


def _has_ensurepip() -> bool:
    # Debian splits it off: `import venv` works, creating one does not.
    return (
        subprocess.run(
            [sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False
        ).returncode
        == 0
    )


def require_packages(*, window: bool) -> None:
    """Install missing system packages as root on Debian and its kin; else say exactly what to install."""
    missing = missing_packages(window=window)
    if not missing:
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        way_out = f"Install them yourself: apt-get install {' '.join(missing)}."
        run_step("Reading the package lists", ["apt-get", "update"], way_out, env)
        run_step(
            f"Installing {', '.join(missing)}",
            ["apt-get", "install", "-y", "--no-install-recommends", *missing],
            way_out,
            env,
        )
        return
    needed = [package for package in missing if not package.startswith("fonts-")]
    if shutil.which("apt-get") and needed:
        raise SetupError(
            f"These system packages are missing: {', '.join(missing)}.",
            f"Install them with: sudo apt-get install {' '.join(missing)}",
        )
    # Fonts are a matter of looks; other distributions name packages differently, and Qt itself says what
    # it lacks: so this is advice, not an end.
    print(f"  Note: if the window does not open, look for your system's equivalents of {', '.join(missing)}.")


# ------------------------------------------------------------------------------------------------ the engine


def engine_requirement() -> str:
    """The range of llama-cpp-python that pyproject.toml asks for."""
    found = re.search(r'"(llama-cpp-python[^"]*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found is not None
    return found.group(1)


def wheel_folder() -> Path:
    """Where wheels for exactly this requirement, accelerator and processor are kept."""
    accelerator = find_accelerator()
    processor = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        # The library is compiled for this processor's instructions: another one needs another wheel.
        flags = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
        processor += flags.group(1) if flags else ""
    parts = (engine_requirement(), *accelerator.cmake, processor, sysconfig.get_platform())
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return cache_folder() / "wheels" / f"{accelerator.name}-{key}"


def cached_wheels() -> list[Path]:
    """The finished wheels for this machine."""
    return sorted(wheel_folder().glob("*.whl"))


def build_engine() -> Path:
    """Compile llama-cpp-python for the accelerator, or take the wheel built before."""
    found = cached_wheels()
    if found:
        print(f"  llama.cpp was built before: {found[-1].parent}")
        return found[-1]
    accelerator = find_accelerator()
    print(f"  Building llama.cpp for {accelerator.name} ({accelerator.why}); this happens once.")
    folder = wheel_folder()
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    env = {
        **os.environ,
        "CMAKE_ARGS": " ".join(("-DGGML_RPC=ON", *accelerator.cmake)),
        "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1),
    }
    run_step(
        "Compiling llama.cpp",
        [
            str(PYTHON),
            "-m",
            "pip",
            "wheel",
            "--verbose",
            "--no-deps",
            "--wheel-dir",
            str(unfinished),
            engine_requirement(),
        ],
        "It needs a C++ compiler and the network for the source.",
        env,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in unfinished.glob("*.whl"):
        wheel.replace(folder / wheel.name)
    shutil.rmtree(unfinished, ignore_errors=True)
    return cached_wheels()[-1]


# ----------------------------------------------------------------------------------------- the environment


def fingerprint(*, development: bool) -> str:
    """What the environment was made from; it is made again only when this changes."""
    parts = [
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        sys.version,
        wheel_folder().name,
        str(development),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def set_up(*, development: bool) -> None:
    """Make the environment with everything in it, unless it is there."""
    stamps = [VENV / f"made-{kind}.stamp" for kind in (("test",) if development else ("run", "test"))]
    kinds = {"made-run.stamp": False, "made-test.stamp": True}
    if any(s.exists() and s.read_text() == fingerprint(development=kinds[s.name]) for s in stamps):
        compile_translations()
        return
    if not PYTHON.exists():
        run_step(
            "Making .venv",
            [sys.executable, "-m", "venv", str(VENV)],
            "Remove the folder .venv and call again.",
        )
    wheel = build_engine()
    target = ".[dev]" if development else "."
    run_step(
        "Installing KV Desk and what it needs",
        [str(PYTHON), "-m", "pip", "install", "--no-warn-script-location", str(wheel), "--editable", target],
        "It needs the network; call again to go on where it stopped.",
    )
    compile_translations()
    (VENV / f"made-{'test' if development else 'run'}.stamp").write_text(fingerprint(development=development))


def compile_translations() -> None:
    """Turn the translators' files into Qt's, where they are newer."""
    for source in sorted((ROOT / "resources" / "translations").glob("*.ts")):
        target = source.with_suffix(".qm")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            command = [str(BIN / f"pyside6-lrelease{EXE}"), "-silent", str(source), "-qm", str(target)]
            subprocess.run(command, check=True)


# ------------------------------------------------------------------------------------------ the two commands


def start(arguments: list[str]) -> int:
    """Open the window, in place of this process where the system can do that."""
    if not has_display():
        print("There is no display here, so no window can open.")
        print(f"Chat in the terminal instead: {BIN / 'kvdesk'} chat demo")
        return 2
    command = [str(PYTHON), "-m", "kvdesk", "gui", *arguments]
    if os.name == "nt":
        return subprocess.call(command)
    sys.stdout.flush()
    return os.execv(command[0], command)


CHECKS = (
    ("Format", ["ruff", "format", "--check", "."]),
    ("Lint", ["ruff", "check", "."]),
    ("Types", ["mypy"]),
    ("Imports", ["lint-imports"]),
    ("Tests", ["pytest", "-n", "auto", "-q"]),
)


def test(arguments: list[str]) -> int:
    """Run every check, off screen; all of them, also after one has failed."""
    env = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    failed = []
    for title, (program, *rest) in CHECKS:
        began = time.monotonic()
        print(f"== {title}", flush=True)
        extra = arguments if program == "pytest" else []
        if subprocess.call([str(BIN / f"{program}{EXE}"), *rest, *extra], cwd=ROOT, env=env) != 0:
            failed.append(title)
        print(f"== {title}: {time.monotonic() - began:.1f} s", flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}. What each found stands above.")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """Do one of the two commands; every failure is one sentence and the way out."""
    try:
        require_python()
        testing = arguments[:1] == ["test"]
        require_packages(window=not testing and has_display())
        set_up(development=testing)
        return test(arguments[1:]) if testing else start(arguments)
    except SetupError as error:
        print(f"{error.what}\n{error.way_out}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. Call again to go on; what was finished is kept.", file=sys.stderr)
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        print("Check the disk and its permissions, then call again.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
