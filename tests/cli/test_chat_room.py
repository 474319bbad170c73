"""The slash commands of `kvdesk chat` about the room in its context, with the demo model's real engine."""

import pytest

FACT = "The code for the blue box is 48213."
QUESTION = "What is the code for the blue box?"
WORDS = ("--temp", "0", "-t", "1", "--json", "--no-park")

pytestmark = pytest.mark.llama


@pytest.fixture
def chat(kvdesk, tmp_path, monkeypatch):
    """Run lines through a chat in a home of its own; the events that it printed."""
    monkeypatch.setenv("KVDESK_HOME", str(tmp_path))

    def run(*lines, words=("-c", "1024")):
        ran = kvdesk("chat", "demo", *words, *WORDS, stdin="\n".join(lines))
        assert ran.status == 0, ran.err
        return Events(ran)

    return run


class Events:
    """What a chat printed as JSON, by kind, and what it said beside."""

    def __init__(self, ran):
        self.err = ran.err
        self._objects = ran.objects

    def all(self, kind):
        return [each for each in self._objects if each["event"] == kind]

    def one(self, kind):
        (found,) = self.all(kind)
        return found

    @property
    def kinds(self):
        return [each["event"] for each in self._objects]


def test_the_three_numbers_of_the_context(chat):
    events = chat("/context", FACT, "/context", words=("-c", "1000"))
    before, after = events.all("context")
    assert (before["requested"], before["planned"], before["actual"]) == (1000, 1024, 1024)
    assert before["cells_used"] == 0
    turn = events.one("turn")
    assert after["cells_used"] == turn["prompt_tokens"] + turn["completion_tokens"]


def test_the_cost_of_a_text_is_what_sending_it_costs(chat):
    events = chat(FACT, f"/cost {QUESTION}", QUESTION)
    cost, turn = events.one("cost"), events.all("turn")[1]
    assert (cost["prompt_tokens"], cost["reused_tokens"]) == (turn["prompt_tokens"], turn["reused_tokens"])
    assert cost["new_tokens"] == turn["prompt_tokens"] - turn["reused_tokens"]
    assert cost["cells_after"] > cost["cells_before"] > 0


def test_the_time_to_the_first_word_is_known_after_some_prompts(chat):
    events = chat("/cost One", "One", "Two", "Three", "/cost Four")
    first, last = events.all("cost")
    assert first["seconds_to_first_token"] is None
    assert last["seconds_to_first_token"] > 0
    again = chat("/cost One")  # kept for this model, these options and this machine
    assert again.one("cost")["seconds_to_first_token"] > 0


def test_a_chat_grows_and_remembers_and_reads_nothing_twice(chat):
    events = chat(FACT, "/grow 2048", QUESTION)
    step, rebuilt = events.one("step"), events.one("rebuilt")
    assert (step["ctx_size"], rebuilt["n_ctx"], rebuilt["how"]) == (2048, 2048, "copied")
    first, second = events.all("turn")
    assert rebuilt["kept_tokens"] == first["prompt_tokens"] + first["completion_tokens"]
    assert rebuilt["divergence"] < 1e-6
    assert (second["reread_tokens"], second["reused_tokens"]) == (0, rebuilt["kept_tokens"])
    assert "48213" in second["text"]


def test_the_first_step_of_the_ladder_is_what_grow_takes(chat):
    events = chat(FACT, "/ladder", "/grow")
    first = events.one("ladder")["steps"][0]
    step = events.one("step")
    assert (
        (first["ctx_size"], first["cache_type_k"])
        == (step["ctx_size"], step["cache_type_k"])
        == (2048, "f16")
    )
    assert events.one("rebuilt")["n_ctx"] == 2048


def test_other_types_keep_what_was_said(chat):
    events = chat(FACT, "/types q8_0", QUESTION)
    rebuilt = events.one("rebuilt")
    assert (rebuilt["cache_type_k"], rebuilt["cache_type_v"], rebuilt["how"]) == ("q8_0", "q8_0", "converted")
    assert 0 < rebuilt["divergence"] < 1e-3
    assert events.all("turn")[1]["reread_tokens"] == 0
    assert "48213" in events.all("turn")[1]["text"]


