"""README and docs/: every command is run, every block read, every name and link followed.

How a command is run stands in `RULES`. A line that no rule knows fails: a page that gains a command
gains a rule, or is covered by one. Commands that need a hub, a GPU or a checkpoint are composed
(`evals run ... --cfg job`) or parsed; the others run, in a folder that holds what pages speak of.
"""

import gc
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from html.parser import HTMLParser
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from evals.cli import COMMANDS
from evals.files import cache_dir
from evals.mini import ensure_mini
from evals.resources import tiny_checkpoint_dir
from tests.official import OFFICIAL, write_picture

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
SHELL = ("bash", "sh")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        name = str(page.relative_to(REPOSITORY))
        yield Block(name, line, found["language"], found["code"])


BLOCKS = [block for page in PAGES for block in read_blocks(page)]


def list_lines(block: Block) -> Iterator[str]:
    """Yield a block's commands, whole and without comments; of a workflow, its `run` steps."""
    code = block.code.replace("\\\n", " ")
    if block.language in SHELL:
        for line in code.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield " ".join(line.split()) if "#" not in line else _cut_comment(line)
    elif not block.language:  # what is printed, and at times how
        for line in re.findall(rf"^evals (?:{'|'.join(COMMANDS)}) .*$", code, re.MULTILINE):
            yield " ".join(line.split())
    elif block.language == "yaml":
        yield from re.findall(r"^\s*- run: (.+)$", block.code, re.MULTILINE)


def _cut_comment(line: str) -> str:
    """Return the line without the comment behind it; a `#` inside quotes or a word is none."""
    for found in re.finditer(r"(?:^|\s)#", line):
        head = line[: found.start()]
        if shlex.split(line, comments=True) == _try_split(head):
            return " ".join(head.split())
    return " ".join(line.split())


def _try_split(text: str) -> list[str] | None:
    try:
        return shlex.split(text)
    except ValueError:
        return None


LINES: dict[str, Block] = {}
for _block in BLOCKS:
    for _line in list_lines(_block):
        LINES.setdefault(_line, _block)
"""Each command once, with the first block that has it."""


@dataclass(frozen=True)
class Composed:
    """`evals run`, which composes its config and runs nothing."""


@dataclass(frozen=True)
class Parsed:
    """The command's own parser reads it, and Hydra composes its settings."""


@dataclass(frozen=True)
class Executed:
    """Run, with other words in places, or some behind."""

    add: tuple[str, ...] = ()
    replace: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[int, ...] = (0,)
    shows: str = ""
    """What stands in its output."""


@dataclass(frozen=True)
class Made:
    """A target of the Makefile: that it is there; CI runs it."""


@dataclass(frozen=True)
class Elsewhere:
    """Another test runs it."""

    file: str
    words: str
    """That stand in the file and say so."""


@dataclass(frozen=True)
class Foreign:
    """A program of somebody else's."""


