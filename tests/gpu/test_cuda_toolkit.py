"""The CUDA toolkit, whole or in pieces: what it lacks is found beside Python's packages and the driver."""

import os
from pathlib import Path

import pytest

from cuda_toolkit import Toolkit, complete, find_toolkit


def _file(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def bare(tmp_path: Path) -> Toolkit:
    """A toolkit that has a compiler and the runtime alone, as NVIDIA's Python packages make it."""
    home = tmp_path / "cuda"
    _file(home / "include" / "cuda_runtime.h")
    _file(home / "lib64" / "libcudart.so")
    return Toolkit(home / "bin" / "nvcc", "13.0", (home,), (home / "lib64",))


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A site-packages folder with cuBLAS."""
    folder = tmp_path / "site-packages"
    for name in ("include/cublas_v2.h", "include/cublas_api.h", "include/cuda_runtime.h"):
        _file(folder / "nvidia" / "cu13" / name)
    for name in ("libcublas.so.13", "libcublasLt.so.13"):
        _file(folder / "nvidia" / "cu13" / "lib" / name)
    return folder


def test_a_toolkit_that_is_whole_is_left_alone(bare: Toolkit, tmp_path: Path) -> None:
    _file(bare.homes[0] / "include" / "cublas_v2.h")
    _file(bare.homes[0] / "lib64" / "stubs" / "libcuda.so")
    whole = complete(bare, tmp_path / "parts", packages=(), drivers=())
    assert whole == bare
    assert not any("LIBRARY_PATH" in argument for argument in whole.cmake_arguments())
    assert "CPATH" not in whole.environment() or "CPATH" in os.environ


def test_missing_parts_are_linked_where_compilers_look(
    bare: Toolkit, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/already/there")
    monkeypatch.delenv("CPATH", raising=False)
    driver = _file(tmp_path / "driver" / "libcuda.so.1", "driver").parent
    parts = tmp_path / "parts"
    found = complete(bare, parts, packages=(tmp_path / "nowhere", packages), drivers=(driver,))
    assert found.missing == ""
    assert sorted(path.name for path in (parts / "lib").iterdir()) == [
        "libcublas.so",
        "libcublasLt.so",
        "libcuda.so",
    ]
    assert (parts / "lib" / "libcuda.so").read_text("utf-8") == "driver"
    # The toolkit's own headers must not be hidden by those of another version.
    assert sorted(path.name for path in (parts / "include").iterdir()) == ["cublas_api.h", "cublas_v2.h"]
    assert f"-DCMAKE_LIBRARY_PATH={parts / 'lib'}" in found.cmake_arguments()
    env = found.environment()
    assert env["CPATH"] == str(parts / "include")
    assert env["LD_LIBRARY_PATH"].split(os.pathsep) == [
        "/already/there",
        str(bare.homes[0] / "lib64"),
        str(packages / "nvidia" / "cu13" / "lib"),
    ]
    assert complete(bare, parts, packages=(packages,), drivers=(driver,)) == found


def test_what_is_nowhere_is_named(bare: Toolkit, tmp_path: Path, packages: Path) -> None:
    assert complete(bare, tmp_path / "parts", packages=(), drivers=()).missing == "cuBLAS"
    assert complete(bare, tmp_path / "parts", packages=(packages,), drivers=()).missing == "libcuda.so"


def test_the_compiler_on_the_path_tells_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = _file(
        tmp_path / "home" / "bin" / "nvcc",
        "#!/bin/sh\necho Cuda compilation tools, release 12.8\n",
    )
    compiler.chmod(0o755)
    _file(tmp_path / "home" / "include" / "cuda.h")
    monkeypatch.setenv("PATH", str(compiler.parent), prepend=os.pathsep)
    toolkit = find_toolkit()
    assert toolkit is not None
    assert (toolkit.compiler, toolkit.version) == (compiler, "12.8")
    assert toolkit.homes[0] == tmp_path / "home"
