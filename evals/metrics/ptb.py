r"""Penn Treebank tokenisation of captions, as every published COCO score has it.

Stanford CoreNLP 3.4.1's PTBTokenizer with `-preserveLines -lowerCase`, then punctuation dropped,
like pycocoevalcap/tokenizer/ptbtokenizer.py (salaniz @ad63453). That script replaces only "\n": a
caption with another line separator shifts every later caption, a lone surrogate crashes it, and
its temporary file lies among the installed packages. Here all separators become spaces, the text
goes through pipes, and the lines that come back are counted.

The lexer looks past the end of a line: "sitting on a." keeps its full stop before "a man", and
before "A man", with which a sentence can start, it loses it. So a caption's tokens are a matter of
the pass it is tokenised in, and passes must be the official script's (`evals.metrics.caption`).
"""

import re
import subprocess
from collections.abc import Sequence

from evals.metrics.java import jar_path, java_command, java_environment, java_failed

# "-LRB-" and its like are in pycocoevalcap's list too, but never match lower-cased tokens: brackets
# stay, as "-lrb-".
_DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
_LINE_SEPARATORS = re.compile("[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def ptb_tokenize(captions: Sequence[str]) -> list[str]:
    """Return each caption as its lower-cased tokens, joined by spaces, without punctuation.

    The captions are one pass: each is read with the next one in sight. One Java process for all
    of them (about a second, then 800,000 tokens a second).

    Raises:
        ConfigError: there is no Java, or it fails.
    """
    if not captions:
        return []
    # No newline after the last one, as in the official script: the lexer may see the difference.
    text = "\n".join(map(_one_line, captions))
    process = subprocess.run(
        java_command(
            "-cp",
            str(jar_path("tokenizer/stanford-corenlp-3.4.1.jar")),
            "edu.stanford.nlp.process.PTBTokenizer",
            "-preserveLines",
            "-lowerCase",
        ),
        input=text.encode(),
        capture_output=True,  # its warnings are for us, not for the terminal
        env=java_environment(),
        check=False,
    )
    if process.returncode != 0:
        raise java_failed("the PTB tokenizer", process.stderr)
    lines = process.stdout.decode().split("\n")
    if len(lines) != len(captions):
        raise RuntimeError(f"PTB tokenizer: {len(lines)} lines for {len(captions)} captions")
    return [_drop_punctuation(line) for line in lines]


def _one_line(caption: str) -> str:
    return _SURROGATES.sub("\ufffd", _LINE_SEPARATORS.sub(" ", caption))


def _drop_punctuation(line: str) -> str:
    return " ".join(token for token in line.rstrip().split(" ") if token not in _DROPPED)
