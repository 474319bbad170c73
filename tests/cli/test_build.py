"""The command line as a whole: its commands, its flags, and the two lines of every failure."""

import pytest

import kvdesk as package
from kvdesk.cli import guard
from kvdesk.cli.guard import llama_style
from kvdesk.errors import Cancelled
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.sampling import SAMPLER_OPTIONS

COMMANDS = ["gui", "inspect", "estimate", "fit", "chat", "export", "import", "devices", "engine", "chats"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(kvdesk, command):
    ran = kvdesk(command, "--help")
    assert ran.status == 0
    assert f"kvdesk {command}" in ran.out
    assert ran.err == ""


def test_the_list_of_commands_is_complete(kvdesk):
    out = kvdesk("--help").out
    assert [command for command in COMMANDS if f" {command} " in out] == COMMANDS


@pytest.mark.parametrize("command", ["estimate", "fit", "chat", "export"])
def test_every_flag_of_the_table_is_in_every_planning_command(kvdesk, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    out = kvdesk(command, "--help").out
    rows = [*OPTIONS, *(SAMPLER_OPTIONS if command == "chat" else ())]
    flags = {flag for row in rows for flag in (*row.spec.flags, *getattr(row.spec, "off_flags", ()))}
    assert {flag for flag in flags if flag not in out} == set()


def test_without_a_command_the_window_opens(kvdesk, windows):
    assert kvdesk().status == 0
    assert kvdesk("gui").status == 0
    assert kvdesk("gui", "a.gguf").status == 0
    assert windows == [None, None, "a.gguf"]


def test_the_version(kvdesk, windows):
    assert kvdesk("--version").out == f"kvdesk {package.__version__}\n"
    assert windows == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["estimat"], "estimat"),
        (["estimate"], "MODEL"),
        (["estimate", "demo", "--contextt", "8"], "--contextt"),
        (["estimate", "demo", "-c"], "-c"),
        (["estimate", "demo", "-c", "many"], "many"),
        (["estimate", "demo", "-c", "-5"], "--ctx-size"),
        (["estimate", "demo", "-ctk", "q3_k"], "q3_k"),
        (["estimate", "demo", "-fa", "maybe"], "maybe"),
        (["estimate", "demo", "-ub", "0"], "--ubatch-size"),
        (["estimate", "demo", "-np", "9999"], "--parallel"),
        (["estimate", "demo", "-ts", "1,x"], "--tensor-split"),
        (["estimate", "demo", "-ot", "nonsense"], "--override-tensor"),
        (["estimate", "demo", "--device", "Voodoo 3"], "Voodoo 3"),
        (["estimate", "demo", "--device", "gpu0=lots"], "lots"),
        (["estimate", "demo", "--device", "gpu0=8GiB", "--dry-run"], "here"),
        (["fit", "demo", "--device", "gpu0=8GiB", "--dry-run"], "here"),
        (["fit", "demo", "--reserve", "200%"], "200%"),
        (["fit", "demo", "--min-ctx", "x"], "x"),
        (["export", "demo", "--target", "ollamma"], "ollamma"),
        (["export", "demo", "--shell", "fish"], "fish"),
        (["export"], "No model"),
        (["import", "llama-server -ctk q9"], "q9"),
        (["import", "llama-server -m 'a"], "never closed"),
        (["foo.gguf"], "is a model"),
    ],
)
def test_nonsense_ends_in_two_lines_and_status_2(kvdesk, words, said):
    ran = kvdesk(*words)
    assert ran.status == 2
    assert ran.out == ""
    happened, *todo = ran.err.splitlines()
    assert said in happened
    assert len(todo) == 1
    assert "Traceback" not in ran.err

    ran = kvdesk(*words, "--json")
    assert ran.status == 2
    assert said in ran.object["error"]["message"]
    assert set(ran.object["error"]) == {"kind", "message", "hint"}


def test_an_unexpected_error_is_one_sentence_and_a_log(kvdesk, monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_log_path", lambda *names, **options: tmp_path / "logs")

    def fail(*arguments, **options):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("kvdesk.cli.estimate.run", fail)
    ran = kvdesk("estimate", "demo", "--json")
    assert ran.status == 2
    assert ran.object["error"]["kind"] == "InternalError"
    assert "a mistake" in ran.err
    assert "Traceback" not in ran.err
    log = tmp_path / "logs" / "errors.log"
    assert str(log) in ran.err
    assert "ZeroDivisionError: a mistake" in log.read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled()])
def test_a_stop_is_silent(kvdesk, monkeypatch, error):
    def stop(*arguments, **options):
        raise error

    monkeypatch.setattr("kvdesk.cli.estimate.run", stop)
    ran = kvdesk("estimate", "demo")
    assert (ran.status, ran.out, ran.err) == (guard.INTERRUPTED, "", "")


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["-fa"], ["-fa", "on"]),
        (["-fa", "-c", "1"], ["-fa", "on", "-c", "1"]),
        (["-fa", "off"], ["-fa", "off"]),
        (["-fa", "-1"], ["-fa", "-1"]),
        (["-fa", "a.gguf"], ["-fa", "on", "a.gguf"]),
        (["-fa", "demo"], ["-fa", "on", "demo"]),
        (["-fa", "maybe"], ["-fa", "maybe"]),
        (["--flash-attn", "auto"], ["--flash-attn", "auto"]),
        (["--ctx_size", "1"], ["--ctx-size", "1"]),
        (["--cache_type_k=q8_0"], ["--cache-type-k=q8_0"]),
        (["my_model.gguf", "-ot", "a_b=CPU"], ["my_model.gguf", "-ot", "a_b=CPU"]),
    ],
)
def test_flags_are_read_as_llama_cpp_reads_them(words, read):
    assert llama_style(words) == read
