"""Builds the command line: one function a command, each importing its work only when it runs."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

import kvdesk
from kvdesk.cli.guard import GuardedGroup, LlamaStyleCommand
from kvdesk.cli.load_options import with_load_options, with_sampling, with_sampling_changes
from kvdesk.cli.texts import t
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling


def build_cli(launch_window: Callable[[str | None], int]) -> typer.Typer:
    """The whole command line; `launch_window` opens the window on a model or none and returns a status."""
    app = typer.Typer(
        cls=GuardedGroup,
        help=t("Run GGUF models with the truth about memory."),
        no_args_is_help=False,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: rich's boxes leave the text 24 columns of 80
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    _add_window(app, launch_window)
    _add_looking(app)
    _add_planning(app)
    _add_running(app)
    _add_exchanging(app)
    _add_journal(app)
    _add_report(app)
    _add_chats(app)
    return app


def _model() -> object:
    return typer.Argument(
        metavar="MODEL",
        help=t("A GGUF file, an http(s) address of one, or “demo” for the built-in model."),
        show_default=False,
    )


AsJson = Annotated[bool, typer.Option("--json", help=t("Print JSON, and nothing else."))]
OneModel = Annotated[str, _model()]
SeveralModels = Annotated[list[str], _model()]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "-dev",
        "--device",
        metavar="NAME[=SIZE]",
        help=t(
            "A device to use by llama.cpp's name, or a GPU that is not here: “RTX 4060 Laptop” or gpu0=8GiB."
        ),
        show_default=False,
    ),
]


def _add_window(app: typer.Typer, launch_window: Callable[[str | None], int]) -> None:
    @app.callback(invoke_without_command=True)
    def root(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help=t("Print the version."))] = False,
    ) -> None:
        if version:
            typer.echo(f"kvdesk {kvdesk.__version__}")
        elif context.invoked_subcommand is None:
            raise typer.Exit(launch_window(None))

    @app.command(help=t("Open the window."), cls=LlamaStyleCommand)
    def gui(model: Annotated[str | None, _model()] = None) -> None:
        raise typer.Exit(launch_window(model))


def _add_looking(app: typer.Typer) -> None:
    @app.command(help=t("Show what a model's header says, layer by layer."))
    def inspect(models: SeveralModels, as_json: AsJson = False) -> None:
        from kvdesk.cli.inspect import run

        raise typer.Exit(run(models, as_json))

    @app.command(
        help=t("Compare what a token of context takes: llama.cpp's cache types, and other engines.")
        + "\n\n"
        + _LENS_JSON
    )
    def lens(model: Annotated[str, _model()], as_json: AsJson = False) -> None:
        from kvdesk.cli.lens import run

        raise typer.Exit(run(model, as_json))

    @app.command(help=t("List this machine's devices and their memory."))
    def devices(
        rpc: Annotated[
            str,
            typer.Option("--rpc", metavar="A,B,...", help=t("RPC servers to ask too."), show_default=False),
        ] = "",
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.devices import run

        raise typer.Exit(run(rpc, as_json))

    @app.command(
        help=t("Show what loads on this machine took beside what was planned.") + "\n\n" + _LEDGER_JSON
    )
    def ledger(
        csv: Annotated[
            str, typer.Option(metavar="FILE", help=t("Write it as a table in CSV."), show_default=False)
        ] = "",
        clears: Annotated[
            bool, typer.Option("--clear", help=t("Forget all loads, and the margins that came of them."))
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.ledger import run

        raise typer.Exit(run(csv, clears=clears, as_json=as_json))


_JOURNAL_JSON = """--json prints {"loads": [...]} as `ledger` does, each with "outcome" (loaded, failed,
cancelled, died), "command", "took_s" and "death": null or {"kind", "message"}."""


def _add_journal(app: typer.Typer) -> None:
    @app.command(
        help=t("Show every load on this machine, or those with all of some words.") + "\n\n" + _JOURNAL_JSON
    )
    def journal(
        words: Annotated[
            list[str] | None,
            typer.Argument(metavar="WORDS", help=t("What to look for: a model, a flag, an outcome, a date.")),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.journal import run

        raise typer.Exit(run(words or [], as_json))


def _add_report(app: typer.Typer) -> None:
    @app.command(help=t("Write the last load, or the last with some words, as a file that one can send."))
    def report(
        file: Annotated[str, typer.Argument(metavar="FILE", help=t("The file to write: .html or .md."))],
        words: Annotated[
            list[str] | None,
            typer.Argument(metavar="WORDS", help=t("What to look for: a model, a flag, an outcome, a date.")),
        ] = None,
        html: Annotated[
            bool | None,
            typer.Option("--html/--markdown", help=t("By default as the name says."), show_default=False),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.report import run

        raise typer.Exit(run(file, words or [], html, as_json))


_LENS_JSON = """--json prints {"model": {"name", "architecture"}, "rows": [{"engine", "mode", "option",
"bytes_per_token", "bits_per_value", "unpacked_bytes_per_token", "fixed_bytes", "tokens_per_gib", "note"}]};
what is not known is null."""


_LEDGER_JSON = """--json prints {"loads": [{"id", "date", "model": {"name", "architecture", "file_bytes",
"header_hash"}, "options", "library", "build", "program", "system", "process_bytes", "failure": null or
{"kind", "message"}, "devices": [{"name", "description", "backend", "driver", "estimated_bytes",
"planned_bytes", "measured_bytes", "difference_bytes"}], "buffers": [{"kind", "device", "estimated_bytes",
"planned_bytes", "measured_bytes"}], "decode": null or {"tokens_per_s", "depth_tokens", "read_bytes": {device:
bytes a token}}}], "margins": [{"backend", "device", "driver", "bytes", "loads"}]};
what is not known is null."""


_FIT_JSON = """--json prints {"model", "options", "devices", "pairs": [{"cache_type_k", "cache_type_v",
"max_ctx_size", "total_bytes", "margin_bytes", "kernel": "gpu", "cpu" or "unknown", "bytes_per_token",
"quality", "decode_tokens_per_s", "decode_ctx_size", "decode_source": "measured", "specification" or null,
"degree": "estimate" or "plan", "why"}], "recommended": {"options", "why"}, "advice": [{"options",
"gain_bytes", "margin_bytes", "fits", "cost"}], "offload": null or {"options", "cost"}, "confirmed": null or
{"degree", "ctx_size", "total_bytes", "fits", "next_ctx_size", "next_fits"}, "elapsed_ms"}; the best pair is
first, and what is not known is null."""


def _add_planning(app: typer.Typer) -> None:
    @app.command(help=t("Show the memory a model would take, by kind and device."), cls=LlamaStyleCommand)
    @with_load_options("device")
    def estimate(
        models: SeveralModels,
        options: LoadOptions,
        device: Devices = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help=t("Ask llama.cpp instead of calculating."))
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.estimate import run

        raise typer.Exit(run(models, options, device or [], is_dry=dry_run, as_json=as_json))

    @app.command(
        help=t("Find the largest context for every pair of cache types.") + "\n\n" + _FIT_JSON,
        cls=LlamaStyleCommand,
    )
    @with_load_options("device")
    def fit(
        model: OneModel,
        options: LoadOptions,
        device: Devices = None,
        reserve: Annotated[
            str,
            typer.Option(
                metavar="SIZE",
                help=t("Memory to leave free on every device, such as 512MiB, or a share such as 10%."),
            ),
        ] = "0",
        budget: Annotated[
            str,
            typer.Option(
                metavar="SIZE",
                help=t("Memory to take at most on each GPU, such as 6GiB, or a share of what is free: 0.8."),
                show_default=False,
            ),
        ] = "",
        cache_budget: Annotated[
            str,
            typer.Option(
                "--cache-budget",
                metavar="SIZE",
                help=t(
                    "Memory for the caches at most on each device, or a share of what is left for them: 0.8."
                ),
                show_default=False,
            ),
        ] = "",
        min_ctx: Annotated[
            str, typer.Option("--min-ctx", metavar="N", help=t("The context that is wanted at least."))
        ] = "0",
        offload: Annotated[
            bool,
            typer.Option(
                "--offload", help=t("Move as few layers or experts to the CPU as the wanted context needs.")
            ),
        ] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help=t("Have llama.cpp confirm every pair that is shown."))
        ] = False,
        shows_all: Annotated[bool, typer.Option("--all", help=t("Show every pair."))] = False,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.fit import Request, run

        request = Request(
            reserve=reserve,
            budget=budget,
            cache_budget=cache_budget,
            min_ctx=min_ctx,
            offloads=offload,
            is_dry=dry_run,
            shows_all=shows_all,
            as_json=as_json,
        )
        raise typer.Exit(run(model, options, device or [], request))


def _add_running(app: typer.Typer) -> None:
    @app.command(help=t("Chat in the terminal."), cls=LlamaStyleCommand)
    @with_sampling_changes()
    @with_load_options()
    def chat(
        model: OneModel,
        options: LoadOptions,
        sampling: Mapping[str, float],
        prompt: Annotated[
            list[str] | None,
            typer.Option("-p", "--prompt", help=t("One user turn each; it then ends."), show_default=False),
        ] = None,
        system: Annotated[
            str | None,
            typer.Option("-sys", "--system-prompt", help=t("The system prompt."), show_default=False),
        ] = None,
        preset: Annotated[
            str,
            typer.Option(
                metavar="NAME",
                help=t("A preset of the window to begin with, such as Precise; other flags go before it."),
                show_default=False,
            ),
        ] = "",
        overflow: Annotated[
            str,
            typer.Option(
                "--overflow",
                metavar="stop|roll",
                help=t("When the context is full: stop, or let the oldest messages fall out."),
            ),
        ] = "stop",
        park: Annotated[
            bool | None,
            typer.Option(
                "--park/--no-park",
                help=t("Keep the chat and its cache on disk at the end; otherwise as the settings say."),
                show_default=False,
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.chat import run

        raise typer.Exit(run(model, options, sampling, prompt or [], system, as_json, overflow, park, preset))

    @app.command(
        help=t("Load a model, fill its context to the end twice, and note what that took."),
        cls=LlamaStyleCommand,
    )
    @with_load_options()
    def rehearse(model: OneModel, options: LoadOptions, as_json: AsJson = False) -> None:
        from kvdesk.cli.rehearse import run

        raise typer.Exit(run(model, options, as_json))

    @app.command(help=t("Serve a model to other programs, over HTTP as OpenAI does."), cls=LlamaStyleCommand)
    @with_sampling()
    @with_load_options()
    def serve(
        model: OneModel,
        options: LoadOptions,
        sampling: Sampling,
        host: Annotated[
            str, typer.Option(metavar="ADDRESS", help=t("The address to listen at."))
        ] = "127.0.0.1",
        port: Annotated[
            int, typer.Option(metavar="N", min=0, max=65535, help=t("The port; 0 for any free one."))
        ] = 8080,
        token: Annotated[
            str,
            typer.Option(
                "--token",
                "--api-key",
                envvar="KVDESK_TOKEN",
                metavar="TEXT",
                help=t("What clients must send; made up where others can reach the address."),
                show_default=False,
            ),
        ] = "",
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.serve import run

        raise typer.Exit(run(model, options, sampling, (host, port, token), as_json))

    @app.command(help=t("Be the engine process, on standard input and output."))
    def engine() -> None:
        from kvdesk.engine.worker import main

        raise typer.Exit(main())


def _add_exchanging(app: typer.Typer) -> None:
    @app.command(help=t("Write the launch command for another program."), cls=LlamaStyleCommand)
    @with_load_options()
    def export(
        options: LoadOptions,
        model: Annotated[str | None, _model()] = None,
        target: Annotated[
            str, typer.Option(metavar="NAME", help=t("The program; --list names them."))
        ] = "llama-server",
        shell: Annotated[
            str, typer.Option(metavar="NAME", help=t("bash, powershell or cmd; by default this system's."))
        ] = "",
        absolute: Annotated[
            bool,
            typer.Option("--absolute", help=t("Write paths in full instead of below the home directory.")),
        ] = False,
        list_targets: Annotated[bool, typer.Option("--list", help=t("List the programs."))] = False,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.exchange import export_command, list_command

        if list_targets:
            raise typer.Exit(list_command(as_json))
        raise typer.Exit(export_command(model, options, target, shell, absolute, as_json))

    @app.command(
        "import",
        help=t("Read a launch command back into options."),
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    def import_command(
        command: Annotated[
            list[str],
            typer.Argument(
                metavar="'COMMAND LINE'",
                help=t("In quotes; or a file that holds it, or “-” for standard input."),
                show_default=False,
            ),
        ],
        name: Annotated[
            str,
            typer.Option(
                metavar="NAME", help=t("Which launch of a file that has several."), show_default=False
            ),
        ] = "",
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.exchange import import_command as run

        words, trailing_json = _without_json(command)
        raise typer.Exit(run(words, name, as_json or trailing_json))


def _add_chats(app: typer.Typer) -> None:
    chats = typer.Typer(
        help=t("List the chats of the window, write them to a file, read them from files."),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(chats, name="chats")

    @chats.command("list", help=t("List the chats, latest first."))
    def list_command(as_json: AsJson = False) -> None:
        from kvdesk.cli.chats import run_list

        raise typer.Exit(run_list(as_json=as_json))

    @chats.command("export", help=t("Write chats to a file: JSON with all branches, or Markdown to read."))
    def export(
        path: Annotated[
            str,
            typer.Argument(metavar="FILE", help=t("A name that ends in .json or .md."), show_default=False),
        ],
        ids: Annotated[
            list[int] | None,
            typer.Argument(
                metavar="[ID]...", help=t("Numbers of “chats list”; all without."), show_default=False
            ),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.chats import run_export

        raise typer.Exit(run_export(path, ids or (), as_json=as_json))

    @chats.command("import", help=t("Add the chats in files to the window's."))
    def import_(
        paths: Annotated[
            list[str],
            typer.Argument(
                metavar="FILE...",
                help=t("JSON of KV Desk, LM Studio, Open WebUI or ShareGPT, or Markdown."),
                show_default=False,
            ),
        ],
        as_json: AsJson = False,
    ) -> None:
        from kvdesk.cli.chats import run_import

        raise typer.Exit(run_import(paths, as_json=as_json))


def _without_json(words: list[str]) -> tuple[list[str], bool]:
    """Take our own --json off the end of a foreign command line."""
    return (words[:-1], True) if len(words) > 1 and words[-1] == "--json" else (words, False)