def test_a_smaller_context_keeps_what_fits(chat):
    events = chat(FACT, "/shrink 256", QUESTION)
    assert events.one("rebuilt")["n_ctx"] == 256
    assert events.all("turn")[1]["reread_tokens"] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/grow 100000000", "does not fit"),
        ("/grow 512", "1024 tokens already"),
        ("/shrink 2048", "1024 tokens already"),
        ("/shrink x", "not a number of tokens"),
        ("/types q3_k", "Name a type"),
        ("/types", "Name a type"),
        ("/cost", "nothing to count"),
        ("/pin 7", "no message 7"),
        ("/drop", "no message ?"),
        ("/edit 1", "no message 1"),
        ("/overflow maybe", "no way to deal"),
        ("/park", "nothing to park"),
        ("/resume 3", "No chat 3"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_the_chat_goes_on(chat, line, said):
    events = chat(line, FACT)
    assert said in events.err
    assert "Traceback" not in events.err
    assert events.one("turn")["text"]


def test_messages_are_numbered_with_what_they_take(chat):
    events = chat(FACT, QUESTION, "/messages")
    rows = events.one("messages")["messages"]
    assert [row["role"] for row in rows] == ["user", "assistant"] * 2
    assert all(row["tokens"] > 0 for row in rows)
    last = events.all("turn")[1]
    # What is written after an answer is of the next message, and begins one here.
    assert abs(sum(row["tokens"] for row in rows) - last["prompt_tokens"] - last["completion_tokens"]) < 8


def test_what_is_left_out_is_not_known_and_comes_back(chat):
    events = chat(FACT, "Thanks.", "/drop 1", "/messages", "/regenerate", "/back 1 2", QUESTION)
    rows = events.one("messages")["messages"]
    assert [row["is_dropped"] for row in rows] == [True, True, False, False]
    assert [row["tokens"] is None for row in rows] == [True, True, False, False]
    whole, short, asked = events.all("turn")[1:]
    assert short["prompt_tokens"] < whole["prompt_tokens"] < asked["prompt_tokens"]
    assert "48213" in asked["text"]


def test_a_pinned_message_stays(chat):
    events = chat(FACT, "Thanks.", "/pin 1", "/drop 1", "/drop 3", "/messages")
    assert "pinned" in events.err
    assert [row["is_dropped"] for row in events.one("messages")["messages"]] == [False, False, True, True]


def test_a_summary_is_shown_and_stands_for_its_messages(chat):
    events = chat(FACT, "Thanks.", "/compact 1-2", "/messages", QUESTION)
    rows = events.one("messages")["messages"]
    assert [row["is_dropped"] for row in rows] == [True, True, False, False, False, False]
    assert [row["is_summary"] for row in rows] == [False, False, True, True, False, False]
    assert rows[3]["content"] == events.one("summary")["text"]
    assert events.kinds.index("summary_cost") < events.kinds.index("summary")
    assert events.all("turn")[-1]["text"]


def test_a_summary_leaves_the_chats_own_cache_as_it_was(chat, tmp_path):
    # A few tokens more than the shelf of the engine takes the trouble for.
    events = chat(FACT, "Thanks.", "/compact 1-4", "/back 1-4", "/drop 5-6", QUESTION)
    assert events.all("turn")[-1]["reread_tokens"] == 0
    assert "48213" in events.all("turn")[-1]["text"]
    assert not (tmp_path / "parked").exists()


def test_an_edit_begins_again_from_there(chat):
    events = chat(FACT, QUESTION, "/edit 1 The code for the blue box is 77077.", QUESTION, "/messages")
    assert "77077" in events.all("turn")[-1]["text"]
    assert len(events.one("messages")["messages"]) == 4


def test_a_parked_chat_goes_on_after_a_restart_and_reads_nothing_again(chat):
    parked = chat(FACT, "/pin 1", "/park").one("parked")
    events = chat("/resume", f"/resume {parked['chat']}", QUESTION, "/messages", "/park")
    listed = events.one("parked_chats")["chats"]
    assert [(each["chat"], each["tokens"]) for each in listed] == [(parked["chat"], parked["tokens"])]
    assert events.one("resumed")["tokens"] == parked["tokens"]
    turn = events.one("turn")
    assert (turn["reread_tokens"], turn["reused_tokens"]) == (0, parked["tokens"])
    assert "48213" in turn["text"]
    rows = events.one("messages")["messages"]
    assert [row["is_pinned"] for row in rows] == [True, False, False, False]
    assert events.one("parked")["chat"] == parked["chat"]  # the same conversation, further on


def test_a_cache_of_other_types_is_converted(chat):
    parked = chat(FACT, "/park").one("parked")
    events = chat(f"/resume {parked['chat']}", QUESTION, words=("-c", "1024", "-ctk", "q8_0", "-ctv", "q8_0"))
    assert events.one("resumed")["tokens"] == parked["tokens"]
    assert events.one("turn")["reread_tokens"] == 0
    assert "48213" in events.one("turn")["text"]


def test_a_cache_that_does_not_match_is_not_taken_and_the_chat_is_there(chat):
    parked = chat(f"{FACT} {'Blue boxes are blue. ' * 60}", "/park").one("parked")
    assert parked["tokens"] > 256
    events = chat(f"/resume {parked['chat']}", "/messages", words=("-c", "256"))
    resumed = events.one("resumed")
    assert resumed["tokens"] == 0
    assert resumed["why"]
    assert len(events.one("messages")["messages"]) == 2


def test_a_chat_is_parked_at_the_end_where_that_is_asked_for(kvdesk, tmp_path, monkeypatch):
    monkeypatch.setenv("KVDESK_HOME", str(tmp_path))
    words = ["--temp", "0", "-t", "1", "--json", "--park"]
    short = kvdesk("chat", "demo", "-p", FACT, *words)
    assert not [each for each in short.objects if each["event"] == "parked"]  # too little to be worth a file
    long = kvdesk("chat", "demo", "-p", f"{FACT} {'Blue boxes are blue. ' * 60}", *words)
    (parked,) = (each for each in long.objects if each["event"] == "parked")
    assert parked["tokens"] >= 256


def test_what_will_not_fit_is_said_before_it_happens(chat):
    text = "Blue boxes are blue. " * 40
    events = chat(text, text, words=("-c", "512", "-n", "16"))
    overflow = events.one("overflow")
    assert overflow["excess_tokens"] > 0
    assert overflow["policy"] == "stop"
    assert [way["kind"] for way in overflow["ways"]] == ["stop", "roll", "drop", "compact", "grow"]
    assert events.kinds.index("overflow") > events.kinds.index("turn")
