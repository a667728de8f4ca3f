"""The Hugging Face hub: whether it can be reached, and as whom. Tokens are never shown."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from evals.doctor.findings import Finding, Verdict
from evals.doctor.machine import check_disk

SECONDS = 3.0
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
WITHOUT = "not needed for files on disk: model.checkpoint=FOLDER, data_dir=FOLDER"


def check_hub() -> Iterator[Finding]:
    from huggingface_hub import constants, get_token

    yield check_access(constants.ENDPOINT)
    if get_token():
        yield Finding("hub token", "there (not shown)")
    else:
        way_out = "hf auth login, or HF_TOKEN, for repositories that are not public"
        yield Finding("hub token", "none", Verdict.NOTE, way_out)
    cache = Path(constants.HF_HUB_CACHE)  # may be shared, and only read
    yield check_disk("disk: hub", cache, Verdict.NOTE, way_out="free some, or set HF_HOME")


def check_access(endpoint: str, *, seconds: float = SECONDS) -> Finding:
    """Ask for the head of one page, unless the environment forbids it."""
    if forbidden := [f"{name}={os.environ[name]}" for name in OFFLINE if _is_set(name)]:
        found = f"offline, as {', '.join(forbidden)} says"
        return Finding("hub", found, Verdict.NOTE, f"unset it to download; {WITHOUT}")
    answer = _ask(endpoint, seconds)
    if answer is None:
        return Finding("hub", f"{endpoint} can be reached")
    return Finding("hub", f"{endpoint} cannot be reached: {answer}", Verdict.NOTE, WITHOUT)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").upper() in ("1", "TRUE", "YES", "ON")


def _ask(endpoint: str, seconds: float) -> str | None:
    """Return what is wrong.

    In a thread that nobody waits for longer: a name server that does not answer knows no timeout.
    """
    said: list[str | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(endpoint, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds):
                said.append(None)
        except urllib.error.HTTPError as error:
            error.close()
            said.append(None)  # whatever the answer, there is one
        except (OSError, ValueError, HTTPException) as error:
            said.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else f"no answer within {seconds:.0f} s"
