"""Goes through the whole window with mouse and keys, in a data folder of its own, with the built-in model.

Run by hand: `python tests/bench/session.py FOLDER [STEP...]`. It starts an X server, the real window and its
engine, clicks and types with xdotool, and after each step looks at what has become of it: in the
accessibility tree, in the files, in the command line's answers. Screenshots go into FOLDER. A step that fails
says what was not there; the next ones go on, so that one run tells everything. Takes a few minutes.
"""

import argparse
import json
import re
import sqlite3
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.resources import DEMO_MODEL, resolve_model
from tests.bench.hand import Hand, NotThere, missing_tools, screen, until

COMPOSER = ("Message", "EditableText")
MENU = "What can be done with the context"
OPEN_CHAT = "deleted_s IS NULL ORDER BY updated_s DESC LIMIT 1"


class Session:
    """The steps, in their order. Each returns what it has seen to be so."""

    def __init__(self, hand: Hand, home: Path, folder: Path) -> None:
        self.hand, self.home, self.folder = hand, home, folder
        self.data = home  # until it is moved

    # ------------------------------------------------------------------------------------ looking it up

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the conversations' file answers."""
        with sqlite3.connect(f"file:{self.data / 'chats.sqlite3'}?mode=ro", uri=True) as store:
            return list(store.execute(query))

    def answers(self) -> int:
        """Answers that are complete, in all branches of all chats that are there."""
        figured = "role = 'assistant' AND figures != ''"
        return int(self.rows(f"SELECT count(*) FROM messages WHERE {figured}")[0][0])

    def settings(self) -> dict[str, Any]:
        """The settings' file."""
        return tomllib.loads((self.home / "settings.toml").read_text("utf-8"))

    def say(self, text: str) -> None:
        """Send a message and wait for its answer."""
        before = self.answers()
        self.hand.click(*COMPOSER)
        self.hand.type(text)
        self.hand.press("Return")
        until(lambda: self.answers() > before, f"an answer to “{text}”")
        self.hand.see("Send", "Button")

    def choose_file(self, path: Path) -> None:
        """Write a path into the dialog that asks for a file."""
        self.hand.see("File name:|Directory:", "StaticText")
        self.hand.keyboard_in("File name:|Directory:", "EditableText")
        self.hand.press("ctrl+a")
        self.hand.type(str(path))
        self.hand.press("Return")
        try:
            self.hand.gone("File name:|Directory:", "StaticText", patience_s=3)
        except NotThere:  # the key went to the list of completions, which has closed at it
            self.hand.press("Return")
            self.hand.gone("File name:|Directory:", "StaticText")

    def walk_ribbon(self, *keys: str) -> None:
        """Take the keyboard from the composer to the ribbon and press keys there."""
        hand = self.hand
        hand.click(*COMPOSER)
        while not any(each.keyboard for each in hand.find("Messages in the context")):
            hand.press("shift+Tab")
        hand.press(*keys)

    def open_menu(self, entry: str) -> None:
        """Choose from the menu of the context."""
        self.hand.click(MENU, "Button")
        self.hand.click(entry, "MenuItem")

    # -------------------------------------------------------------------------------------- the session

    def tour(self) -> str:
        hand = self.hand
        hand.see("1 / 5", "StaticText")
        hand.shot("tour")
        for _ in range(4):
            hand.click("Next", "Button")
        hand.click("Chat with the demo", "Button")
        until(lambda: self.answers() == 1, "the demo's first answer")
        assert self.settings()["has_seen_tour"] is True
        hand.see("Unload", "Button")
        hand.shot("first-answer")
        return "five steps, and the demo answered; its model is loaded"

    def ledger(self) -> str:
        hand = self.hand
        loads = until(lambda: json.loads(hand.command("journal", "--json"))["loads"], "a load")
        hand.click("Ledger…", "Button")
        hand.see("Ledger of loads", "StaticText")
        hand.see(".*KV Desk demo", "Cell")
        hand.shot("ledger")
        report = self.folder / "report.html"
        hand.click("Save a report…", "Button")
        self.choose_file(report)
        text = until(lambda: report.is_file() and report.read_text("utf-8"), "the report")
        hand.press("Escape")
        hand.gone("Ledger of loads")
        assert "KV Desk demo" in text
        by_command = self.folder / "report-by-command.html"
        hand.command("report", str(by_command))
        return f"{len(loads)} load in the journal; a report of {len(text):,} characters, one by command"

    def chat(self) -> str:
        self.say("The code for the blue box is 48213.")
        self.say("What is the code for the blue box?")
        (said,) = self.rows("SELECT content FROM messages WHERE role = 'assistant' ORDER BY id DESC LIMIT 1")[
            0
        ]
        assert "48213" in said, said
        self.hand.shot("chat")
        return f"the model remembers: “{said.strip()[:60]}”"

    def stop(self) -> str:
        hand, before = self.hand, self.answers()
        hand.click(*COMPOSER)
        hand.type("Tell me a story in 60 sentences.")
        hand.press("Return")
        hand.see("Stop", "Button")
        hand.press("Escape")
        until(lambda: self.answers() > before, "what there is of the answer")
        row = self.rows("SELECT is_partial, length(content) FROM messages ORDER BY id DESC LIMIT 1")[0]
        return f"stopped with Esc: partial {bool(row[0])}, {row[1]} characters kept"

    def regenerate(self) -> str:
        hand, before = self.hand, self.answers()
        hand.press(*["alt+Down"] * 9)  # to the last message
        hand.click("Answer again", "Button")
        until(lambda: self.answers() > before, "another answer")
        hand.see("Send", "Button")
        hand.press(*["alt+Down"] * 9)
        hand.see("2/2", "StaticText")
        hand.press("alt+Left")
        hand.see("1/2", "StaticText")
        hand.shot("versions")
        hand.press("alt+Right")
        hand.see("2/2", "StaticText")
        return "two versions of the answer, walked with Alt+Left and Alt+Right"

    def edit(self) -> str:
        hand, before = self.hand, self.answers()
        hand.press(*["alt+Up"] * 9)  # to the first message
        hand.click("Edit and send again", "Button")
        hand.see("Editing an earlier message", "StaticText")
        hand.press("ctrl+a")
        hand.type("What is a KV cache, in one sentence?")
        hand.press("Return")
        until(lambda: self.answers() > before, "the answer to the edited message")
        first = self.rows("SELECT count(*) FROM messages WHERE role = 'user' AND parent IS NULL")[0][0]
        assert first == 2, first
        hand.see("Send", "Button")
        hand.press(*["alt+Up"] * 9)
        hand.see("2/2", "StaticText")
        hand.press("alt+Left")
        until(lambda: "Once upon" in hand.see("Conversation", "Pane Client").about, "the earlier branch")
        hand.shot("branches")
        return "the first question has two branches; the earlier conversation is behind Alt+Left"

    def search(self) -> str:
        hand = self.hand
        hand.press("ctrl+n")
        until(lambda: len(self.rows("SELECT id FROM chats WHERE deleted_s IS NULL")) >= 1, "a chat")
        self.say("Tell me a story in 2 sentences.")
        hand.write("Search titles", "EditableText", "48213")
        found = until(
            lambda: [each for each in hand.find("", "ListItem") if "48213" in each.about], "an excerpt"
        )
        hand.shot("search")
        hand.write("Search titles", "EditableText", "nobody said this")
        hand.see("That was said nowhere", "StaticText")
        hand.press("ctrl+a", "BackSpace")
        return f"found by what was said: {found[0].name} · {found[0].about.strip()[:50]}"

    def organise(self) -> str:
        hand = self.hand
        chats = "SELECT title, folder FROM chats WHERE deleted_s IS NULL ORDER BY id"
        last = self.rows(chats)[-1][0]
        hand.click(re.escape(last[:12]), "ListItem")
        hand.press("F2")
        hand.press("ctrl+a")
        hand.type("A renamed chat")
        hand.press("Return")
        until(lambda: self.rows(chats)[-1][0] == "A renamed chat", "the new title")
        hand.click("A renamed chat", "ListItem", button=3)
        hand.click("Move to folder", "MenuItem")
        hand.click("New folder", "MenuItem")
        until(lambda: self.rows(chats)[-1][1], "a folder")
        hand.press("ctrl+a")
        hand.type("Stories")
        hand.press("Return")
        until(lambda: self.rows(chats)[-1][1] == "Stories", "the folder's name")
        hand.shot("folder")
        count = len(self.rows(chats))
        hand.click("A renamed chat", "ListItem")
        hand.press("Delete")
        until(lambda: len(self.rows(chats)) == count - 1, "the chat to go")
        hand.see("Deleted “A renamed chat”", "StaticText")
        hand.shot("deleted")
        hand.click("Undo", "Button")
        until(lambda: len(self.rows(chats)) == count, "the chat to come back")
        return "renamed, put in a folder, deleted and brought back"

    def attach(self) -> str:
        hand = self.hand
        notes = self.folder / "notes.txt"
        notes.write_text("The cache keeps the keys and values of what was read.\n" * 3, "utf-8")
        hand.press("ctrl+n")
        hand.click("Attach text files", "Button")
        self.choose_file(notes)
        chip = hand.see("notes.txt", "StaticText")
        hand.shot("attached")
        self.say("What does it keep?")
        kept = self.rows("SELECT count(*) FROM messages WHERE attachments LIKE '%notes.txt%'")[0][0]
        assert kept == 1
        return f"attached “{chip.text}”, sent and kept with the message"

    def find(self) -> str:
        hand = self.hand
        hand.press("ctrl+f")
        hand.type("token")
        count = hand.see(r"\d+ of \d+$", "StaticText").text
        hand.press("Return")
        hand.shot("find")
        hand.press("Escape")
        hand.gone(r"\d+ of \d+$", "StaticText")
        return f"“token” found: {count}"

    def copy(self) -> str:
        hand = self.hand
        hand.press(*["alt+Down"] * 9)
        hand.click("Copy message", "Button")
        hand.click(*COMPOSER)
        hand.press("ctrl+v")
        written = hand.see(*COMPOSER).value
        said = self.rows("SELECT content FROM messages ORDER BY id")
        assert any(written.strip() and text.strip() == written.strip() for (text,) in said), written
        hand.press("ctrl+a", "BackSpace")
        return f"a message was copied and pasted: “{written.strip()[:40]}”"

    def manner(self) -> str:
        """How the chat is answered: system prompt and sampling, with the cost first."""
        hand = self.hand
        chat = f"SELECT system_prompt, sampling FROM chats WHERE {OPEN_CHAT}"
        hand.press("ctrl+n")
        self.say("What is a token?")
        hand.press("ctrl+p")
        hand.keyboard_in("System prompt", "EditableText")
        hand.write("Temperature", "EditableText", "0")
        hand.press("Return")
        until(lambda: '"temperature":0' in str(self.rows(chat)[0][1]).replace(" ", ""), "the temperature")
        hand.write("System prompt", "EditableText", "Answer in one sentence.")
        until(lambda: self.rows(chat)[0][0] == "Answer in one sentence.", "the system prompt")
        cost = hand.see(r"The next message reads [\d,]+ tokens", "StaticText").text
        hand.shot("chat-settings")
        hand.press("Escape")
        hand.gone("Chat settings", "Window")
        self.say("What is a cell?")
        return f"temperature 0 and a system prompt are kept; said beforehand: {cost}"

    def ribbon(self) -> str:
        """Pin, leave out and summarise from the ribbon."""
        hand = self.hand
        hand.press("ctrl+n")
        for text in ("What is the KV cache?", "What is a token?", "What is a layer?"):
            self.say(text)
        path = f"FROM messages WHERE chat_id = (SELECT id FROM chats WHERE {OPEN_CHAT})"
        self.walk_ribbon(*["Left"] * 12, "Right", "Menu")
        hand.click("Pin: never leave it out", "MenuItem")
        until(lambda: self.rows(f"SELECT sum(is_pinned) {path}")[0][0] == 1, "a pinned message")
        self.walk_ribbon("Menu")
        hand.click("Unpin", "MenuItem")
        until(lambda: self.rows(f"SELECT sum(is_pinned) {path}")[0][0] == 0, "no pinned message")
        self.walk_ribbon("Menu")
        hand.shot("ribbon-menu")
        price = hand.click("Leave this exchange out", "MenuItem").name
        until(lambda: self.rows(f"SELECT sum(is_dropped) {path}")[0][0] == 2, "an exchange left out")
        self.say("What is a head?")
        self.walk_ribbon(*["Right"] * 12, *["Left"] * 2, "Menu")
        hand.click("Summarise everything up to here", "MenuItem")
        hand.see("Use this summary", "Button", patience_s=60)
        hand.shot("summary")
        hand.click("Use this summary", "Button")
        stands = f"SELECT count(*) {path} AND stands_for != ''"
        until(lambda: self.rows(stands)[0][0] == 2, "the summary, as a question and its answer")
        self.say("What is a block?")
        return f"pinned and not, left out ({price}), summarised with a preview; the chat goes on"

    def full(self) -> str:
        """A full context: the choice, with what each way costs, before anything is left out."""
        hand = self.hand
        hand.write("Context in tokens, exact", "EditableText", "512")
        hand.press("Return")
        hand.click("Load again", "Button")
        hand.see("512 tokens · measured", "StaticText")
        hand.press("ctrl+n")
        self.open_menu("ask")
        questions, before = 0, self.answers()
        while not hand.find("Leave out the oldest", "Button"):
            if hand.find("Send", "Button"):
                questions, before = questions + 1, self.answers()
                hand.click(*COMPOSER)
                hand.type("Tell me a story in 6 sentences.")
                hand.press("Return")
            until(
                lambda before=before: self.answers() > before or hand.find("Leave out the oldest", "Button"),
                "an answer or the question",
            )
        hand.see("Nothing is left out unless you say so", "StaticText")
        hand.shot("full")
        hand.click("Leave out the oldest", "Button")
        until(lambda: self.answers() > before, "the answer after leaving out")
        hand.see("Send", "Button")
        hand.shot("rolled")
        return f"full after {questions} questions; the oldest were left out when that was chosen"

    def overflow(self) -> str:
        self.open_menu("leave out the oldest messages")
        policy = "SELECT overflow FROM chats WHERE deleted_s IS NULL ORDER BY updated_s DESC LIMIT 1"
        until(lambda: self.rows(policy)[0][0] == "roll", "the chat's own policy")
        return "the chat leaves out its oldest messages when it is full"

    def grow(self) -> str:
        hand = self.hand
        steps = r"[\d,]+ tokens, \w+ / \w+: "
        hand.write("Context in tokens, exact", "EditableText", "1024")
        hand.press("Return")
        hand.click("Load again", "Button")
        hand.see("1,024 tokens · measured", "StaticText")
        hand.click(MENU, "Button")
        hand.press("Escape")

        def has_steps() -> bool:
            hand.click(MENU, "Button")
            found = bool(hand.find(steps, "MenuItem"))
            if not found:
                hand.press("Escape")
            return found

        until(has_steps, "steps to a larger context")
        hand.shot("context-menu")
        step = hand.click(steps, "MenuItem").name
        tokens, pair = re.match(r"([\d,]+) tokens, (\w+ / \w+)", step).groups()
        hand.see(f"{tokens} tokens · measured", "StaticText")
        hand.see("Send", "Button")
        self.say("What is a token?")
        return f"the context became {tokens} tokens of {pair} under the conversation, which goes on"

    def park(self) -> str:
        self.open_menu("Park this conversation")
        parked = until(lambda: self.rows("SELECT file, n_bytes, tokens FROM parked"), "a parked cache")[0]
        assert Path(parked[0]).stat().st_size == parked[1]
        self.hand.see("Send", "Button")
        return f"parked: {parked[2]} tokens in {parked[1]:,} bytes"

    def rehearse(self) -> str:
        self.open_menu("Rehearse")
        self.hand.see("Filling the context", "StaticText")
        self.hand.shot("rehearsing")
        proof = self.hand.see("✓ proven to", "StaticText", patience_s=180).text
        self.hand.shot("proven")
        return proof

    def graph(self) -> str:
        hand = self.hand
        hand.wheel("Context in tokens", "Slider", -30)
        hand.click("Hold the graph still", "CheckBox")
        assert hand.see("Hold the graph still", "CheckBox").on
        hand.click("Hold the graph still", "CheckBox")
        hand.click("Time shown", "ButtonMenu Button")
        hand.click("last 10 minutes", "MenuItem")
        hand.see("Time shown: last 10 minutes")
        hand.click("Open the graph in large", "Button")
        hand.see("Follow", "CheckBox")
        hand.shot("graphs")
        hand.wheel("Graph", "Client Pane Graphic Window", 3)  # zooming lets the present go
        hand.click("Table", "PageTab")
        cells = len(hand.find("", "Cell"))
        hand.shot("graph-table")
        hand.click("Graph", "PageTab")
        files = []
        for button, suffix in (("Save CSV…", "csv"), ("Save picture…", "png")):
            path = self.folder / f"history.{suffix}"
            hand.click(button, "Button")
            self.choose_file(path)
            until(lambda path=path: path.is_file() and path.stat().st_size, str(path))
            files.append(f"{path.name} {path.stat().st_size:,} bytes")
        hand.press("Escape")
        hand.gone("Follow", "CheckBox")
        hand.wheel("Context in tokens", "Slider", 30)
        return f"held, zoomed, read as {cells} cells; " + ", ".join(files)

    def look(self) -> str:
        hand = self.hand
        hand.press("ctrl+comma")
        hand.click("As the desktop", "ComboBox", which=0)
        hand.press("Home", "Down", "Down", "Return")
        until(lambda: self.settings()["theme"] == "dark", "the dark theme")
        hand.shot("dark")
        hand.write("Search the settings", "EditableText", "context")
        hand.see("When the context is full", "StaticText")
        hand.gone("Theme", "StaticText")
        hand.press("ctrl+a", "BackSpace", "Escape")
        hand.gone("Search the settings")
        for percent in (110, 125, 150):
            hand.press("ctrl+plus")
            until(lambda percent=percent: self.settings()["text_percent"] == percent, f"{percent} %")
            hand.keyboard_in(*COMPOSER)
        hand.shot("text-150")
        hand.press("ctrl+0")
        until(lambda: self.settings()["text_percent"] == 100, "usual text")
        hand.keyboard_in(*COMPOSER)
        return "dark, searched, 150 % and back, while the model stays loaded"

    def language(self) -> str:
        hand = self.hand
        hand.press("ctrl+comma")
        hand.see("Search the settings")
        hand.click("As the desktop", "ComboBox")
        hand.press("End", "Return")
        hand.see("搜索设置")
        hand.shot("chinese")
        assert self.settings()["language"] == "zh_CN"
        hand.click("简体中文", "ComboBox")
        hand.press("Home", "Down", "Return")
        hand.see("Search the settings")
        hand.press("Escape")
        hand.gone("Search the settings")
        return "简体中文 and back, at once"

    def help(self) -> str:
        hand = self.hand
        hand.click(*COMPOSER)
        hand.press("F1")
        hand.see("Pages", "List")
        page = until(
            lambda: [each for each in hand.find("", "ListItem") if each.on and "Help" in each.window],
            "a page",
        )[0].name
        hand.shot("help")
        hand.click("As a table", "CheckBox")
        hand.press("Escape")
        hand.gone("Pages", "List")
        return f"F1 in the composer opens “{page}”"

    def launch(self) -> str:
        hand = self.hand
        hand.press("ctrl+e")
        command = hand.see("Command", "EditableText").value
        hand.click("Copy$", "Button")
        hand.shot("export")
        hand.press("Escape")
        hand.gone("Launch command")
        hand.press("ctrl+shift+v")
        hand.see("Paste a launch", "StaticText")
        hand.see(".*--ctx-size", "StaticText")
        hand.shot("import")
        hand.click("Apply", "Button")
        hand.gone("Paste a launch")
        assert "llama-server" in command
        return f"exported {len(command.splitlines())} lines, read back and applied"

    def lens(self) -> str:
        hand = self.hand
        hand.click("What a token takes…", "Button")
        hand.see(".*LMDeploy", "Cell")
        hand.shot("lens")
        hand.press("Escape")
        hand.gone(".*LMDeploy", "Cell")
        return "what a token takes here and elsewhere"

    def endpoint(self) -> str:
        hand = self.hand
        hand.click("Serve", "Button")
        hand.write("Port", "EditableText", "18080")
        hand.click("Open$", "Button")
        url = hand.see(r"http://127\.0\.0\.1:18080", "EditableText").value
        hand.shot("endpoint")
        with urllib.request.urlopen(f"{url}/models", timeout=10) as answer:
            models = [each["id"] for each in json.load(answer)["data"]]
        hand.click("Close the endpoint", "Button")
        hand.see("Serve", "Button")
        hand.press("Escape")
        return f"{url} answered with {models}, and is closed again"

    def files(self) -> str:
        hand = self.hand
        chats = "SELECT count(*) FROM chats WHERE deleted_s IS NULL"
        before = self.rows(chats)[0][0]
        path = self.folder / "chats.json"
        hand.click("Import and export chats", "Button")
        hand.click("Export all chats…", "MenuItem")
        self.choose_file(path)
        until(lambda: path.is_file() and path.stat().st_size, "the chats' file")
        hand.click("Import and export chats", "Button")
        hand.click("Import chats…", "MenuItem")
        self.choose_file(path)
        until(lambda: self.rows(chats)[0][0] > before, "the chats once more")
        listed = json.loads(hand.command("chats", "list", "--json"))
        return f"{before} chats written and read: {len(listed['chats'])} by the command line's count"

    def kill(self) -> str:
        """The engine dies of SIGKILL; the window stays and offers the way on."""
        hand = self.hand
        engines = [
            child
            for child in psutil.Process(hand.window.pid).children(recursive=True)
            if any("kvdesk.engine" in part for part in child.cmdline())
        ]
        for engine in engines:
            engine.kill()
        hand.see("The engine was killed", "StaticText")
        hand.shot("killed")
        hand.click("Reload", "Button")
        hand.see("Unload", "Button")
        self.say("Are you there?")
        return f"{len(engines)} processes killed, said so in place, loaded again, answered"

    def open(self) -> str:
        """A model from a file, by the dialog."""
        hand = self.hand
        hand.press("ctrl+o")
        self.choose_file(Path(resolve_model(DEMO_MODEL)))
        hand.see("KV Desk demo", "StaticText")
        return "opened by its path"

    def move(self) -> str:
        hand = self.hand
        target = self.folder / "moved"
        target.mkdir(exist_ok=True)
        hand.press("ctrl+comma")
        hand.write("Search the settings", "EditableText", "data folder")
        hand.click("Move…", "Button")
        self.choose_file(target)
        hand.shot("moving")
        hand.click("Close the model and move", "Button")
        until(lambda: (target / "chats.sqlite3").is_file(), "the data in its new place")
        hand.see("Settings", "Button")
        self.data = target
        assert not (self.home / "chats.sqlite3").exists()
        return f"the data lies in {target.name}, the window is there again"

    def come_back(self) -> str:
        hand = self.hand
        hand.see("Settings", "Button")
        hand.click(*COMPOSER)
        hand.type("a draft")
        until(lambda: self.rows("SELECT count(*) FROM chats WHERE draft = 'a draft'")[0][0], "the draft")
        before, open_chat = self.answers(), self.settings()["last_chat"]
        time.sleep(0.2)
        hand.press("ctrl+q")
        if hand.window.poll() is None and hand.find("Close", "Button"):
            hand.click("Close", "Button")
        status = hand.ended()
        hand.again()
        hand.see("a draft", "EditableText")
        assert (self.answers(), self.settings()["last_chat"]) == (before, open_chat)
        hand.shot("back")
        return f"closed with {status}, opened again: the chat, its draft and {before} answers are there"


