"""`kvdesk chat`: a conversation with a model, in the terminal."""

from collections.abc import Sequence

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_dialogue import converse, leave
from kvdesk.cli.chat_loading import load
from kvdesk.cli.chat_output import JsonLines, Output, Terminal
from kvdesk.errors import OptionError
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model


def run(
    model: str,
    options: LoadOptions,
    sampling: Sampling,
    prompts: Sequence[str],
    system: str,
    as_json: bool,
    overflow: str = "stop",
    parks: bool | None = None,
) -> int:
    """Load a model and chat: one turn for each of `prompts` and the end, or without them with the user.

    `parks` says whether the chat rests on disk at the end; None asks, where there is somebody to ask and the
    settings do not say.
    Returns the exit status. Raises KvDeskError for everything that keeps the chat from going on.
    """
    path = resolve_model(model)
    if path.startswith(("http://", "https://")):
        raise OptionError("A model on the web can be planned for, but not run.", "Download the file first.")
    if overflow not in ("stop", "roll"):
        raise OptionError(
            "“{word}” is no way to deal with a full context.", "Write stop or roll.", word=overflow
        )
    output: Output = JsonLines() if as_json else Terminal()
    with Conversation(path, options, sampling, output) as conversation:
        conversation.system = system
        conversation.overflow = "roll" if overflow == "roll" else "stop"
        load(conversation)
        for prompt in prompts:
            conversation.ask(prompt)
        if not prompts:
            converse(conversation)
        leave(conversation, parks)
    return 0
