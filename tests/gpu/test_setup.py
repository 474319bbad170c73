"""The commands around the measuring: what goes into a bundle, and how a set-up ends, whole or cut short."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import psutil
import pytest

import measure
import pack

ROOT = Path(__file__).parents[2]


def _sdist(folder: Path, *names: str) -> Path:
    path = folder / "llama_cpp_python-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(f"llama_cpp_python-1.2.3/{name}")
            member.size = len(name)
            member.mtime = 1_000_000
            archive.addfile(member, io.BytesIO(name.encode()))
    return path


def test_the_source_loses_what_a_build_never_reads(tmp_path: Path) -> None:
    kept = (
        "CMakeLists.txt",
        "pyproject.toml",
        "llama_cpp/llama_cpp.py",
        "vendor/llama.cpp/CMakeLists.txt",
        "vendor/llama.cpp/src/llama.cpp",
        "vendor/llama.cpp/ggml/src/ggml-cuda/fattn.cu",
        "vendor/llama.cpp/src/models/llama.cpp",
        "vendor/llama.cpp/vendor/nlohmann/json.hpp",
    )
    lost = (
        ".git/modules/pack",
        "docs/index.md",
        "vendor/llama.cpp/models/ggml-vocab.gguf",
        "vendor/llama.cpp/tools/server/server.cpp",
    )
    path = pack.slim(_sdist(tmp_path, *kept, *lost), tmp_path)
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == set(kept)


def test_unpacked_source_keeps_its_dates_and_is_unpacked_once(tmp_path: Path) -> None:
    pack.slim(_sdist(tmp_path, "CMakeLists.txt"), tmp_path)
    source = measure.unpacked_source(tmp_path, tmp_path / "work")
    file = source / "CMakeLists.txt"
    assert file.stat().st_mtime == 1_000_000
    file.write_text("changed", "utf-8")
    assert measure.unpacked_source(tmp_path, tmp_path / "work") == source
    assert file.read_text("utf-8") == "changed"


def test_what_the_engine_needs_has_the_project_s_own_versions() -> None:
    for name in (*pack.NEEDED_AT_RUN_TIME, pack.LIBRARY):
        assert pack.requirement(name).startswith(f"{name}>=")


def test_a_bundle_without_headers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [
        sys.executable,
        str(ROOT / "packaging/gpu/pack.py"),
        str(tmp_path),
        "--headers",
        "nowhere.tar.xz",
    ]
    said = subprocess.run(chosen, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "--headers" in said.stderr
    assert "Traceback" not in said.stderr


def test_measuring_without_a_bundle_says_where_it_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--accelerator", "cpu", "--out", str(tmp_path / "rows.jsonl"), "--work", str(tmp_path)]
    assert measure.main(words) == 2
    assert "pack.py" in capsys.readouterr().err


def test_a_step_that_fails_shows_the_end_of_its_output(tmp_path: Path) -> None:
    steps = measure.Steps(tmp_path, measure.Clock(1))
    with pytest.raises(measure.SetupError, match="no such compiler"):
        steps.run("Compiling", [sys.executable, "-c", "import sys; sys.exit('no such compiler')"])


def test_when_the_time_is_up_a_step_ends_with_what_it_started(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    program = (
        "import subprocess, sys, pathlib, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE)\n"
        f"path = pathlib.Path({str(started)!r})\n"
        "path.with_suffix('.part').write_text(str(child.pid))\n"
        "os.replace(path.with_suffix('.part'), path)\n"
        "child.wait()\n"
    )

    class Until(measure.Clock):
        """Time is up as soon as the command's own child runs."""

        def left_s(self) -> float:
            return 0.0 if started.exists() else 60.0

    with pytest.raises(measure.OutOfTime):
        measure.Steps(tmp_path, Until(1)).run("Compiling", [sys.executable, "-c", program])
    child = int(started.read_text("utf-8"))
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=60)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_progress_is_the_last_step_that_ninja_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[1/144] a\n[57/144] b\nnote\n", "utf-8")
    assert measure.fraction_built(log) == "57/144 files"


@pytest.mark.llama
def test_the_command_measures_and_goes_on_where_it_was(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, str(ROOT / "packaging/gpu/measure.py"), "--python", sys.executable]
    command += ["--accelerator", "cpu", "--out", str(out), "--work", str(tmp_path), "--minutes", "2"]
    command += ["--models", "demo", "--contexts", "1k", "--pairs", "f16/f16", "--turn-tokens", "32"]
    command += ["--depths", "64", "--only", "kernels", "memory"]

    def run() -> list[str]:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        return said.stdout.splitlines()

    first = run()
    assert any("Estimate against what llama.cpp allocated" in line for line in first)
    kinds = [json.loads(line)["row"] for line in out.read_text("utf-8").splitlines()]
    assert kinds == ["machine", "kernels", "memory", "memory"]
    second = run()
    assert second[0].endswith("; 0 steps")
    assert len(out.read_text("utf-8").splitlines()) == len(kinds) + 1  # the machine, once more