STEPS: tuple[Callable[[Session], str], ...] = (
    Session.tour,
    Session.ledger,
    Session.chat,
    Session.stop,
    Session.regenerate,
    Session.edit,
    Session.search,
    Session.organise,
    Session.attach,
    Session.find,
    Session.copy,
    Session.manner,
    Session.ribbon,
    Session.overflow,
    Session.full,
    Session.grow,
    Session.park,
    Session.rehearse,
    Session.graph,
    Session.look,
    Session.language,
    Session.help,
    Session.launch,
    Session.lens,
    Session.endpoint,
    Session.files,
    Session.kill,
    Session.open,
    Session.move,
    Session.come_back,
)


def main(folder: Path, names: list[str], number: int) -> int:
    """Do the steps; return how many failed."""
    if missing := missing_tools():
        print(f"Nothing was tried: {', '.join(missing)} not found.")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    if home.exists():
        print(f"Nothing was tried: there is a session in {folder} already.")
        return 0
    home.mkdir()
    failed = 0
    with screen(number) as display:
        session = Session(Hand(display, home, folder), home, folder)
        for step in STEPS:
            if names and step.__name__ not in names:
                continue
            start_s = time.monotonic()
            try:
                said = step(session)
                mark = "done"
            except (NotThere, AssertionError, OSError, ValueError, LookupError) as error:
                said, mark, failed = f"{type(error).__name__}: {error}", "FAILED", failed + 1
                session.hand.shot(f"failed-{step.__name__}")
                session.hand.press("Escape", "Escape")
            print(f"{mark:6} {step.__name__:12} {time.monotonic() - start_s:5.1f} s  {said}", flush=True)
        session.hand.window.terminate()
        session.hand.window.wait()
    late = re.findall(r"([\d.]+) ms late", "".join(log.read_text() for log in folder.rglob("stalls.log")))
    print(f"stalls over 50 ms: {len(late)}, the longest {max(map(float, late), default=0):.0f} ms")
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(s.__name__ for s in STEPS))
    parser.add_argument("--display", type=int, default=97, help="number of the X server to start")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder.resolve(), arguments.steps, arguments.display))
