"""`kvdesk chat`: a conversation with a model, in the terminal."""

from collections.abc import Mapping, Sequence

import msgspec

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_dialogue import converse, leave
from kvdesk.cli.chat_loading import load
from kvdesk.cli.chat_output import JsonLines, Output, Terminal
from kvdesk.cli.chat_sampling import preset_called
from kvdesk.errors import OptionError
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.settings.presets import BUILT_IN


def run(
    model: str,
    options: LoadOptions,
    sampling: Mapping[str, float],
    prompts: Sequence[str],
    system: str | None,
    as_json: bool,
    overflow: str = "stop",
    parks: bool | None = None,
    preset: str = "",
) -> int:
    """Load a model and chat: one turn for each of `prompts` and the end, or without them with the user.

    `sampling` and `system`, where they are given, go before what the preset says.
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
    begun_by = preset_called(preset) if preset else BUILT_IN[0]
    first = msgspec.structs.replace(begun_by.sampling or Sampling(), **sampling)
    output: Output = JsonLines() if as_json else Terminal()
    with Conversation(path, options, first, output) as conversation:
        conversation.system = (begun_by.system_prompt or "") if system is None else system
        conversation.overflow = "roll" if overflow == "roll" else "stop"
        load(conversation)
        for prompt in prompts:
            conversation.ask(prompt)
        if not prompts:
            converse(conversation)
        leave(conversation, parks)
    return 0
