"""Pictures behind URLs: fetched only where allowed, and never from the user's own network.

A prompt may come from anybody, and a server that fetches what it is told to can be sent to its own
neighbours (server-side request forgery). So a host's address is looked at after its name was
resolved, that very address is connected to, redirects go through the same door, and size, time and
kind of an answer are bounded.
"""

import http.client
import ipaddress
import socket
import string
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Self

from evals.errors import DataError, PromptError
from evals.types import Image, Prompt

PRIVATE = "private"
"""`allow_urls=private`: also addresses of this machine and of private networks."""
KINDS = ("image/", "application/octet-stream", "binary/octet-stream")
"""Object stores often do not know what they hold; the picture is looked at when it is decoded."""
USER_AGENT = "idefics-evals (https://pypi.org/project/idefics-evals)"
"""Some servers refuse a request without one."""
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
"""Of IETF's protocols, some clouds' metadata among them; older Pythons call it global."""
UNICAST = ipaddress.IPv6Network("2000::/3")
"""What of IPv6 is routed; all else is local, or another network's address in disguise."""
_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may take."""

    seconds: float = 30
    """From the first connection to the last byte, redirects included."""
    num_bytes: int = 64 * 2**20


def fetch_urls(prompt: Prompt, *, allow_urls: bool | str, limits: Limits = Limits()) -> Prompt:
    """Return the prompt with the bytes of its URLs' pictures in their place.

    Raises:
        PromptError: there are URLs and they are not allowed, or they are not http(s), or they lead
            into a private network.
        DataError: a URL cannot be fetched, or what it gives is no picture or too large.
    """
    urls = [str(part) for part in prompt if isinstance(part, Image) and part.is_url]
    if urls and not allow_urls:
        raise PromptError(
            f"URLs are not fetched: {', '.join(urls)}; load the model with allow_urls=True, or "
            "give paths, bytes or PIL images"
        )
    if urls and allow_urls not in (True, PRIVATE):
        raise PromptError(f"allow_urls={allow_urls}: false, true or {PRIVATE}")
    allow_private = allow_urls == PRIVATE
    return tuple(
        Image(_fetch(part.source, limits, allow_private=allow_private), name=str(part))
        if isinstance(part, Image) and isinstance(part.source, str)
        else part
        for part in prompt
    )


@lru_cache(maxsize=16)
def _fetch(url: str, limits: Limits, *, allow_private: bool) -> bytes:
    if not _is_http(url):
        raise PromptError(f"{url} is no http:// or https:// URL; give a file as a Path")
    try:
        with (
            _Door(limits.seconds, allow_private=allow_private) as door,
            _open(url, door) as response,
        ):
            return _read(url, response, limits)
    except (OSError, ValueError, OverflowError, http.client.HTTPException) as error:
        if isinstance(private := getattr(error, "reason", None), _PrivateAddressError):
            raise PromptError(f"{url}: {private}") from error
        raise DataError(f"{url} cannot be fetched: {error}") from error


def _open(url: str, door: "_Door") -> Any:
    """Return the response that redirects lead to.

    They are followed here: urllib's own handler reads the whole body of each, however long it is.
    """
    opener = _make_opener(door)
    for _ in range(1 + MAX_REDIRECTS):
        request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})
        response = opener.open(request, timeout=door.seconds_left)
        target = response.headers.get("Location")
        if response.status not in REDIRECTS or target is None:
            if response.status != http.client.OK:
                response.close()
                raise ValueError(f"{response.status} {response.reason}")
            return response
        response.close()
        # Letters that no URL has, as browsers and urllib write them.
        target = urllib.parse.quote(target, encoding="iso-8859-1", safe=string.punctuation)
        url = urllib.parse.urljoin(url, target)
        if not _is_http(url):
            raise ValueError(f"it leads to {url}")
    raise ValueError(f"more than {MAX_REDIRECTS} redirects")


def _read(url: str, response: Any, limits: Limits) -> bytes:
    kind = response.headers.get_content_type()
    if not kind.startswith(KINDS):
        raise DataError(f"{url} is no picture but {kind}")
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > limits.num_bytes:
            raise DataError(f"{url} is larger than {limits.num_bytes:,} bytes")
    if response.length:
        raise DataError(f"{url} ended {response.length:,} bytes too early")
    return bytes(content)


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


class _PrivateAddressError(OSError):
    """A host lies in a network that strangers are not sent to."""


class _Door:
    """Makes the connections of one fetch, and shuts them when its time is over.

    A timeout of a socket is one for each packet: a server that sends a byte now and then would
    never meet it.
    """

    def __init__(self, seconds: float, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self._seconds = seconds
        self._is_over = False
        self._deadline = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._held: list[socket.socket] = []
        """Second handles, for TLS takes the first."""

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        for held in self._held:
            held.close()
        if self._is_over and (
            kind is None or issubclass(kind, Exception)
        ):  # whatever came of it: a connection that is shut looks like an end
            raise TimeoutError(f"it took longer than {self._seconds:g} s") from error

    @property
    def seconds_left(self) -> float:
        return max(0.01, self._deadline - time.monotonic())

    def connect(
        self, address: tuple[str, int], timeout: float | None = None, *source: Any
    ) -> socket.socket:
        """Connect to the first address of a host that is public and answers.

        What was looked at is connected to: a name that resolves to another address a moment later
        gains nothing.
        """
        host, port = address
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        open_to = [each for each in found if self.allow_private or _is_public(str(each[4][0]))]
        if not open_to:
            raise _PrivateAddressError(
                f"{host} is this machine or in a private network; allow_urls=private allows that"
            )
        *others, last = open_to
        for number, each in enumerate(others):
            with suppress(OSError):
                return self._connect(each, self.seconds_left / (len(open_to) - number))
        return self._connect(last, self.seconds_left)

    def _connect(self, found: Any, seconds: float) -> socket.socket:
        family, kind, protocol, _, resolved = found
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds)
            connection.connect(resolved)
            connection.settimeout(self.seconds_left)
            self._held.append(connection.dup())
        except BaseException:
            connection.close()
            raise
        if self._is_over:  # the timer came between
            self._shut()
        return connection

    def _shut(self) -> None:
        self._is_over = True
        for held in self._held:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)


def _is_public(address: str) -> bool:
    """Return whether strangers may lead there.

    Of IPv6, addresses that carry one of IPv4 are not public: behind a translator they may be this
    network's own. So only what is routed, and neither 6to4 nor Teredo.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])  # fe80::1%eth0
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return _is_public(str(parsed.ipv4_mapped))
        if parsed not in UNICAST or parsed.sixtofour or parsed.teredo:
            return False
    elif parsed in PROTOCOLS:
        return False
    return parsed.is_global and not parsed.is_multicast


def _connecting(make: Callable[..., Any], door: _Door, *arguments: Any, **options: Any) -> Any:
    connection = make(*arguments, **options)
    connection._create_connection = door.connect  # as http.client has it for this
    return connection


class _HTTPHandler(urllib.request.HTTPHandler):
    def __init__(self, door: _Door) -> None:
        super().__init__()
        self._make: Any = partial(_connecting, http.client.HTTPConnection, door)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, door: _Door) -> None:
        super().__init__()
        self._make: Any = partial(_connecting, http.client.HTTPSConnection, door)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)


def _make_opener(door: _Door) -> urllib.request.OpenerDirector:
    """Return what opens http and https alone: no file, no ftp, no data URL.

    A proxy would resolve names itself, so the environment's proxies serve only where private
    addresses are allowed.
    """
    handlers: list[urllib.request.BaseHandler] = [_HTTPHandler(door), _HTTPSHandler(door)]
    if door.allow_private:
        handlers.append(urllib.request.ProxyHandler())
    opener = urllib.request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener
