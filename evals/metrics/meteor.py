"""METEOR 1.5 (Denkowski and Lavie 2014), by its own jar, as pycocoevalcap/meteor/meteor.py runs it.

The jar reads lines and answers each with a line: "SCORE ||| references... ||| hypothesis" gives
the match statistics of one caption, "EVAL ||| statistics..." the score of each and then of all
together. Unlike pycocoevalcap's wrapper this one always ends its process, keeps the jar's warnings
off the terminal, and takes "|||" out of references too, not only out of the hypothesis.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from evals.metrics.java import jar_path, java_command, java_environment, java_failed

AT_ONCE = 32
"""Lines; the answers to twice as many, about 150 bytes each, must fit into a pipe (16 or 64 kB)."""


@dataclass(frozen=True, slots=True)
class Meteor:
    corpus: float
    """From the summed match statistics: not the mean of `per_caption`."""
    per_caption: list[float]


def meteor(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Meteor:
    """Score tokenised captions (single lines), each against its own references.

    Raises:
        ConfigError: there is no Java, or it fails (METEOR asks for 2 GB of memory).
    """
    command = java_command(
        "-Xmx2G",  # as pycocoevalcap has it
        "-jar",
        str(jar_path("meteor/meteor-1.5.jar")),
        *("-", "-", "-stdio", "-l", "en", "-norm"),
    )
    with tempfile.TemporaryFile() as stderr:  # a pipe that nobody reads could fill and block
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=java_environment(),
            encoding="utf-8",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            return _converse(process.stdin, process.stdout, hypotheses, references)
        except (BrokenPipeError, EOFError) as error:
            stderr.seek(0)
            raise java_failed("METEOR, which asks for 2 GB of memory,", stderr.read()) from error
        finally:
            process.kill()
            process.communicate()  # waits, and closes the pipes


def _converse(
    stdin: IO[str],
    stdout: IO[str],
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
) -> Meteor:
    def send(lines: Sequence[str]) -> None:
        stdin.write("".join(f"{line}\n" for line in lines))
        stdin.flush()

    def read() -> str:
        answer = stdout.readline()
        if not answer:
            raise EOFError
        return answer.strip()

    requests = [
        " ||| ".join(["SCORE", *map(_plain, refs), _plain(hypothesis)])
        for hypothesis, refs in zip(hypotheses, references, strict=True)
    ]
    statistics: list[str] = []
    for start in range(0, len(requests) + AT_ONCE, AT_ONCE):
        send(requests[start : start + AT_ONCE])
        # The lines before these, so that neither side waits for the other.
        statistics += [read() for _ in requests[len(statistics) : start]]
    send([" ||| ".join(["EVAL", *statistics])])
    per_caption = [float(read()) for _ in statistics]
    return Meteor(corpus=float(read()), per_caption=per_caption)


def _plain(caption: str) -> str:
    return caption.replace("|||", "").replace("  ", " ")
