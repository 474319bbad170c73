#!/usr/bin/env python3
"""Build llama.cpp for this machine's GPU and hold KV Desk's arithmetic to it. Standard library only.

    python3 packaging/gpu/measure.py --bundle FOLDER --out FILE.jsonl [--minutes 25]

No network is needed: `pack.py` made the bundle where there was one. What was built and what was measured is
kept, so that the same command continues where it was stopped. With --python an environment that is there is
used as it is. See README.md beside this file; options that are not listed here go to the measuring itself
(--models, --contexts, --only, --list ...; `--help-measuring` prints them).
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from cuda_toolkit import Toolkit, complete, find_toolkit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OLDEST, NEWEST = (3, 11), (3, 12)
TELL_EVERY_S = 15.0
UNFINISHED = 3  # exit status: time ran out; the same command continues


class SetupError(Exception):
    """Something the user must do: one sentence, and the way out."""


class Clock:
    """What is left of the minutes that were given."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + minutes * 60

    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())


def main(words: Sequence[str]) -> int:
    """Set up what is missing, then measure. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="folder or .tar made by pack.py")
    parser.add_argument("--work", type=Path, default=Path("gpu-work"), help="what is built and unpacked")
    parser.add_argument("--out", type=Path, required=True, help="rows are added to this file")
    parser.add_argument("--accelerator", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--minutes", type=float, default=25.0, help="for everything together (default 25)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at once")
    parser.add_argument("--architecture", default="native", help="CMAKE_CUDA_ARCHITECTURES (default native)")
    parser.add_argument("--cmake-arg", action="append", default=[], help="one more argument for CMake")
    parser.add_argument(
        "--python", type=Path, help="an environment with all that is needed; nothing is built"
    )
    parser.add_argument("--build-only", action="store_true", help="stop when llama.cpp is built")
    parser.add_argument("--help-measuring", action="store_true", help="print the options of the measuring")
    chosen, rest = parser.parse_known_args(words)
    clock = Clock(chosen.minutes)
    try:
        work = chosen.work.absolute()
        toolkit = cuda_toolkit_here(work) if chosen.accelerator == "cuda" else None
        if chosen.python is None:
            bundle = opened_bundle(chosen.bundle, work)
            python = set_up(bundle, work, toolkit, chosen, clock)
        else:  # not resolved: a virtual environment is known by the link's own place
            python, bundle = chosen.python.absolute(), chosen.bundle
        if chosen.build_only:
            return 0
        return measure(python, bundle, work, toolkit, chosen, rest, clock)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except OutOfTime:
        print("The time is up. Run the same command again: it goes on from here.", file=sys.stderr)
        return UNFINISHED


def measure(
    python: Path,
    bundle: Path | None,
    work: Path,
    toolkit: Toolkit | None,
    chosen: argparse.Namespace,
    rest: Sequence[str],
    clock: Clock,
) -> int:
    """Run the measuring with the interpreter that has the library."""
    words = [str(python), "-m", "measuring", "--accelerator", chosen.accelerator]
    words += ["--out", str(chosen.out.absolute()), "--models-folder", str(work / "models")]
    words += ["--seconds", f"{clock.left_s():.0f}"]
    if bundle is not None and bundle.is_dir():
        words += ["--headers", str(bundle.absolute() / "headers.tar.xz")]
    if toolkit is not None:
        words += ["--cuda", toolkit.version]
    if chosen.help_measuring:
        words.append("--help")
    env = toolkit.environment() if toolkit is not None else dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join((str(HERE), str(ROOT)))
    env["PYTHONUNBUFFERED"] = "1"
    return subprocess.run([*words, *rest], env=env, check=False).returncode


# ------------------------------------------------------------------------------------------------ the build


def cuda_toolkit_here(work: Path) -> Toolkit:
    """The CUDA toolkit with what it lacks. Raises SetupError where there is none."""
    toolkit = find_toolkit()
    if toolkit is None:
        raise SetupError(
            "There is no nvcc here. Install the CUDA toolkit, or measure with --accelerator cpu."
        )
    return complete(toolkit, work / "cuda-parts")


def opened_bundle(bundle: Path | None, work: Path) -> Path:
    """The bundle as a folder."""
    if bundle is None or not bundle.exists():
        raise SetupError("Name the bundle with --bundle; pack.py makes it where there is network.")
    if bundle.is_dir():
        return bundle
    folder = work / "bundle"
    with tarfile.open(bundle) as archive:
        extract(archive, folder)
    inner = [path for path in folder.iterdir() if path.is_dir() and path.name != "wheels"]
    return folder if (folder / "wheels").is_dir() else inner[0]


def set_up(
    bundle: Path, work: Path, toolkit: Toolkit | None, chosen: argparse.Namespace, clock: Clock
) -> Path:
    """A virtual environment with the wheels and the library; what is there already is kept."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise SetupError(
            f"This is Python {version[0]}.{version[1]}; call measure.py with Python 3.11 or 3.12, "
            f"for which the bundle has wheels."
        )
    python = work / "env" / "bin" / "python"
    pip = next((bundle / "wheels").glob("pip-*.whl"), None)
    if pip is None:
        raise SetupError(f"{bundle} is no bundle of pack.py: it has no wheels.")
    # Many Linux systems come without ensurepip; pip runs from its own wheel just as well.
    run_pip = [str(python), str(pip / "pip"), "--disable-pip-version-check", "--no-cache-dir"]
    steps = Steps(work, clock)
    if not (work / "env" / "ready").exists():
        steps.run("Making an environment", [sys.executable, "-m", "venv", "--without-pip", str(work / "env")])
        wheels = [str(path) for path in (bundle / "wheels").glob("*.whl") if path != pip]
        steps.run("Installing wheels", [*run_pip, "install", "--no-index", "--no-deps", *wheels])
        (work / "env" / "ready").touch()
    built = work / "built" / chosen.accelerator
    if not any(built.glob("*.whl")):
        build_library(bundle, work, built, toolkit, chosen, steps, run_pip)
    wheel = next(built.glob("*.whl"))
    installed = work / "env" / f"has-{chosen.accelerator}"
    if not installed.exists():
        words = [*run_pip, "install", "--no-index", "--no-deps", "--force-reinstall", str(wheel)]
        steps.run("Installing llama-cpp-python", words)
        for other in (work / "env").glob("has-*"):
            other.unlink()
        installed.touch()
    return python


