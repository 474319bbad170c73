"""A header at an address is read by ranges alone, through redirects and hiccups, or refused with a reason."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kvdesk.errors import GgufError, NotGguf, Truncated
from kvdesk.gguf.header import Header, ValueType
from kvdesk.gguf.open import open_model
from kvdesk.gguf.remote import FIRST_BYTES, MAX_RANGES, read_remote
from tests.gguf.raw import EVERY_KIND, TWO_TENSORS, TWO_TENSORS_DATA_BYTES, raw_gguf
from tests.gguf.test_splits import part

SMALL = raw_gguf(EVERY_KIND, TWO_TENSORS, data_bytes=TWO_TENSORS_DATA_BYTES)
# 3 MB of vocabulary and 16 MB of weights: the first are fetched, the second are not.
LARGE = raw_gguf(
    [
        ("general.architecture", ValueType.STRING, "llama"),
        ("tokens", ValueType.ARRAY, (ValueType.STRING, ["token" * 4] * 100_000)),
        ("after", ValueType.UINT8, 5),
    ],
    [("t", (4 * 1024**2,), 0, 0)],
    data_bytes=16 * 1024**2,
)


class Site:
    """A local server; `answers` are asked in turn for what to do with a request, the last one for good."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/small.gguf": SMALL, "/large.gguf": LARGE}
        self.answers: list[Callable[[Any], None]] = [send_range]
        self.requests: list[tuple[str, str]] = []
        self.sent_bytes = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append((self.path, self.headers.get("Range", "")))
                answer = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        Handler.site = self
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def read(self, path: str) -> Header:
        return read_remote(self.url + path, back_off_s=0.001, timeout_s=10)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    it = Site()
    thread = threading.Thread(target=it.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield it
    it.server.shutdown()
    thread.join()
    it.server.server_close()


def reply(handler: Any, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.site.sent_bytes += len(body)
    handler.wfile.write(body)


def send_range(handler: Any) -> None:
    whole = handler.site.files.get(handler.path.partition("?")[0])
    if whole is None:
        reply(handler, 404, b"no such file", Content_Type="text/html")
        return
    first, last = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
    if first >= len(whole):
        reply(handler, 416, b"")
        return
    body = whole[first : last + 1]
    span = f"bytes {first}-{first + len(body) - 1}/{len(whole)}"
    reply(handler, 206, body, Content_Range=span, Content_Type="application/octet-stream")


def send_whole(handler: Any) -> None:
    reply(handler, 200, handler.site.files[handler.path])


def send_page(handler: Any) -> None:
    reply(handler, 200, b"<!DOCTYPE html><html>", Content_Type="text/html; charset=utf-8")


def fail(status: int) -> Callable[[Any], None]:
    return lambda handler: reply(handler, status, b"")


def hang_up(handler: Any) -> None:
    handler.close_connection = True


def send_nothing(handler: Any) -> None:
    first = handler.headers["Range"].removeprefix("bytes=").split("-")[0]
    reply(handler, 206, b"", Content_Range=f"bytes {first}-{first}/{len(SMALL)}")


def test_a_small_file(site: Site) -> None:
    header = open_model(site.url + "/small.gguf")
    assert header.path == site.url + "/small.gguf"
    assert header.file_bytes == len(SMALL)
    assert header.metadata["a.text"] == "zażółć 日本"
    assert header.array("a.heads") == (8, 0, -1)
    assert len(site.requests) == 1


def test_only_the_header_of_a_large_file_is_fetched_in_growing_ranges(site: Site) -> None:
    header = site.read("/large.gguf")
    assert header.metadata["after"] == 5
    assert header.file_bytes == len(LARGE)
    assert header.array("tokens")[-1] == "token" * 4
    assert [ranges for _, ranges in site.requests] == [
        f"bytes=0-{FIRST_BYTES - 1}",
        f"bytes={FIRST_BYTES}-{3 * FIRST_BYTES - 1}",
        f"bytes={3 * FIRST_BYTES}-{7 * FIRST_BYTES - 1}",
    ]
    assert site.sent_bytes < 4 * 1024**2


def test_a_trickling_server_is_given_up(site: Site) -> None:
    def send_byte(handler: Any) -> None:
        first = int(handler.headers["Range"].removeprefix("bytes=").split("-")[0])
        span = f"bytes {first}-{first}/{len(SMALL)}"
        reply(handler, 206, SMALL[first : first + 1], Content_Range=span)

    site.answers = [send_byte]
    with pytest.raises(GgufError, match="sends its file in too small pieces"):
        site.read("/small.gguf")
    assert len(site.requests) == MAX_RANGES


def test_redirects_are_followed_once(site: Site) -> None:
    def redirect(handler: Any) -> None:
        reply(handler, 302, b"", Location="/large.gguf?signature=1")

    site.answers = [redirect, send_range]
    assert site.read("/alias.gguf").metadata["after"] == 5
    assert [path for path, _ in site.requests][:3] == [
        "/alias.gguf",
        "/large.gguf?signature=1",
        "/large.gguf?signature=1",
    ]


@pytest.mark.parametrize("hiccup", [fail(500), fail(503), fail(429), hang_up, send_nothing])
def test_hiccups_are_tried_again(site: Site, hiccup: Callable[[Any], None]) -> None:
    site.answers = [hiccup, send_range, hiccup, send_range]
    assert site.read("/large.gguf").metadata["after"] == 5


def test_a_short_answer_is_continued(site: Site) -> None:
    def send_little(handler: Any) -> None:
        reply(handler, 206, SMALL[:100], Content_Range=f"bytes 0-99/{len(SMALL)}")

    site.answers = [send_little, send_range]
    assert site.read("/small.gguf").architecture == "llama"
    assert site.requests[1][1].startswith("bytes=100-")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (send_whole, "cannot send a part of a file"),
        (send_page, "is a web page, not a GGUF file"),
        (fail(404), "There is no .* on the server"),
        (fail(401), "The server refuses"),
        (fail(403), "The server refuses"),
        (fail(416), "is empty"),
        (fail(418), "answered with the error 418"),
        (fail(500), "answered with the error 500"),
        (hang_up, "cannot be reached"),
        (send_nothing, "cannot be reached: the server sent nothing"),
    ],
)
def test_what_cannot_be_read_is_explained(site: Site, answer: Callable[[Any], None], message: str) -> None:
    site.answers = [answer]
    with pytest.raises(GgufError, match=message) as caught:
        site.read("/small.gguf")
    assert caught.value.hint
    assert site.url in caught.value.message


