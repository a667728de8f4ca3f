"""What waits for a worker: in which order it goes out, in which portions, and what comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from evals.execution.chunks import MIN_CHUNK, Chunk, Waiting, estimate_length
from evals.types import Image, Text


@dataclass(frozen=True)
class Item:
    id: str
    length: int


def make(lengths: list[int]) -> list[Item]:
    return [Item(str(number), length) for number, length in enumerate(lengths)]


def wait(items: list[Item], *, chunk_size: int) -> Waiting[Item]:
    return Waiting(items, lambda item: item.length, chunk_size=chunk_size)


def take_all(waiting: Waiting[Item], *, num_workers: int) -> Iterator[Chunk[Item]]:
    while chunk := waiting.take(num_workers):
        yield chunk
        while waiting.read_ahead(64 * (1 + num_workers), at_most=32):
            pass


def test_the_longest_come_first_and_those_of_like_length_keep_their_order() -> None:
    waiting = wait(make([10, 100, 11, 101, 10, 99]), chunk_size=6)
    waiting.read_ahead(6, at_most=6)
    chunk = waiting.take(1)
    assert chunk is not None
    assert list(chunk.unanswered) == ["1", "3", "5", "0", "2", "4"]


def test_chunks_become_smaller_when_the_end_is_in_sight() -> None:
    sizes = [
        len(chunk.unanswered)
        for chunk in take_all(wait(make([5] * 2000), chunk_size=256), num_workers=2)
    ]
    largest = sizes.index(max(sizes))
    assert MIN_CHUNK < sizes[largest] <= 256
    assert sorted(sizes[largest:], reverse=True) == sizes[largest:]
    assert sizes[-2] == MIN_CHUNK
    assert sum(sizes) == 2000


def test_a_few_are_shared_by_all_workers() -> None:
    chunks = list(take_all(wait(make([5] * 128), chunk_size=512), num_workers=2))
    assert [len(chunk.unanswered) for chunk in chunks] == [32, 32, 32, 32]


def test_one_worker_alone_gets_whole_chunks() -> None:
    chunks = list(take_all(wait(make([5] * 200), chunk_size=150), num_workers=1))
    assert [len(chunk.unanswered) for chunk in chunks] == [150, 50]


def test_no_more_is_read_than_is_asked_for() -> None:
    numbers = count()
    waiting = Waiting(
        (Item(str(number), 1) for number in numbers), lambda item: item.length, chunk_size=10
    )
    assert waiting.read_ahead(25, at_most=100)
    assert len(waiting) == 25
    assert not waiting.read_ahead(25, at_most=100)
    assert waiting.take(2)
    assert next(numbers) == 25
    assert not waiting.is_over


def test_what_a_dead_worker_left_is_the_next_to_go() -> None:
    waiting = wait(make([5] * 100), chunk_size=20)
    chunk = waiting.take(1)
    assert chunk is not None
    for item_id in [*chunk.unanswered][:15]:
        del chunk.unanswered[item_id]
    left = set(chunk.unanswered)
    chunk.num_deaths = 2
    waiting.put_back(chunk)
    again = waiting.take(1)
    assert again is not None
    assert (set(again.unanswered), again.num_deaths) == (left, 2)


def test_nothing_comes_back_of_a_chunk_that_is_answered() -> None:
    waiting = wait(make([5]), chunk_size=20)
    chunk = waiting.take(1)
    assert chunk is not None
    chunk.unanswered.clear()
    waiting.put_back(chunk)
    assert waiting.is_over
    assert waiting.take(1) is None


def test_at_the_end_what_came_back_is_shared() -> None:
    waiting = wait(make([5] * 128), chunk_size=128)
    waiting.read_ahead(128, at_most=128)
    chunk = Chunk({item.id: item for item in make([5] * 128)}, num_deaths=1)
    list(take_all(waiting, num_workers=2))
    waiting.put_back(chunk)
    parts = list(take_all(waiting, num_workers=2))
    assert len(parts) > 2
    assert {part.num_deaths for part in parts} == {1}
    assert sorted(item_id for part in parts for item_id in part.unanswered) == sorted(
        chunk.unanswered
    )


@given(
    st.lists(st.integers(0, 300), max_size=80),
    st.integers(1, 30),
    st.integers(1, 5),
    st.data(),
)
def test_each_goes_out_once_whatever_comes_back(
    lengths: list[int], chunk_size: int, num_workers: int, data: st.DataObject
) -> None:
    waiting = wait(make(lengths), chunk_size=chunk_size)
    answered: list[str] = []
    while not waiting.is_over:
        waiting.read_ahead(50, at_most=data.draw(st.integers(0, 20)))
        if (chunk := waiting.take(num_workers)) is None:
            continue
        assert 0 < len(chunk.unanswered) <= chunk_size
        for item_id in [*chunk.unanswered][: data.draw(st.integers(0, chunk_size), label="done")]:
            del chunk.unanswered[item_id]
            answered.append(item_id)
        waiting.put_back(chunk)
        if len(answered) > len(lengths):
            break
        if data.draw(st.booleans(), label="rest") and (rest := waiting.take(num_workers)):
            answered += rest.unanswered
    assert sorted(answered) == sorted(str(number) for number in range(len(lengths)))


def test_a_picture_counts_as_the_tokens_that_stand_for_it() -> None:
    assert estimate_length((Image(b"x"), Text("abcde"), Image(b"y"))) == 8
