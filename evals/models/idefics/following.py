"""A process that has a share of a model, and does with it what another tells it.

    python -m evals.models.idefics.following    # started by leading.py, which writes to its stdin

The one that leads reads requests, chooses tokens and decides what is read when; so those that
follow need no tokenizer, no picture and no choice that could turn out differently. They have
their own heads' keys and values, and go through the same passes in the same order.
It ends with its stdin, so none outlives the one that leads.
"""

import os
import pickle
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor

from evals.memory import is_out_of_memory
from evals.models.idefics.batch import Batch, Memory
from evals.models.idefics.cache import CacheMemory
from evals.models.idefics.config import read_config
from evals.models.idefics.group import find_store, join_group, take_device
from evals.models.idefics.limits import choose_limits
from evals.models.idefics.messages import (
    Expected,
    Failed,
    Job,
    Loaded,
    Message,
    Opened,
    Reply,
    Started,
    read_message,
)
from evals.models.idefics.model import Idefics
from evals.models.idefics.prefix import Prefix, PrefixKey, read_states, recall_prefix
from evals.models.idefics.projections import Projections
from evals.models.idefics.weights import load_weights
from evals.types import Image

LOOK_SECONDS = 1.0
"""Between two looks at whether the one that leads is still there."""


class _UnreadableError(Exception):
    """The one that leads could not read a picture: what is under way is given up, by all."""


class Follower:
    def __init__(
        self,
        network: Idefics,
        *,
        image_bytes: int,
        hear: Callable[[], Message],
        reply: Callable[[Reply], None],
    ) -> None:
        """Prepare.

        Args:
            network: the share.
            image_bytes: what the one that leads keeps of pictures' keys and values, for both must
                forget the same pictures at the same time.
            hear: returns the next message.
            reply: to the one that leads.
        """
        self._network = network
        self._memory = Memory(
            network,
            Projections(network, self._encode, max_bytes=image_bytes),
            prompts=CacheMemory(network.cache_shape),
            branches=CacheMemory(network.cache_shape),
        )
        self._hear = hear
        self._reply = reply
        self._prefixes: OrderedDict[PrefixKey, Prefix] = OrderedDict()
        self._prefix: Prefix | None = None
        self._batch: Batch | None = None

    @torch.inference_mode()
    def follow(self) -> None:
        """Do what is told until there is no more.

        Raises:
            EOFError: that is how it ends.
        """
        while True:
            message = self._hear()
            with suppress(_UnreadableError):
                self._do(message)

    def _do(self, message: Message) -> None:
        match message:
            case Message("open", args):
                self._reply(Opened(self._open(*args)))
            case Message("read" | "append" | "score" | "release" as name, args):
                getattr(self._batch, name)(*args)
            case Message("prefix", (key, prompt)):
                self._prefix = recall_prefix(
                    self._prefixes, self._network, self._memory.projections, key, prompt
                )
            case Message("pool", (pixels,)):
                self._network.pool_images(pixels)
            case Message("states", (prompt,)):
                read_states(self._network, self._memory.projections, prompt)
            case _:
                raise ValueError(f"nobody knows how to {message.name}")

    def _open(
        self, num_slots: int, num_tokens: int, num_new: int, num_branches: int, shares: bool
    ) -> bool:
        self._batch = None
        try:
            self._batch = Batch(
                self._memory,
                num_slots=num_slots,
                num_tokens=num_tokens,
                num_new_tokens=num_new,
                num_branches=num_branches,
                prefix=self._prefix if shares else None,
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return self._batch is not None

    def _encode(self, images: Sequence[Image]) -> Sequence[Tensor]:
        """Return latents as the one that leads found them: encoded together, or remembered."""
        while True:
            match self._hear():
                case Message("encode", (pixels,)):
                    self._network.encode_images(pixels)
                case Message("latents", (latents,)):
                    rows: Sequence[Tensor] = latents.unbind(0)
                    return rows
                case Message("unreadable", _):
                    raise _UnreadableError
                case message:
                    raise ValueError(f"{len(images)} pictures are waited for, not {message.name}")


def _end_with(leader: int) -> None:
    """End this process when the one that leads is gone: it may be waiting for a GPU by then."""
    while os.getppid() == leader:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def main() -> None:
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no reply
    messages = sys.stdin.buffer

    def reply(value: Reply) -> None:
        pickle.dump(value, replies)
        replies.flush()

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        job: Job = pickle.load(messages)
        torch.set_num_threads(job.num_threads)
        torch.set_float32_matmul_precision(job.precision)
        store, device = find_store(job.port, job.count), take_device(job.kind, job.rank)
        reply(Started())
        group = join_group(store, device, rank=job.rank, count=job.count)
        network = load_weights(
            job.folder,
            read_config(job.folder),
            device=group.device,
            dtype=job.dtype,
            mesh=group.mesh,
            quantised=job.quantised,
        )
        limits = choose_limits(network.cache_shape, device=network.device, rows=None, careful=True)
        reply(Loaded(limits.budget.cache_tokens, limits.image_bytes))

        def receive(expected: Expected) -> Tensor:
            return group.receive(expected.shape, expected.dtype)

        follower = Follower(
            network,
            image_bytes=pickle.load(messages),
            hear=lambda: read_message(messages, receive),
            reply=reply,
        )
        follower.follow()
    except EOFError:
        os._exit(0)  # an orderly exit would wait for sums that nobody takes part in any more
    except Exception:  # whatever it is: the one that leads is told, and raises it
        with suppress(OSError):
            reply(Failed(traceback.format_exc()))
        os._exit(1)


if __name__ == "__main__":
    main()
