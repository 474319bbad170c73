"""Runs commands in this process, with what they printed and how they ended."""

import json
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from kvdesk.cli.build import build_cli


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self):
        """The JSON objects on standard output, one a line and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self):
        """The only JSON object."""
        (found,) = self.objects
        return found


@pytest.fixture
def windows():
    """The models that the window was asked to open."""
    return []


@pytest.fixture
def kvdesk(monkeypatch, windows):
    """Run a command line; English, 80 columns, no colours."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")

    def launch(model):
        windows.append(model)
        return 0

    def run(*words, stdin=None):
        result = CliRunner().invoke(build_cli(launch), list(words), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def room_for(kvdesk):
    """How many bytes a GPU needs for the demo model with some options: budgets follow the arithmetic."""

    def measure(*words):
        found = kvdesk("estimate", "demo", "--json", "--device", "gpu0=8GiB", *words).object
        return found["devices"][0]["needed_bytes"]

    return measure
