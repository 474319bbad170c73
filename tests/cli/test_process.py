"""A few commands as the processes that people start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def start(*words, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "kvdesk", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1", "LANGUAGE": "en", **environment},
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_estimate_is_one_json_object_and_nothing_else():
    status, out, err = start("estimate", "demo", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["model"]["name"] == "KV Desk demo"


def test_a_failure_is_two_lines_and_status_2():
    status, out, err = start("estimate", "nowhere.gguf")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 2


def test_a_closed_pipe_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "kvdesk", "inspect", "demo", "demo", "demo", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=120)
    assert err == b""


@pytest.mark.parametrize("module", ["PySide6", "llama_cpp", "rich", "numpy", "jinja2", "pynvml"])
def test_help_and_estimates_load_nothing_heavy(module):
    code = (
        "import sys\n"
        "from kvdesk.app import run\n"
        "try:\n    run(['estimate', 'demo', '--json'])\n"
        "except SystemExit: pass\n"
        f"sys.exit(any(name == {module!r} for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.llama
def test_the_engine_command_speaks_its_protocol():
    done = subprocess.run(
        [sys.executable, "-m", "kvdesk", "engine"],
        input=b'{"command": "quit", "id": 1}\n',
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["event"] == "hello"


@pytest.mark.llama
def test_devices_end_with_the_host():
    status, out, _ = start("devices", "--json")
    assert status == 0
    host = json.loads(out)["devices"][-1]
    assert host["name"] == "CPU"
    assert 0 < host["free_bytes"] <= host["total_bytes"]
