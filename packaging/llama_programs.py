"""Build llama.cpp's own programs from the source that llama-cpp-python carries, to hold our exports to them.

    python packaging/llama_programs.py FOLDER [SOURCE]

SOURCE is an unpacked source archive of llama-cpp-python; without it pip fetches the one of the installed
release. CMake, Ninja and a C++ compiler are needed, and some ten minutes on two cores. Afterwards

    KVDESK_LLAMA_BIN=FOLDER/bin python -m pytest tests/export/test_real_programs.py

runs them with exported commands and compares the memory they report with the plan.
"""

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

PROGRAMS = ("llama-server", "llama-cli", "llama-bench", "llama-perplexity")
# The same parts as the wheel has, and nothing that needs the network.
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_RPC": "ON",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
}


def fetch(folder: Path) -> Path:
    """Unpack the source archive of the installed llama-cpp-python below `folder` and return its root."""
    release = f"llama-cpp-python=={version('llama-cpp-python')}"
    pip = [sys.executable, "-m", "pip", "download", "--no-binary", "llama-cpp-python", "--no-deps"]
    subprocess.run([*pip, "--dest", folder, release], check=True)
    archive = next(folder.glob("llama_cpp_python-*.tar.gz"))
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def build(source: Path, folder: Path) -> None:
    """Configure and build the programs; they end up in `folder`/bin."""
    settings = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    cpp = source / "vendor" / "llama.cpp"
    subprocess.run(["cmake", "-S", cpp, "-B", folder, "-G", "Ninja", *settings], check=True)
    subprocess.run(["cmake", "--build", folder, "--target", *PROGRAMS], check=True)


def main(arguments: list[str]) -> int:
    """Build into the folder of the first argument."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    build(Path(arguments[1]) if len(arguments) == 2 else fetch(folder), folder)
    print(f"KVDESK_LLAMA_BIN={folder / 'bin'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