TINY = str(tiny_checkpoint_dir())
MOCK = ("model=mock", "limit=2")
Handling = Composed | Parsed | Executed | Made | Elsewhere | Foreign
RULES: Sequence[tuple[str, Handling]] = (
    (r"make \w+", Made()),
    (r"(cat|tensorboard|wandb|ray) .*", Foreign()),
    # docs/adding-a-task.md and docs/adding-a-model.md
    (
        r"PYTHONPATH=\. evals run .*task=easy_vqa.*",
        Elsewhere("tests/tasks/test_adding_a_task.py", "def test_the_pages_command_runs"),
    ),
    (r"EVALS_DATA_DIR=mini PYTHONPATH=\. evals run .*model=copycat.*", Executed(("limit=3",))),
    (r"PYTHONPATH=\. evals run .*model=copycat.*", Executed(("limit=2",))),
    (r"PYTHONPATH=\. evals check .*model=copycat", Executed(codes=(1,), shows="1 failed")),
    (r"python -c .*make_mini.*", Executed(replace={"make_mini(Path('mini'))": "make_mini"})),
    (r"PYTHONPATH=\. evals run .*my_tracker.*", Composed()),
    # evals run
    (r"evals run .*--cfg job", Executed(shows="tasks:")),
    (
        r"evals run -m hydra/launcher=slurm .*",
        Elsewhere("tests/test_sweeps.py", "def test_a_job_that_slurm_tells_to_end"),
    ),
    (r"evals run -m .*", Executed(MOCK)),
    (r"evals run task=okvqa shots=\[0,4\] limit=20", Executed(replace={"limit=20": "limit=2"})),
    (r"evals run task=\[[\w,]+\] shots=\[0,4\] seed=\[0,1\]", Executed(MOCK)),
    (r"evals run .*", Composed()),
    # what reads runs
    (r"evals table results/runs/\* .*", Executed(shows="Flamingo-9B")),
    (r"evals doctor.*", Executed(codes=(0, 1), shows=" to note")),
    (r"evals ls .*--json.*", Executed(shows='"okvqa"')),
    (r"evals ls.*", Executed(shows="okvqa")),
    (r"evals completion \w+ > .*", Executed(shows="evals")),
    (r"evals plot .*", Executed()),
    (r"evals report .*", Executed()),
    (
        r"evals score results/runs/.* data_dir=DIR",
        Executed(replace={"data_dir=DIR": "data_dir=data/okvqa"}, shows='{"run_dir"'),
    ),
    (r"evals score results/runs/.*", Executed(shows='{"run_dir"')),
    (
        r"evals score .*predictions=.*",
        Executed(replace={"data_dir=DIR": "data_dir=data/okvqa"}, shows='"num_queries": 4'),
    ),
    (r"evals export .*", Executed(shows="vqav2")),
    (r"evals verify .*", Executed(shows="nothing changed")),
    (r"evals compare .*", Executed()),
    (r"evals diff .*", Executed(shows='"gap"')),
    (r"evals baseline .*", Executed(shows="2 runs")),
    (r"evals gate .*", Executed(shows='{"exit_code": 0')),
    (r"evals track .*", Parsed()),
    # what looks at models, prompts and the harness
    (r"evals list", Executed(shows="Flamingo-9B")),
    (r"evals check model=idefics .*", Executed(shows="nothing failed")),
    (r"evals prompts .*", Executed(shows="--- okvqa ")),
    (r"evals bench.*", Parsed()),
    (r"python -m evals\.bench", Parsed()),
    (
        r"python -m evals\.bench\.execution",
        Elsewhere("tests/bench/test_execution.py", '"-m", "evals.bench.execution"'),
    ),
    (
        r"python -m evals\.bench\.harness",
        Elsewhere("tests/bench/test_harness.py", '"-m", "evals.bench.harness"'),
    ),
    (
        r"python -m tests\.faults\.kills .*",
        Elsewhere("tests/faults/test_long.py", '"tests.faults.kills", "--number"'),
    ),
    (
        r"python -m tests\.faults\.soak",
        Elsewhere("tests/faults/test_long.py", '"tests.faults.soak", "--queries"'),
    ),
    (
        r"python -m tests\.fuzz .*",
        Elsewhere("tests/fuzz/test_fuzz.py", 'main(["--number", "20000"'),
    ),
    (
        r"python -m pytest -m gpu",
        Elsewhere("tests/models/idefics/test_attention.py", "pytest.mark.gpu"),
    ),
)


def find_rule(line: str) -> tuple[str, Handling]:
    for pattern, handling in RULES:
        if re.fullmatch(pattern, line):
            return pattern, handling
    pytest.fail(f"{LINES.get(line)}: {line!r} is a new command; say in RULES how it is run")


HEAVY = (
    "torch",
    "hydra",
    "pandas",
    "rich.console",
    "scipy.stats",
    "sklearn.metrics",
    "statsmodels.stats.multitest",
    "evals.runner",
    "evals.canaries",
    "evals.models.idefics.loading",
)


