"""Pictures behind URLs: fetched only where the user said `allow_urls=True`."""

import urllib.error
import urllib.request
from functools import lru_cache

from evals.errors import DataError, PromptError
from evals.types import Image, Prompt

TIMEOUT_SECONDS = 30
USER_AGENT = "idefics-evals (https://pypi.org/project/idefics-evals)"
"""Some servers refuse a request without one."""


def fetch_urls(prompt: Prompt, *, allow_urls: bool) -> Prompt:
    """Return the prompt with the bytes of its URLs' pictures in their place.

    Raises:
        PromptError: there are URLs and they are not allowed, or they are not http(s).
        DataError: a URL cannot be fetched.
    """
    urls = [str(part) for part in prompt if isinstance(part, Image) and part.is_url]
    if urls and not allow_urls:
        raise PromptError(
            f"URLs are not fetched: {', '.join(urls)}; load the model with allow_urls=True, or "
            "give paths, bytes or PIL images"
        )
    return tuple(
        Image(_fetch(part.source), name=part.name or part.source)
        if isinstance(part, Image) and isinstance(part.source, str)
        else part
        for part in prompt
    )


@lru_cache(maxsize=256)
def _fetch(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise PromptError(f"{url} is no http:// or https:// URL; give a file as a Path")
    request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
            return content
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise DataError(f"{url} cannot be fetched: {error}") from error
