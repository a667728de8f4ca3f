"""Pictures behind URLs: fetched only where allowed, and never from the user's own network.

A prompt may come from anybody, and a server that fetches what it is told to can be sent to its own
neighbours (server-side request forgery). So connections lead to public addresses (`door.py`),
redirects through the same door, and size, time and kind of an answer are bounded.
"""

import http.client
import string
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evals.errors import DataError, PromptError
from evals.models.door import Door, PrivateAddressError, make_opener, open_door
from evals.types import Image, Prompt

PRIVATE = "private"
"""`allow_urls=private`: also addresses of this machine and of private networks."""
KINDS = ("image/", "application/octet-stream", "binary/octet-stream")
"""Object stores often do not know what they hold; the picture is looked at when it is decoded."""
USER_AGENT = "idefics-evals (https://pypi.org/project/idefics-evals)"
"""Some servers refuse a request without one."""
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
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
            open_door(limits.seconds, allow_private=allow_private) as door,
            _open(url, door) as response,
        ):
            return _read(url, response, limits)
    except (OSError, ValueError, OverflowError, http.client.HTTPException) as error:
        if isinstance(private := getattr(error, "reason", None), PrivateAddressError):
            raise PromptError(f"{url}: {private}") from error
        raise DataError(f"{url} cannot be fetched: {error}") from error


def _open(url: str, door: Door) -> Any:
    """Return the response that redirects lead to.

    They are followed here: urllib's own handler reads the whole body of each, however long it is.
    """
    opener = make_opener(door)
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
