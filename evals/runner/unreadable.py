"""Which pictures cannot be read or decoded: all of them at once, in processes."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from evals.errors import PictureError, list_problems
from evals.models.idefics.decoding import Decoder
from evals.runner.session import Session
from evals.types import Image

SIZE = 8
"""Pixels of a side that decoded pictures are resized to: nobody looks at them."""
WINDOW = 256
"""Pictures that are given to the decoding processes together."""


def find_unreadable(pictures: Mapping[str, Image], session: Session) -> dict[str, str]:
    """Return what is wrong with those pictures that cannot be read or decoded, by their keys."""
    found: dict[str, str] = {}
    sound: set[str] = set()
    """The sha256 of pictures that can be decoded: many queries may share one."""
    decoder = Decoder(SIZE)
    pairs = session.progress.track(pictures.items(), "pictures", total=len(pictures))
    try:
        while window := list(islice(pairs, WINDOW)):
            digests = dict(_identify(window, found))
            decoder.prefetch(pictures[key] for key, sha in digests.items() if sha not in sound)
            for key, sha in digests.items():
                if sha in sound:
                    continue
                # Of equal bytes that are no picture (empty files, say) each is named.
                if reason := _judge(pictures[key], decoder):
                    found[key] = reason
                else:
                    sound.add(sha)
    finally:
        decoder.close()
    return {key: found[key] for key in pictures if key in found}


def _identify(
    window: Iterable[tuple[str, Image]], found: dict[str, str]
) -> Iterator[tuple[str, str]]:
    for key, image in window:
        try:
            yield key, image.sha256
        except PictureError as error:
            found[key] = str(error)


def _judge(image: Image, decoder: Decoder) -> str:
    try:
        decoder.read(image)
    except PictureError as error:
        return str(error)
    return ""


def list_among(pictures: Iterable[Image], session: Session, error: PictureError) -> PictureError:
    """Return an error that names all unreadable ones of some pictures, one of which is."""
    named = {str(picture): picture for picture in pictures}
    unreadable = find_unreadable(named, session)
    if not unreadable:
        return error
    return PictureError(
        f"{len(unreadable):,} pictures cannot be read; replace them:\n"
        f"{list_problems(unreadable.values())}"
    )


def tell(queries: Mapping[str, str], demonstrations: Mapping[str, str]) -> str:
    """Return the message that lists what cannot be read, with the ways out."""
    lines = [f"query {key}: {reason}" for key, reason in queries.items()]
    lines += [f"demonstration {key}: {reason}" for key, reason in demonstrations.items()]
    ways = [
        *(["have such queries scored as wrong (on_error=record)"] if queries else []),
        *(["show other demonstrations (seed=, support_split=)"] if demonstrations else []),
    ]
    return (
        f"pictures cannot be read, {len(queries):,} of queries and {len(demonstrations):,} of "
        f"demonstrations; replace them, or {', or '.join(ways)}:\n{list_problems(lines)}"
    )