def test_client_errors_are_not_repeated(site: Site) -> None:
    site.answers = [fail(404)]
    with pytest.raises(GgufError):
        site.read("/small.gguf")
    assert len(site.requests) == 1


def test_other_and_cut_files_are_named(site: Site) -> None:
    site.files["/notes.txt"] = b"plain words, nothing else, and some more of them"
    with pytest.raises(NotGguf, match="is not a GGUF file"):
        site.read("/notes.txt")
    site.files["/cut.gguf"] = SMALL[:-1]
    with pytest.raises(Truncated, match="bytes that its tensors need"):
        site.read("/cut.gguf")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(GgufError, match="cannot be reached"):
        read_remote("http://127.0.0.1:9/model.gguf", back_off_s=0.001)


@pytest.mark.parametrize("url", ["http://", "http://[::bad/x.gguf", "http://exa mple:port/x"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(GgufError):
        read_remote(url, back_off_s=0.001)


def test_blanks_and_letters_of_an_address_are_encoded(site: Site) -> None:
    site.files["/my%20mod%C3%A8le.gguf"] = SMALL
    assert site.read("/my modèle.gguf").architecture == "llama"


def test_a_split_set_at_an_address(site: Site) -> None:
    for number in (1, 2, 3):
        site.files[f"/tiny-{number:05d}-of-00003.gguf"] = part(number)
    header = site.read("/tiny-00001-of-00003.gguf?download=true")
    assert [tensor.file_index for tensor in header.tensors] == [0, 1, 2]
    assert header.paths[2] == site.url + "/tiny-00003-of-00003.gguf?download=true"
    del site.files["/tiny-00002-of-00003.gguf"]
    with pytest.raises(GgufError, match=r"There is no .*00002-of-00003"):
        site.read("/tiny-00001-of-00003.gguf")