def build_library(
    bundle: Path,
    work: Path,
    built: Path,
    toolkit: Toolkit | None,
    chosen: argparse.Namespace,
    steps: Steps,
    run_pip: Sequence[str],
) -> None:
    """Compile llama-cpp-python with RPC and, with a toolkit, CUDA; a build that was cut short goes on."""
    source = unpacked_source(bundle, work)
    arguments = ["-DGGML_RPC=ON", "-DLLAVA_BUILD=OFF", "-DLLAMA_OPENSSL=OFF"]
    if toolkit is not None:
        if toolkit.missing:
            raise SetupError(
                f"The CUDA toolkit here has no {toolkit.missing}. Install it, or call measure.py with the "
                f"Python that has NVIDIA's packages (nvidia-cublas)."
            )
        arguments += [*toolkit.cmake_arguments(), f"-DCMAKE_CUDA_ARCHITECTURES={chosen.architecture}"]
    env = toolkit.environment() if toolkit is not None else dict(os.environ)
    env["PATH"] = os.pathsep.join((str(work / "env" / "bin"), env["PATH"]))
    env["CMAKE_ARGS"] = shlex.join((*arguments, *chosen.cmake_arg))
    env["CMAKE_BUILD_PARALLEL_LEVEL"] = str(chosen.jobs)
    folder = work / "build" / chosen.accelerator
    words = ["wheel", "--verbose", "--no-index", "--no-deps", "--no-build-isolation"]
    words += ["--wheel-dir", str(built), "--config-settings", f"build-dir={folder}", str(source)]
    steps.run(f"Compiling llama.cpp for {chosen.accelerator}", [*run_pip, *words], env)


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack a bundle's archive. Python 3.11.4 brought the filters; from 3.12 on it warns without one."""
    filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    archive.extractall(folder, **filters)


def unpacked_source(bundle: Path, work: Path) -> Path:
    """The source's folder. Its files keep their dates, so that a second build finds nothing changed."""
    archive = next(bundle.glob("llama_cpp_python-*.tar.xz"), None)
    if archive is None:
        raise SetupError(f"{bundle} has no source archive; make it again with pack.py.")
    source = work / "source" / archive.name.removesuffix(".tar.xz")
    if not source.is_dir():
        unfinished = work / "source" / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with tarfile.open(archive) as packed:
            extract(packed, unfinished)
        (unfinished / source.name).rename(source)
    return source


class OutOfTime(Exception):
    """The minutes that were given are over."""


class Steps:
    """Runs commands within the time that is left, says how far they are and keeps what they print."""

    def __init__(self, work: Path, clock: Clock) -> None:
        self._logs = work / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._clock = clock

    def run(self, title: str, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Run one command. Raises SetupError with the end of its output, OutOfTime when there is none."""
        log = self._logs / (re.sub(r"\W+", "-", title.lower()) + ".log")
        began = told = time.monotonic()
        print(f"{title} …", flush=True)
        with open(log, "wb") as output:
            # A session of its own, so that compilers started by it end with it.
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=env, start_new_session=True
            )
            try:
                while True:
                    try:
                        process.wait(min(1.0, self._clock.left_s() + 0.01))
                        break
                    except subprocess.TimeoutExpired:
                        if self._clock.left_s() <= 0:
                            raise OutOfTime from None
                    if time.monotonic() - told >= TELL_EVERY_S:
                        told = time.monotonic()
                        print(f"  {told - began:.0f} s {fraction_built(log)}".rstrip(), flush=True)
            except BaseException:
                end_group(process)
                raise
        if process.returncode:
            tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-25:])
            raise SetupError(f"{tail}\n\n“{title}” failed. The whole output is in {log}.")
        print(f"  done in {time.monotonic() - began:.0f} s", flush=True)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started; ninja is asked first, so that it removes half-written files."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def fraction_built(log: Path) -> str:
    """How far ninja is: the last "[12/345]" of its output."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 20000))
        steps = re.findall(rb"\[(\d+/\d+)\]", file.read())
    return f"{steps[-1].decode()} files" if steps else ""


if __name__ == "__main__":
    if platform.system() != "Linux":
        sys.exit("This measures on Linux; elsewhere see the README beside it.")
    sys.exit(main(sys.argv[1:]))
