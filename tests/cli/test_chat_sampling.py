"""`kvdesk chat` by presets, and its sampler settings while it goes on."""

import pytest

from kvdesk.plan.sampling import Sampling
from kvdesk.settings.places import find_places
from kvdesk.settings.presets import Preset, PresetsFile

pytestmark = pytest.mark.llama


@pytest.fixture
def own(kvdesk):
    PresetsFile(find_places().presets).change("", Preset("Mine", "Be brief.", Sampling(seed=11, top_k=5)))
    return kvdesk


def talk(kvdesk, *words, lines=()):
    """What the commands told, by their events."""
    ran = kvdesk("chat", "demo", "-n", "4", "--json", *words, stdin="\n".join((*lines, "/quit")))
    assert ran.status == 0, ran.err
    return [each for each in ran.objects if each["event"] in ("sampling", "presets", "turn")], ran.err


def test_a_preset_begins_a_chat_and_flags_go_before_it(own):
    (said, taken), _ = talk(own, "--preset", "mine", "--seed", "3", lines=("/sampling", "/preset"))
    sampling = said["sampling"]
    assert (sampling["seed"], sampling["top_k"], sampling["max_tokens"]) == (3, 5, 4)
    assert taken == {
        "event": "presets",
        "presets": ["Default", "Precise", "Creative", "Deterministic", "Mine"],
        "taken": None,
    }


def test_settings_and_presets_change_while_it_goes_on(own):
    told, _ = talk(
        own,
        lines=("/sampling --temp 0 top-k 7 max_tokens 3", "Hello", "/preset MINE", "/preset deterministic"),
    )
    first, turn, mine, deterministic = told
    assert (first["sampling"]["temperature"], first["sampling"]["top_k"]) == (0, 7)
    assert turn["completion_tokens"] == 3
    assert (mine["taken"], deterministic["taken"]) == ("Mine", "Deterministic")


def test_the_same_settings_give_the_same_answer(own):
    answers = {
        next(each["text"] for each in talk(own, "--preset", "Deterministic", lines=("Hello",))[0])
        for _ in range(2)
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/sampling temp", "Name a setting and its value."),
        ("/sampling heat 1", "There is no sampler setting “heat”."),
        ("/sampling temp hot", "“hot” is not a number from 0 to 5."),
        ("/preset none", "There is no preset “none”. There are Default, Precise"),
    ],
)
def test_what_is_no_setting_is_told_and_the_chat_goes_on(own, line, said):
    told, err = talk(own, lines=(line, "/sampling"))
    assert said in err
    assert told[-1]["sampling"]["temperature"] == 0.8


def test_people_see_what_differs(own):
    ran = own("chat", "demo", "--temp", "0.25", stdin="/sampling\n/preset\n/help\n/quit\n")
    (line,) = (line for line in ran.err.splitlines() if line.startswith("temperature"))
    assert line.split() == ["temperature", "0.25", "(default:", "0.8)"]
    assert "* Default" not in ran.err
    assert "/preset [NAME]" in ran.err


def test_an_unknown_preset_ends_it_before_anything_is_loaded(kvdesk):
    ran = kvdesk("chat", "demo", "--preset", "none", "--json", "-p", "Hi")
    assert ran.status == 2
    assert ran.object["error"]["message"] == "There is no preset “none”."


def test_a_parked_chat_keeps_how_it_is_answered(own):
    talk(own, "--preset", "Mine", lines=("Hello", "/park"))
    told, _ = talk(own, "--temp", "1", lines=("/resume 1", "/preset", "/sampling"))
    assert told[0]["taken"] is None  # the longest answer was a flag
    assert (told[1]["sampling"]["seed"], told[1]["sampling"]["max_tokens"]) == (11, 4)
