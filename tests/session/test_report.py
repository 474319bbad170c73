"""A report has what is known of a load, nothing that was not asked for, and no name of the user's."""

import math
import xml.etree.ElementTree as ElementTree
from array import array
from html.parser import HTMLParser

import msgspec
import pytest

from kvdesk.errors import StoreError
from kvdesk.phrases import Phrase
from kvdesk.plan.load_record import Failure
from kvdesk.session.history import Columns, Mark
from kvdesk.session.report import Report, form_of, html_text, markdown_text, without_home, write_report
from kvdesk.session.run_drawing import MOST_POINTS, draw_run
from tests.gui import fakes

LOAD = msgspec.structs.replace(fakes.load_record(1), command="llama-server --model '~/<b>|.gguf'", took_s=2.5)


def run_of(rows: int) -> Columns:
    used = array("d", (1e9 + 6e9 * row / max(rows - 1, 1) for row in range(rows)))
    used[rows // 2] = math.nan
    nothing = array("d", [math.nan]) * rows
    return Columns(
        time_s=array("d", (row / 2 for row in range(rows))),
        device_bytes={"CUDA0": used},
        device_process_bytes={},
        device_power_w={},
        device_temperature_c={},
        device_gpu_clock_mhz={},
        device_utilisation_percent={},
        device_throttle={},
        process_bytes=nothing,
        gpu_shared_bytes=nothing,
        cells_used=array("d", (4096 * row / max(rows - 1, 1) for row in range(rows))),
        prefill_tokens_per_s=nothing,
        decode_tokens_per_s=nothing,
    )


@pytest.mark.parametrize("text_of", [html_text, markdown_text])
def test_what_stands_in_it(text_of):
    text = text_of(Report(LOAD), str)
    for part in ("Qwen3-8B", "7,224", "7,390", "q8_0", "--ctx-size", "32768", "0.3.36", "580.95.05", "2.5 s"):
        assert part in text
    assert "user" not in text
    assert "<svg" not in text


def test_the_page_is_whole_and_a_strangers_text_is_text():
    page = html_text(Report(LOAD, messages=(("user", "<script>alert(1)</script>"),)), str)
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))
    parser.feed(page)
    assert not [
        tag for tag, attributes in tags if tag in {"script", "link", "img", "b"} or "src" in attributes
    ]
    assert "&lt;script&gt;" in page


def test_markdown_keeps_its_tables_and_fences():
    text = markdown_text(Report(LOAD, messages=(("assistant", "```\ncode\n```"),)), str)
    assert "````\n```\ncode" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {3, 6}


def test_a_failure_is_told_with_its_cause():
    failed = fakes.load_record(2, Failure("OutOfMemory", Phrase("CUDA0 has no room.")))
    assert "CUDA0 has no room." in html_text(Report(failed), str)
    cancelled = msgspec.structs.replace(LOAD, is_cancelled=True)
    assert "called off" in markdown_text(Report(cancelled), str)


def test_the_run_since_the_last_load_is_drawn_and_bounded():
    marks = [Mark(0.0, "load", ""), Mark(500.0, "load", "")]
    drawing = draw_run(run_of(5000), marks)
    root = ElementTree.fromstring(drawing)
    memory, cells = (path.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path"))
    assert memory.count("L") < MOST_POINTS
    assert cells.count("M") == 1
    assert draw_run(run_of(100), []).count("M") > draw_run(run_of(1), []).count("M")
    assert draw_run(run_of(1), []) == ""
    assert drawing in html_text(Report(LOAD, drawing), str)
    assert "data:image/svg+xml;base64," in markdown_text(Report(LOAD, drawing), str)


def test_a_missing_reading_breaks_the_line():
    drawing = draw_run(run_of(9), [])
    root = ElementTree.fromstring(drawing)
    memory = next(root.iter("{http://www.w3.org/2000/svg}path")).get("d", "")
    assert memory.count("M") == 2


def test_the_home_directory_is_not_named(tmp_path, monkeypatch):
    assert without_home("a /home/anna/x C:\\Users\\anna", "/home/anna") == "a ~/x C:\\Users\\anna"
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    path = tmp_path / "report.md"
    write_report(
        Report(msgspec.structs.replace(LOAD, command="x /home/anna/a.gguf")), path, form_of(path), str
    )
    assert "x ~/a.gguf" in path.read_text(encoding="utf-8")
    assert "anna" not in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="could not be written"):
        write_report(Report(LOAD), tmp_path / "none" / "report.html", "html", str)
