"""Prompts as the model card writes them, and the pictures behind their URLs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image as PilImages

from evals.errors import DataError, PromptError
from evals.types import (
    Decoding,
    GenerateRequest,
    Image,
    Text,
)
from tests.models.conftest import Pair, as_png


def test_complete_reads_the_model_cards_prompts(base: Pair, pictures: list[Image]) -> None:
    picture = pictures[0].source
    assert isinstance(picture, PilImages.Image)
    prompt = ["User:", picture, " What is this? ", "\nAssistant:"]
    [text] = base.ours.complete(prompt, max_new_tokens=6)
    segments = (Text("User:"), pictures[0], Text("What is this?\nAssistant:"))
    [generation] = base.ours.generate([GenerateRequest("", segments, Decoding(6))])
    assert text == generation.text
    cut = base.ours.complete([prompt, ["Hello"]], max_new_tokens=6, stop=(text[2:],))
    assert cut[0] == text[:2]
    assert len(cut) == 2
    assert base.ours.complete([], max_new_tokens=3) == base.ours.complete([[]], max_new_tokens=3)


@pytest.mark.parametrize("prompts", ["a text", [3], [["a"], "b", ["c"], 4], [["a", None]]])
def test_complete_says_what_a_prompt_is(base: Pair, prompts: Sequence[object]) -> None:
    with pytest.raises(PromptError, match=r"a prompt (is a list|holds)"):
        base.ours.complete(prompts, max_new_tokens=1)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "red.png").write_bytes(as_png(PilImages.new("RGB", (9, 9), "red")))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_urls_are_fetched_only_where_allowed(base: Pair, server: str, tmp_path: Path) -> None:
    prompt = ["User:", f"{server}/red.png", "What colour?"]
    with pytest.raises(PromptError, match=r"allow_urls=True"):
        base.ours.complete(prompt, max_new_tokens=3)
    model = replace(base.ours, allow_urls="private")
    by_path = model.complete(["User:", tmp_path / "red.png", "What colour?"], max_new_tokens=3)
    assert model.complete(prompt, max_new_tokens=3) == by_path
    with pytest.raises(DataError, match=r"blue\.png cannot be fetched"):
        model.complete([f"{server}/blue.png"], max_new_tokens=3)
    with pytest.raises(PromptError, match="no http"):
        model.complete([Image("file:///etc/hostname")], max_new_tokens=3)


def test_a_corrupt_picture_is_named(base: Pair, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(as_png(PilImages.new("RGB", (50, 50), "red"))[:60])
    with pytest.raises(DataError, match=r"broken\.jpg"):
        base.ours.complete([path, "What is it?"], max_new_tokens=1)