def serve() -> None:
    """Answer calls from stdin, each in a fork of a process that has imported what takes long.

    Not a fixture's thread or a pool: a command ends its process, and starts from a fresh one.
    """
    for name in HEAVY:
        import_module(name)
    gc.freeze()  # or each fork would copy all of it
    for line in sys.stdin:
        call = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _answer(call)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _answer(call: Mapping[str, object]) -> None:
    """Be the program that is called, and end."""
    import runpy
    import traceback

    with Path(str(call["out"])).open("wb") as out, Path(str(call["err"])).open("wb") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(str(call["cwd"]))
    variables = call["variables"]
    assert isinstance(variables, dict)
    os.environ.update(variables)
    if variables.get("PYTHONPATH"):
        sys.path.insert(0, os.path.realpath(variables["PYTHONPATH"]))
    program, *sys.argv[1:] = call["words"]  # type: ignore[misc]
    code: object = 0
    try:
        if program == "-c":
            exec(compile(sys.argv.pop(1), "<page>", "exec"), {"__name__": "__main__"})  # noqa: S102
        elif program == "-m":
            runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
        else:
            from evals.cli import main

            sys.argv[0] = program
            main()
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Server:
    """Runs what a page says, in the folder that the pages speak of."""

    folder: Path
    process: "subprocess.Popen[str]"

    def run(self, *words: str, inside: str = ".", **variables: str) -> Done:
        """Run `evals`, `-m MODULE` or `-c CODE` with words behind it."""
        out, err = self.folder / ".out", self.folder / ".err"
        call = {"words": words, "variables": variables, "cwd": str(self.folder / inside)}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({**call, "out": str(out), "err": str(err)}) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout is not None
        code = int(self.process.stdout.readline())
        return Done(code, out.read_text(errors="replace"), err.read_text(errors="replace"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A working folder with data, runs, baselines and plugins under the names that pages use."""
    where = tmp_path_factory.mktemp("pages")
    environment = {key: value for key, value in os.environ.items() if key != "EVALS_DATA_DIR"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from tests.test_docs import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=where,
        env={
            **environment,
            "PYTHONPATH": str(REPOSITORY),
            "COLUMNS": "120",
            "OMP_NUM_THREADS": "1",
        },
    )
    with process:
        made = Server(where, process)
        prepare(made)
        yield made
        assert process.stdin is not None
        process.stdin.close()


def prepare(server: Server) -> None:
    where = server.folder
    for task, write in OFFICIAL.items():
        (where / "data" / task).mkdir(parents=True)
        write(where / "data" / task)
    write_plugins(where)
    (where / "mini").symlink_to(ensure_mini(cache_dir()))
    runs = {
        "okvqa-a-0123": ("task=okvqa", "shots=4"),
        "okvqa-b-4567": ("task=okvqa", "shots=4", "protocol.priming=none", "seed=0"),
        "vqav2-89ab": ("task=vqav2", "shots=0"),
        "okvqa-c-89ab": ("task=okvqa", "shots=0"),
        "coco-cdef": ("task=hateful_memes", "shots=0"),  # the real one waits for Java
    }
    for name, words in runs.items():
        done = server.run("evals", "run", *words, "model=mock", f"run_dir=results/runs/{name}")
        assert done.code == 0, done.err
    copies = {
        "results/new/okvqa-a-0123": "okvqa-a-0123",
        "baseline/okvqa": "okvqa-a-0123",
        "candidate/okvqa": "okvqa-a-0123",
        "run": "okvqa-a-0123",
    }
    for name, run in copies.items():
        shutil.copytree(where / "results" / "runs" / run, where / name)
    for name in ("mine", "okvqa"):
        out = f"results/baselines/{name}.json"
        done = server.run("evals", "baseline", "results/runs/okvqa-a-0123", "--out", out)
        assert done.code == 0, done.err
    file = where / "data" / "okvqa" / "annotations" / "mscoco_val2014_annotations.json"
    ids = [row["question_id"] for row in json.loads(file.read_text())["annotations"]]
    results = [{"question_id": question_id, "answer": "cat"} for question_id in ids]
    (where / "results.json").write_text(json.dumps(results))
    shutil.copytree(where / "results" / "runs", where / "my_runs")
    for name in ("a.png", "b.png"):
        write_picture(where / name)
    for folder in ("scratch", "notebook"):  # where more is run
        (where / folder).mkdir()
        for name in ("data", "mini", "configs", "my_package", "copycat.py", "a.png", "b.png"):
            (where / folder / name).symlink_to(where / name)


def find_code(page: str, language: str, containing: str) -> str:
    """Return a page's only block in a language with some words in it."""
    [found] = [
        block.code
        for block in BLOCKS
        if (block.page, block.language) == (page, language) and containing in block.code
    ]
    return found


def write_plugins(where: Path) -> None:
    """Write the files of the pages about tasks and models, also as a package with configs."""
    task, model = "docs/adding-a-task.md", "docs/adding-a-model.md"
    configs = {
        "task/easy_vqa.yaml": find_code(task, "yaml", "_target_"),
        "model/copycat.yaml": find_code(model, "yaml", "_target_"),
    }
    for folder in (where / "configs", where / "my_package" / "configs"):
        for name, text in configs.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    for folder in ("my_package", "my_package/configs"):
        (where / folder / "__init__.py").touch()
    (where / "copycat.py").write_text(find_code(model, "python", "class Copycat"))


def find_places(words: Sequence[str], where: Path) -> list[str]:
    """Return words as a shell in that folder expands them, `...` being what a reader fills in."""
    expanded: list[str] = []
    for word in words:
        pattern = re.sub(r"-\.\.\.$", "-*", word)
        if "*" in pattern and "=" not in pattern:
            found = sorted(glob(pattern, root_dir=where))  # noqa: PTH207
            assert found, f"nothing is called {word} here"
            expanded += found[:1] if word.endswith("-...") else found
        elif word != "...":
            expanded.append(word)
    return expanded


@dataclass(frozen=True)
class Command:
    """A line of a page, as words."""

    variables: Mapping[str, str]
    words: tuple[str, ...]
    """Up to where its output goes to a file or another program."""


def read_command(line: str, where: Path) -> Command:
    words = list(takewhile(lambda word: word not in (">", "|", "&&"), shlex.split(line)))
    variables = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    places = {
        "/models/idefics-9b": TINY,
        "/data/okvqa": str(where / "mini" / "okvqa"),
        "/home/me": str(where),
    }
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    return Command(variables, tuple(find_places(words, where)))


@pytest.mark.parametrize("line", LINES, ids=[f"{LINES[line]} {line}" for line in LINES])
def test_a_command_does_what_its_page_says(line: str, server: Server) -> None:
    _, handling = find_rule(line)
    match handling:
        case Executed():
            check_executed(line, handling, server)
        case Composed():
            check_composed(line, server)
        case Parsed():
            check_parsed(line, server)
        case Made():
            done = subprocess.run(
                ["make", "-n", "-C", str(REPOSITORY), line.split()[1]],
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        case Elsewhere():
            check_elsewhere(handling)
        case Foreign():
            assert not line.startswith(("evals", "python", "make"))


def check_executed(line: str, handling: Executed, server: Server) -> None:
    for old, new in handling.replace.items():
        assert old in line
        line = line.replace(old, new)
    command = read_command(line, server.folder)
    program, *words = command.words
    called = words if program == "python" else [program, *words]
    inside = "scratch" if words[0] == "run" else "."
    done = server.run(*called, *handling.add, inside=inside, **command.variables)
    assert done.code in handling.codes, f"{done.out}\n{done.err}"
    assert handling.shows in done.out


def check_composed(line: str, server: Server) -> None:
    command = read_command(line, server.folder)
    program, kind, *words = command.words
    assert (program, kind) == ("evals", "run")
    if not any(word.startswith(("task=", "suite=")) for word in words):
        words.append("task=okvqa")
    done = server.run("evals", "run", *words, "--cfg", "job", PYTHONPATH=".")
    assert done.code == 0, done.err
    assert yaml.safe_load(done.out)["tasks"]


def check_parsed(line: str, server: Server) -> None:
    from evals.bench.command import parse_options
    from evals.cli.completing import find_parser
    from evals.compose import compose_config

    command = read_command(line, server.folder)
    if "bench" in command.words[1] or "evals.bench" in command.words:
        words = [word.replace("/scratch", str(server.folder)) for word in command.words]
        parse_options(words[3:] if words[0] == "python" else words[2:])
        return
    options = vars(find_parser(COMMANDS[command.words[1]]).parse_args(command.words[2:]))
    listed = [word for value in options.values() if isinstance(value, list) for word in value]
    compose_config([str(word) for word in listed if "=" in str(word)])


def check_elsewhere(handling: Elsewhere) -> None:
    assert handling.words in (REPOSITORY / handling.file).read_text()


@pytest.mark.parametrize("line", ["evals unheard of", "python -m evals.nothing", "pip install x"])
def test_a_new_command_fails_until_a_rule_knows_it(line: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="is a new command"):
        find_rule(line)


def test_every_rule_is_some_commands() -> None:
    used = {find_rule(line)[0] for line in LINES}
    assert [pattern for pattern, _ in RULES if pattern not in used] == []


@dataclass(frozen=True)
class Script:
    """All Python of a page is run, one block after the other, with other words in places."""

    replace: Mapping[str, str] = field(default_factory=dict)
    inside: str = "."
    after: str = ""
    """What is run behind the page's last block."""


PYTHON: Mapping[str, Script | Elsewhere] = {
    "README.md": Script(
        {
            "HuggingFaceM4/idefics-9b-instruct": TINY,
            "/models/idefics-9b": TINY,
            'data_dir="/data/okvqa"': 'data_dir="mini/okvqa", limit=2',
            "limit=50": "limit=2",
            "https://upload.wikimedia.org/wikipedia/commons/8/86/Id%C3%A9fix.JPG": "a.png",
            "https://static.wikia.nocookie.net/asterix/images/2/25/R22b.gif": "b.png",
        },
        inside="scratch",
    ),
    "docs/index.md": Script(
        {"/models/idefics-9b": TINY, "[0, 4, 8]": "[0, 4, 8], limit=2, data_dir='mini/okvqa'"},
        inside="scratch",
        after="assert len(results.summaries) == 3",
    ),
    "docs/python.md": Script(
        {
            "/models/idefics-9b": TINY,
            "/data/okvqa": "mini/okvqa",
            "shots=4,": "shots=4, limit=3,",
            "limit=200": "limit=3",
            "seed=[0, 1, 2]": "seed=[0, 1]",
        },
        inside="notebook",
        after="assert 'OK-VQA' in results._repr_html_()",
    ),
    "docs/plots-and-frames.md": Script(),
    "docs/adding-a-model.md": Script({"shots=4": "shots=4, limit=3"}, inside="scratch"),
    "docs/adding-a-task.md": Elsewhere("tests/tasks/test_adding_a_task.py", 'find_block("python"'),
    "docs/trackers.md": Elsewhere("tests/trackers/test_tracking.py", '"trackers.md"'),
}
"""Page -> how its Python is run; a page that gains some gains a line."""


@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if b.language == "python"}))
def test_a_pages_python_runs(page: str, server: Server) -> None:
    codes = [block.code for block in BLOCKS if (block.page, block.language) == (page, "python")]
    for code in codes:
        compile(code, page, "exec")
    assert page in PYTHON, f"{page} has Python now; say in PYTHON how it is run"
    handling = PYTHON[page]
    if isinstance(handling, Elsewhere):
        check_elsewhere(handling)
        return
    program = "\n".join([*codes, handling.after])
    for old, new in handling.replace.items():
        assert old in program
        program = program.replace(old, new)
    done = server.run("-c", program, inside=handling.inside, PYTHONPATH=".")
    assert done.code == 0, done.err


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=str)
def test_a_yaml_block_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.code)


SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PLACES = (
    "evals/",
    "tasks/",
    "tests/",
    "configs/",
    "docs/",
    "results/references",
    "results/baseline",
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_what_a_page_names_is_there(page: Path) -> None:
    """Commands, files and Python names in its sentences."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for span in SPAN.findall(prose):
        if found := re.match(r"evals ([a-z]+)\b", span):
            assert found[1] in COMMANDS, span
        elif re.fullmatch(r"evals(\.\w+)+", span) and span not in NOT_OURS:
            assert resolve(span), f"{page}: {span} is not there"
        elif span.startswith(PLACES) and re.fullmatch(r"[\w./{},*-]+", span):
            pattern = re.sub(r"\{.*?\}", "*", span)
            known = list(REPOSITORY.glob(pattern)) or span in NOT_OURS
            assert known, f"{page}: {span} is not there"


NOT_OURS = {
    "evals.series",  # a tag in MLflow
    "configs/task/easy_vqa.yaml",
    "configs/model/copycat.yaml",
    "configs/tracker/json.yaml",
    "results/baselines/mine.json",
}
"""Names that a reader gives, or another program."""


def resolve(name: str) -> bool:
    """Return whether a dotted name is a module, or a value in one."""
    *parents, last = name.split(".")
    try:
        import_module(name)
    except ImportError:
        return bool(parents) and hasattr(import_module(".".join(parents)), last)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_link_leads_to_a_file_on_github_too(page: Path) -> None:
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not target.startswith(("https://", "#")):
            assert (page.parent / target.split("#")[0]).is_file(), f"{page}: {target}"


class Sources(HTMLParser):
    """What a page loads: links that are followed by nobody but the browser."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.found += [
                value or "" for name, value in attrs if name in ("src", "href", "srcset")
            ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a broken link or a page outside the menu is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(site: Path) -> None:
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    docs = REPOSITORY / "docs"
    pages = {path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md")}
    assert built == pages | {"404"}
    for path in site.rglob("*.html"):
        sources = Sources()
        sources.feed(path.read_text(encoding="utf-8"))
        assert sources.found
        assert [each for each in sources.found if re.match(r"(\w+:)?//", each)] == [], path
    for path in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", text), path


def test_the_site_describes_the_public_modules(site: Path) -> None:
    expected = {
        "evals": ("evaluate", "load_model", "Evaluation"),
        "types": ("Task", "ModelSpec", "Metric"),
        "errors": ("EvalError", "ConfigError"),
        "results": ("load", "load_records"),
        "metrics": ("OFFICIAL", "CAPTIONS"),
        "stats": ("mcnemar", "roc_auc_difference"),
        "table": ("build_table", "format_latex"),
        "prompts": ("build_prompt",),
        "protocols": ("Protocol",),
    }
    for name, words in expected.items():
        text = (site / "reference" / f"{name}.html").read_text(encoding="utf-8")
        for word in words:
            assert re.search(rf'<h\d id="[\w.]*\b{word}"', text), f"{name}: {word}"
