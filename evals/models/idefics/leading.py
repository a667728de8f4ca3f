"""Tensor parallel from the side of the process that reads requests.

It starts the others, one a device, and tells them each pass before it goes through it itself
(`following.py`). The alternative, all processes running the same program on the same requests as
`torchrun` starts it, was not chosen: what they decide would have to be the same in each (the next
token, what is read when, what a folder of latents holds, what fits in memory), each would decode
every picture, and all but one would have to be kept from writing. Here one decides, and a run
is started as any other.

What cannot be agreed on fails in all: memory that runs out while a batch is opened is told to the
others, and a smaller one is tried; within a pass it ends the group, with the way out.
"""

import pickle
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from evals.errors import ConfigError, EvalError, OutOfMemoryError
from evals.memory import is_out_of_memory, tells_of_memory
from evals.models.division import Quantised
from evals.models.idefics.group import join_group, open_store, take_device
from evals.models.idefics.limits import Limits
from evals.models.idefics.messages import (
    Failed,
    Job,
    Loaded,
    Message,
    Opened,
    Started,
    encode_message,
)
from evals.models.idefics.projections import Encode
from evals.models.idefics.starting import Process, ask_why, end_processes, start_process
from evals.models.idefics.telling import Tell
from evals.types import Image

_Reply = TypeVar("_Reply", Started, Loaded, Opened)
POLL_SECONDS = 2e-4
"""Between two looks at whether a GPU is done, and whether all processes live."""
_ENDED = "a process of model.parallel=tensor has ended"


