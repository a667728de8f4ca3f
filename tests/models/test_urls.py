"""URLs of a prompt lead to public pictures of a decent size, or to one clear error."""

import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image as Pil

from evals.errors import DataError, PromptError
from evals.models.urls import Limits, fetch_urls
from evals.types import Image
from tests.models.conftest import as_png

LIMITS = Limits()
PICTURE = as_png(Pil.new("RGB", (4, 4), "red"))


class Odd(BaseHTTPRequestHandler):
    """A picture, and everything that is none."""

    def do_GET(self) -> None:
        if self.path.startswith(("/to?", "/loop", "/endless")):
            self.send_response(302)
            target = self.path.removeprefix("/to?").removeprefix("/endless")
            self.send_header("Location", urllib.parse.unquote(target, encoding="iso-8859-1"))
            self.end_headers()
            while self.path.startswith("/endless"):
                self.wfile.write(b"x" * 2**16)
            return
        if self.path == "/slow%20head":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for number in range(20):
                self.wfile.write(f"X-{number}: x\r\n".encode())
                time.sleep(0.1)
        kind = {"/page": "text/html", "/object": "binary/octet-stream"}.get(self.path, "image/png")
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Type", kind)
        if self.path == "/short":
            self.send_header("Content-Length", str(len(PICTURE) + 7))
        self.end_headers()
        if self.path == "/large":
            for _ in range(3 * 16):
                self.wfile.write(b"x" * 2**16)
        elif self.path == "/slow":
            for _ in range(20):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self.wfile.write(PICTURE)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what is tested here."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Odd) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def fetch(url: str, *, allow_urls: bool | str = "private", limits: Limits = LIMITS) -> bytes:
    (image,) = fetch_urls((Image(url),), allow_urls=allow_urls, limits=limits)
    assert isinstance(image, Image)
    return image.read_bytes()


@pytest.mark.parametrize(
    "path", ["/picture", "/object", "/to?/picture", "/to?/to?/picture", "/to?/a%20b/%E9"]
)
def test_a_picture_is_fetched(server: str, path: str) -> None:
    assert fetch(server + path) == PICTURE


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "[fec0::1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "224.0.0.1",
        "192.0.0.192",
    ],
)
def test_this_machine_and_private_networks_are_refused(server: str, host: str) -> None:
    port = server.rpartition(":")[2]
    with pytest.raises((PromptError, DataError)) as caught:
        fetch(f"http://{host}:{port}/picture", allow_urls=True)
    known = "private network; allow_urls=private allows that" in str(caught.value)
    assert known or "Name or service" in str(caught.value)  # not every system reads 127.1


def test_a_refused_host_hears_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        with pytest.raises(PromptError, match="private network"):
            fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/", allow_urls=True)
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:image/png,x"])
def test_redirects_lead_nowhere_else(server: str, target: str) -> None:
    with pytest.raises(DataError, match="cannot be fetched"):
        fetch(f"{server}/to?{target}")


@pytest.mark.parametrize(
    ("path", "words"),
    [("/page", "is no picture but text/html"), ("/gone", "404"), ("/loop", "cannot be fetched")],
)
def test_what_is_no_picture_is_told(server: str, path: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fetch(server + path)


def test_a_picture_that_ends_too_early_is_told(server: str) -> None:
    with pytest.raises(DataError, match="ended 7 bytes too early"):
        fetch(server + "/short")


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(DataError, match="cannot be fetched"):
        fetch("http://127.0.0.1:99999999999999999999/")


def test_a_picture_may_not_be_too_large_or_too_slow(server: str) -> None:
    limits = Limits(seconds=0.5, num_bytes=2**20)
    with pytest.raises(DataError, match="larger than 1,048,576 bytes"):
        fetch(server + "/large", limits=limits)
    for path in ("/slow", "/slow%20head"):
        started = time.monotonic()
        with pytest.raises(DataError, match=r"took longer than 0\.5 s"):
            fetch(server + path, limits=limits)
        assert time.monotonic() - started < 1.5


def test_what_comes_with_a_redirect_is_not_read(server: str) -> None:
    assert fetch(server + "/endless/picture") == PICTURE


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "ftp://127.0.0.1/a"])
def test_only_http_is_a_url(url: str) -> None:
    with pytest.raises(PromptError, match="no http"):
        fetch(url)
