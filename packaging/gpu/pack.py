#!/usr/bin/env python3
"""Make the bundle that `measure.py` needs on a machine without network. Standard library only.

    python3 packaging/gpu/pack.py FOLDER [--python 3.12] [--headers headers.tar.xz] [--sdist FILE]

FOLDER gets llama-cpp-python's source without what a build never reads, the wheels that the build and the
measuring need, and the archive of models' headers. Call it again and what is there is kept.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "llama-cpp-python"
# What the engine process and the measuring import; the versions are those of pyproject.toml.
NEEDED_AT_RUN_TIME = ("msgspec", "psutil", "nvidia-ml-py", "jinja2")
# llama_cpp's plain binding imports typing_extensions. CMake 3.24 is the first that knows "native" for CUDA.
NEEDED_BESIDE = ("typing-extensions>=4.5", "pip>=24", "scikit-build-core>=0.9.2", "cmake>=3.24", "ninja")
GLIBC_MINORS = (17, 24, 26, 27, 28)  # manylinux_2_N: any Linux with glibc 2.28, which CUDA 12 asks for too

# Nine tenths of the source archive are its history, vocabularies, documents and programs.
_LEFT_OUT = (
    ".git",
    "docker",
    "docs",
    "examples",
    "scripts",
    "tests",
    *(
        f"vendor/llama.cpp/{folder}"
        for folder in (
            ".git",
            "app",
            "benches",
            "ci",
            "conversion",
            "docs",
            "examples",
            "gguf-py",
            "media",
            "models",
            "pocs",
            "requirements",
            "skills",
            "tests",
            "tools",
        )
    ),
)
MOST_BYTES = 64 * 2**20


class PackError(Exception):
    """Something the user must do: one sentence, and the way out."""


def main() -> int:
    """Make the bundle. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12", help="version of Python there (default 3.12)")
    parser.add_argument("--machine", default="x86_64", help="processor there (default x86_64)")
    parser.add_argument(
        "--headers",
        type=Path,
        default=ROOT.parent / "shared" / "models" / "headers.tar.xz",
        help="archive of models' headers with sizes.json",
    )
    parser.add_argument("--sdist", type=Path, help="llama-cpp-python's source archive, where it is already")
    parser.add_argument("--without-cmake", action="store_true", help="leave CMake's 28 MiB out: it is there")
    chosen = parser.parse_args()
    try:
        pack(chosen)
    except PackError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def pack(chosen: argparse.Namespace) -> None:
    """Fill the folder with what is missing in it."""
    folder: Path = chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    if not chosen.headers.is_file():
        raise PackError(f"There are no headers at {chosen.headers}. Name the archive with --headers.")
    if not any(folder.glob("llama_cpp_python-*.tar.xz")):
        with tempfile.TemporaryDirectory() as scratch:
            slim(chosen.sdist or download_sdist(Path(scratch)), folder)
    wheels = folder / "wheels"
    if not wheels.is_dir():
        download_wheels(wheels, chosen.python, chosen.machine, without_cmake=chosen.without_cmake)
    shutil.copyfile(chosen.headers, folder / "headers.tar.xz")
    (folder / "bundle.json").write_text(
        json.dumps({"python": chosen.python, "machine": chosen.machine}) + "\n", "utf-8"
    )
    report(folder)


def requirement(name: str) -> str:
    """The project's own requirement of a package, with its version."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        asked: list[str] = tomllib.load(file)["project"]["dependencies"]
    return next(text for text in asked if re.split(r"[<>=~!]", text)[0] == name)


def download_sdist(folder: Path) -> Path:
    """Fetch the source archive through pip."""
    print("Fetching llama-cpp-python's source.", flush=True)
    _pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), requirement(LIBRARY))
    return next(folder.glob("llama_cpp_python-*.tar.gz"))


def download_wheels(folder: Path, python: str, machine: str, *, without_cmake: bool) -> None:
    """Fetch the wheels for a Linux machine with that Python."""
    print("Fetching wheels.", flush=True)
    beside = [spec for spec in NEEDED_BESIDE if not (without_cmake and spec.startswith("cmake"))]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
    platforms += [f"manylinux2014_{machine}", f"manylinux1_{machine}"]
    words = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    for platform in platforms:
        words += ["--platform", platform]
    _pip("download", *words, "--dest", str(folder), *map(requirement, NEEDED_AT_RUN_TIME), *beside)


def slim(sdist: Path, folder: Path) -> Path:
    """Write the source archive again without what a build does not read."""
    print(f"Packing {sdist.name} without what a build does not read.", flush=True)
    path = folder / sdist.name.replace(".tar.gz", ".tar.xz")
    unfinished = path.with_suffix(".part")
    with (
        tarfile.open(sdist) as source,
        lzma.open(unfinished, "wb", preset=6) as stream,
        tarfile.open(fileobj=stream, mode="w") as target,
    ):
        for member in _kept(source):
            target.addfile(member, source.extractfile(member) if member.isfile() else None)
    return unfinished.rename(path)


def _kept(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in source:
        _, _, inside = member.name.partition("/")
        if not any(inside == left or inside.startswith(f"{left}/") for left in _LEFT_OUT):
            yield member


def report(folder: Path) -> None:
    """Say what is in the bundle and how large it is."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        print(f"{path.stat().st_size / 2**20:8.1f} MiB  {path.relative_to(folder)}")
    total = sum(path.stat().st_size for path in files)
    print(f"{total / 2**20:8.1f} MiB in all, of {MOST_BYTES / 2**20:.0f} that are meant to travel")


def _pip(*words: str) -> None:
    command: Sequence[str] = (sys.executable, "-m", "pip", "--disable-pip-version-check", *words)
    if subprocess.run(command, check=False).returncode:
        raise PackError("pip could not fetch that. Try again where there is network.")


if __name__ == "__main__":
    sys.exit(main())