class Leader:
    """The processes that follow. Once one of them fails, none can be used any more."""

    def __init__(
        self,
        folder: Path,
        *,
        kind: str,
        count: int,
        dtype: torch.dtype,
        quantised: Quantised | None,
    ) -> None:
        """Start the others, which load their shares meanwhile, and meet them.

        Args:
            folder: the checkpoint's.
            kind: of devices: "cuda" or "cpu".
            count: how many processes, this one included.
            dtype: of the weights.
            quantised: what the layers' matrices become.

        Raises:
            ConfigError: this process is one of a group already.
        """
        if dist.is_initialized():
            raise ConfigError(
                "model.parallel=tensor starts processes of its own, and this one is one of a "
                "group already: of torchrun's, or of another model's, which must be closed first"
            )
        self._way_out = (
            "the model is too large for them: choose more of them, model.dtype=bfloat16 or "
            "model.quantise"
        )
        store = open_store(count)
        job = Job(
            folder.absolute(),
            dtype,
            quantised,
            kind,
            0,
            count,
            store.port,
            max(1, torch.get_num_threads() // count),
            torch.get_float32_matmul_precision(),
        )
        self._processes = [start_process() for _ in range(1, count)]
        self._end = weakref.finalize(self, end_processes, self._processes)
        for rank, process in enumerate(self._processes, start=1):
            self._write(process, pickle.dumps(replace(job, rank=rank)))
        for process in self._processes:
            self._read(process, Started)
        self.device = torch.device("cpu")
        with self._end_together():
            self.device = take_device(kind, 0)
            self._group = join_group(store, self.device, rank=0, count=count)
        self.mesh = self._group.mesh

    def agree(self, limits: Limits) -> Limits:
        """Wait until all have loaded; return the limits that suit the fullest of them."""
        rooms = [self._read(process, Loaded) for process in self._processes]
        tokens = min(limits.budget.cache_tokens, *(room.cache_tokens for room in rooms))
        agreed = replace(
            limits,
            budget=replace(limits.budget, cache_tokens=tokens),
            image_bytes=min(limits.image_bytes, *(room.image_bytes for room in rooms)),
        )
        for process in self._processes:
            self._write(process, pickle.dumps(agreed.image_bytes))
        self._way_out = (
            "a pass cannot be repeated then; what was answered is kept: set model.batch_size=1, "
            "and run again"
        )
        return agreed

    @contextmanager
    def load(self) -> Iterator[None]:
        """Load inside; what fails there ends the others, too."""
        try:
            with self._end_together():
                yield
        except EvalError:
            self.close()
            raise

    @contextmanager
    def tell(self, name: str, *args: object) -> Iterator[None]:
        """Tell the others, and do the same inside."""
        with self._end_together(waits=name != "release"):  # which computes nothing
            self._send(Message(name, args))
            with self._open_together() if name == "open" else nullcontext():
                yield

    def close(self) -> None:
        """End the other processes; the model cannot be used any more."""
        self._end()

    @contextmanager
    def _end_together(self, *, waits: bool = True) -> Iterator[None]:
        """End the group where one fails: the others wait for it in the middle of a sum.

        Args:
            waits: for a GPU, which is told what to do long before it does it.
        """
        try:
            yield
            if waits:
                self.wait_for_device()
        except (EvalError, GroupError, NoRoomError):  # the others know of it, or have ended
            raise
        except Exception as error:  # whatever it is: the others would wait for ever
            raise self._give_up(error) from error
        except BaseException:
            self.close()
            raise

    def wait_for_device(self) -> None:
        """Wait for what a GPU was told to do, and see meanwhile that all processes live.

        A sum that one of them does not take part in never ends, and NCCL does not notice.

        Raises:
            RuntimeError: one has ended.
        """
        if self.device.type != "cuda":
            return
        done = torch.cuda.current_stream(self.device).record_event()
        while not done.query():
            if any(process.poll() is not None for process in self._processes):
                raise RuntimeError("another process has ended within a pass")
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _open_together(self) -> Iterator[None]:
        """Make room in all processes, or in none."""
        failure: Exception | None = None
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failure = error
        fit = [self._read(process, Opened).fits for process in self._processes]
        if failure is not None or not all(fit):
            raise NoRoomError("a process has no memory for the batch") from failure

    def _send(self, message: Message) -> None:
        data, tensors = encode_message(message)
        for process in self._processes:
            self._write(process, data)
        for tensor in tensors:
            self._group.send(tensor)

    def _write(self, process: Process, data: bytes) -> None:
        if not self._end.alive:
            raise ConfigError(f"{_ENDED}; load the model again")
        assert process.stdin is not None
        try:
            process.stdin.write(data)
            process.stdin.flush()
        except OSError as error:
            raise self._give_up(error) from error

    def _read(self, process: Process, kind: type[_Reply]) -> _Reply:
        assert process.stdout is not None
        try:
            reply = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._give_up(error) from error
        if isinstance(reply, Failed):
            raise self._give_up(RuntimeError(reply.reason))
        assert isinstance(reply, kind)
        return reply

    def _give_up(self, error: Exception) -> Exception:
        """End the group; return what to raise."""
        if not self._end.alive:
            return error
        reasons = ask_why(self._processes)
        self._end()
        told = "\n".join([f"this one: {error}", *reasons])
        if is_out_of_memory(error) or tells_of_memory(told):
            return OutOfMemoryError(
                f"memory of one of the devices ran out, and {self._way_out}\n{told}"
            )
        return GroupError(f"{_ENDED}\n{told}")


class GroupError(RuntimeError):
    """A process of the group has failed, and the others with it."""


class NoRoomError(torch.OutOfMemoryError):
    """A process cannot open a batch, so that none does."""


def share_latents(find: Encode, tell: Tell) -> Encode:
    """Return what finds latents and gives them to all processes."""

    def find_and_share(images: Sequence[Image]) -> Sequence[Tensor]:
        try:
            latents = torch.stack(list(find(images)))
        except EvalError:
            with tell("unreadable"):
                raise
        with tell("latents", latents):
            return latents.unbind(0)

    return find_and_share


def tell_pixels(encode: Callable[[Tensor], Tensor], tell: Tell) -> Callable[[Tensor], Tensor]:
    """Return what turns pixels into latents, together with all processes."""

    def tell_and_encode(pixels: Tensor) -> Tensor:
        with tell("encode", pixels):
            return encode(pixels)

    return tell_and_encode
