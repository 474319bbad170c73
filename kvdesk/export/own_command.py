"""Options as the flags of this program, so that what was read elsewhere can be estimated and loaded here."""

from kvdesk.export.shells import Shell, join
from kvdesk.plan.options import OPTIONS, LoadOptions
from kvdesk.plan.parse import write_value


def own_words(options: LoadOptions) -> list[str]:
    """The flags of every option that is not at its default."""
    words: list[str] = []
    for row in OPTIONS:
        value = getattr(options, row.name)
        if value == row.default:
            continue
        if row.value_type is bool:
            words.append((row.spec.flags if value else row.spec.off_flags)[-1])
        else:
            text = write_value(row, value)
            flag = row.spec.flags[-1]
            words += [f"{flag}={text}"] if text.startswith("-") or not text else [flag, text]
    return words


def own_command(verb: str, model: str, options: LoadOptions, shell: Shell) -> str:
    """One line: `kvdesk VERB MODEL FLAGS`."""
    return join(shell, [("kvdesk", verb, model or "MODEL.gguf", *own_words(options))])
