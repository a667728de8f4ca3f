"""Pictures behind URLs: fetched only where allowed, and never from the user's own network.

A prompt may come from anybody, and a server that fetches what it is told to can be sent to its own
neighbours (server-side request forgery). So a host's address is looked at after its name was
resolved, that very address is connected to, redirects go through the same door, and size, time and
kind of an answer are bounded.
"""

import http.client
import ipaddress
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evals.errors import DataError, PromptError
from evals.types import Image, Prompt

PRIVATE = "private"
"""`allow_urls=private`: also addresses of this machine and of private networks."""
KINDS = ("image/", "application/octet-stream", "binary/octet-stream")
"""Object stores often do not know what they hold; the picture is looked at when it is decoded."""
USER_AGENT = "idefics-evals (https://pypi.org/project/idefics-evals)"
"""Some servers refuse a request without one."""
_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may take."""

    seconds: float = 30
    """For all of it, not for each packet."""
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


@lru_cache(maxsize=256)
def _fetch(url: str, limits: Limits, *, allow_private: bool) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise PromptError(f"{url} is no http:// or https:// URL; give a file as a Path")
    deadline = time.monotonic() + limits.seconds
    request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})
    try:
        with _make_opener(allow_private=allow_private).open(
            request, timeout=limits.seconds
        ) as response:
            return _read(url, response, limits, deadline)
    except _PrivateAddressError as error:
        raise PromptError(f"{url}: {error}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error.__cause__ or getattr(error, "reason", None), _PrivateAddressError):
            raise PromptError(f"{url}: {getattr(error, 'reason', error)}") from error
        raise DataError(f"{url} cannot be fetched: {error}") from error


def _read(url: str, response: Any, limits: Limits, deadline: float) -> bytes:
    kind = response.headers.get_content_type()
    if not kind.startswith(KINDS):
        raise DataError(f"{url} is no picture but {kind}")
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > limits.num_bytes:
            raise DataError(f"{url} is larger than {limits.num_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise DataError(f"{url} took longer than {limits.seconds:g} s")
    return bytes(content)


class _PrivateAddressError(OSError):
    """A host lies in a network that strangers are not sent to."""


def _connect_public(
    address: tuple[str, int], timeout: float | None = None, *source: Any
) -> socket.socket:
    """Connect to the first public address of a host.

    What was looked at is connected to: a name that resolves to another address a moment later
    gains nothing.
    """
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    public = [each for each in found if _is_public(str(each[4][0]))]
    if not public:
        raise _PrivateAddressError(
            f"{host} is this machine or in a private network; allow_urls=private allows that"
        )
    family, kind, protocol, _, resolved = public[0]
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(timeout)
        connection.connect(resolved)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])  # fe80::1%eth0
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_global)


class _PublicHTTP(http.client.HTTPConnection):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._create_connection = _connect_public  # as http.client has it for this


class _PublicHTTPS(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._create_connection = _connect_public


class _PublicHTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PublicHTTP, req)


class _PublicHTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PublicHTTPS, req)


def _make_opener(*, allow_private: bool) -> urllib.request.OpenerDirector:
    """Return what opens http and https alone: no file, no ftp, no data URL.

    A proxy would resolve names itself, so the environment's proxies serve only where private
    addresses are allowed.
    """
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ]
    if allow_private:
        handlers += [urllib.request.ProxyHandler()]
        handlers += [urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()]
    else:
        handlers += [_PublicHTTPHandler(), _PublicHTTPSHandler()]
    opener = urllib.request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener
