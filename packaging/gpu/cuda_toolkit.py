"""Finds the CUDA toolkit, and the parts it lacks where it came in pieces.

Machines whose CUDA came as Python packages often have the compiler in a folder of its own and cuBLAS beside
PyTorch, where CMake does not look, and no file `libcuda.so` to link against, only the driver's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

HOMES = (Path("/usr/local/cuda"), Path("/opt/cuda"))
DRIVER_FOLDERS = (
    Path("/usr/local/nvidia/lib64"),
    Path("/usr/local/nvidia/lib"),
    Path("/usr/lib/x86_64-linux-gnu"),
    Path("/usr/lib/aarch64-linux-gnu"),
    Path("/usr/lib64"),
    Path("/usr/lib/wsl/lib"),
)


@dataclass(frozen=True, slots=True)
class Toolkit:
    """The compiler, its version ("13.0"), its folders, and those of libraries to be loaded.

    `parts` has `include` and `lib` with what was found elsewhere; None where nothing was missing. `missing`
    says what was found nowhere.
    """

    compiler: Path
    version: str
    homes: tuple[Path, ...]
    libraries: tuple[Path, ...]
    parts: Path | None = None
    missing: str = ""

    def cmake_arguments(self) -> list[str]:
        """What CMake has to be told."""
        arguments = ["-DGGML_CUDA=ON", f"-DCMAKE_CUDA_COMPILER={self.compiler}"]
        if self.parts is not None:
            arguments.append(f"-DCMAKE_LIBRARY_PATH={self.parts / 'lib'}")
        return arguments

    def environment(self) -> dict[str, str]:
        """Ours, with headers where compilers look, and libraries where the loader does."""
        env = dict(os.environ)
        _append(env, "LD_LIBRARY_PATH", self.libraries)
        if self.parts is not None:
            _append(env, "CPATH", [self.parts / "include"])
        return env


def find_toolkit() -> Toolkit | None:
    """The toolkit on the path or in its usual places."""
    places = [shutil.which("nvcc"), *(home / "bin" / "nvcc" for home in HOMES)]
    compiler = next((Path(place) for place in places if place and Path(place).is_file()), None)
    if compiler is None:
        return None
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    release = re.search(r"release ([\d.]+)", said)
    homes = tuple(home for home in (compiler.resolve().parents[1], *HOMES) if (home / "include").is_dir())
    libraries = tuple(home / name for home in homes for name in ("lib64", "lib") if (home / name).is_dir())
    return Toolkit(compiler, release[1] if release else "", homes, libraries)


def complete(
    toolkit: Toolkit,
    folder: Path,
    packages: Iterable[str | Path] = tuple(sys.path),
    drivers: Iterable[Path] = DRIVER_FOLDERS,
) -> Toolkit:
    """Link into `folder` what the toolkit lacks: cuBLAS from Python packages, libcuda from the driver."""
    include, lib = folder / "include", folder / "lib"
    missing = ""
    if not any((home / "include" / "cublas_v2.h").is_file() for home in toolkit.homes):
        found = next(_packaged(packages), None)
        if found is None:
            missing = "cuBLAS"
        else:
            for header in (found.parents[1] / "include").glob("cublas*.h"):
                _link(include / header.name, header)
            for library in found.parent.glob("libcublas*.so.*"):
                _link(lib / f"{library.name.partition('.so.')[0]}.so", library)
            toolkit = replace(toolkit, libraries=(*toolkit.libraries, found.parent))
    if not any((place / "libcuda.so").is_file() for place in _stub_folders(toolkit)):
        known = [Path(place) for place in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if place]
        places = [place for place in (*known, *drivers) if (place / "libcuda.so.1").is_file()]
        if places:
            _link(lib / "libcuda.so", places[0] / "libcuda.so.1")
        else:
            missing = missing or "libcuda.so"
    return replace(toolkit, parts=folder if folder.is_dir() else None, missing=missing)


def _packaged(packages: Iterable[str | Path]) -> Iterator[Path]:
    """cuBLAS as NVIDIA's Python packages lay it out: nvidia/cu13/lib, formerly nvidia/cublas/lib."""
    for place in packages:
        yield from sorted(Path(place).glob("nvidia/*/lib/libcublas.so.*"))


def _stub_folders(toolkit: Toolkit) -> Iterator[Path]:
    for home in toolkit.homes:
        for folder in ("lib64", "lib"):
            yield home / folder
            yield home / folder / "stubs"


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _append(env: dict[str, str], name: str, folders: Iterable[Path]) -> None:
    if words := [word for word in (env.get(name, ""), *map(str, folders)) if word]:
        env[name] = os.pathsep.join(words)
