"""Reads the header of a model that was not downloaded, by fetching only the first ranges of its file."""

import time
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from kvdesk.errors import GgufError
from kvdesk.gguf.header import Header, read_stream
from kvdesk.gguf.splits import read_model

FIRST_BYTES = 512 * 1024
LARGEST_BYTES = 8 * 1024**2
LIMIT_BYTES = 64 * 1024**2
MAX_RANGES = 64
TIMEOUT_S = 20.0
ATTEMPTS = 4
BACK_OFF_S = 0.5

# What a URL may hold as it is; all else (blanks, letters beyond ASCII) is percent-encoded.
_URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]"

_CHECK = "Open the address in a browser, or download the file and open it from disk."


def read_remote(url: str, back_off_s: float = BACK_OFF_S, timeout_s: float = TIMEOUT_S) -> Header:
    """Read the header of the GGUF file at an http(s) URL; the first of a split set stands for all.

    Fetches growing ranges, a few MiB in all, follows redirects and tries again after network errors and busy
    servers. Raises GgufError, also when the server sends a web page or cannot send ranges.
    """

    def read(part_url: str) -> Header:
        ranges = RangeReader(part_url, back_off_s, timeout_s)
        ranges.fetch_more()  # the first answer tells the file's length
        return read_stream(ranges, ranges.file_bytes, part_url)

    return read_model(url, read)


class RangeReader:
    """The bytes of a remote file in order, as a stream that fetches a range when it runs dry."""

    def __init__(self, url: str, back_off_s: float = BACK_OFF_S, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self.file_bytes: int | None = None
        self._address = quote(url, safe=_URL_CHARACTERS)  # later where redirects lead
        self._back_off_s = back_off_s
        self._timeout_s = timeout_s
        self._fetched_bytes = 0
        self._n_ranges = 0
        self._next_bytes = FIRST_BYTES
        self._buffer = b""

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` bytes, none at the file's end. Raises GgufError."""
        if not self._buffer:
            self.fetch_more()
        taken, self._buffer = self._buffer[:n_bytes], self._buffer[n_bytes:]
        return taken

    def fetch_more(self) -> None:
        """Fetch the next range into the buffer, trying again where that can help. Raises GgufError."""
        if self.file_bytes is not None and self._fetched_bytes >= self.file_bytes:
            return
        if self._fetched_bytes >= LIMIT_BYTES:
            raise self._error(
                "The header of “{url}” is larger than {limit} MiB.", limit=LIMIT_BYTES // 1024**2
            )
        self._n_ranges += 1
        if self._n_ranges > MAX_RANGES:
            raise self._error("The server of “{url}” sends its file in too small pieces.")
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self._back_off_s * 2 ** (attempt - 1))
            try:
                self._buffer += self._fetch()
                break
            except HTTPError as error:
                with error:
                    if attempt == ATTEMPTS - 1 or not (error.code == 429 or error.code >= 500):
                        raise self._refused(error.code) from error
            except ValueError as error:
                raise self._error("“{url}” is not a valid address.", "Check the address.") from error
            except (OSError, HTTPException) as error:
                if attempt == ATTEMPTS - 1:
                    raise self._unreachable(error) from error
        self._next_bytes = min(2 * self._next_bytes, LARGEST_BYTES)

    def _fetch(self) -> bytes:
        first = self._fetched_bytes
        last = first + self._next_bytes - 1
        request = Request(self._address, headers={"Range": f"bytes={first}-{last}", "User-Agent": "kvdesk"})
        with urlopen(request, timeout=self._timeout_s) as answer:
            self._address = answer.geturl()
            body = self._body(answer, first)
        self._fetched_bytes += len(body)
        return body

    def _body(self, answer: HTTPResponse, first: int) -> bytes:
        headers = answer.headers
        if headers.get_content_type() == "text/html":
            raise self._error(
                "“{url}” is a web page, not a GGUF file.",
                "Use the address of the file itself (on Hugging Face: “resolve” instead of “blob”).",
            )
        range_unit, _, position = headers.get("Content-Range", "").partition(" ")
        span, _, total = position.partition("/")
        if answer.status != 206 or range_unit != "bytes" or not span.startswith(f"{first}-"):
            raise self._error("The server of “{url}” cannot send a part of a file.")
        body = answer.read(self._next_bytes)  # a shorter one is continued by the next range
        if not body:
            raise RemoteDisconnected("the server sent nothing")
        if total.isdecimal():
            self.file_bytes = int(total)
        return body

    def _refused(self, code: int) -> GgufError:
        if code == 416:
            return self._error("“{url}” is empty.", "Look for another file of this model.")
        if code in (401, 403):
            return self._error(
                "The server refuses “{url}” ({code}).",
                "The model may ask for a licence to be accepted; download it with your account first.",
                code=code,
            )
        if code in (404, 410):
            return self._error("There is no “{url}” on the server ({code}).", "Check the address.", code=code)
        return self._error("The server of “{url}” answered with the error {code}.", code=code)

    def _unreachable(self, error: Exception) -> GgufError:
        reason = error.reason if isinstance(error, URLError) else error
        return self._error(
            "“{url}” cannot be reached: {reason}.", "Check the address and your connection.", reason=reason
        )

    def _error(self, message: str, hint: str = _CHECK, **values: object) -> GgufError:
        return GgufError(message, hint, url=self.url, **values)
