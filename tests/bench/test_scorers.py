"""Our scorers beside others: both sides are really run, agree, and a wrong score is noticed."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pycocoevalcap.cider.cider_scorer import CiderScorer

from evals.bench.answers import VqaFiles, write_captions, write_shifted_captions, write_vqa
from evals.bench.official_vqa import EVALUATOR, READER
from evals.bench.scorer_sides import Scored, run_official, score_vqa
from evals.bench.scorer_table import Row
from evals.bench.scorers import bench_scorers, take_turns
from evals.errors import ConfigError, EvalError
from evals.metrics.cider import cider_per_image

QUESTIONS = 300

# A stand-in for the official files, which have another licence: the same names, in Python 2, with
# a space among the tabs.
FAKE_READER = """
import json

class VQA:
\tdef __init__(self, annotation_file, question_file):
\t\tprint 'loading %s' % annotation_file
 \t\tself.questions = json.load(open(question_file))
\t\tself.rows = json.load(open(annotation_file))['annotations']

\tdef loadRes(self, results, question_file):
\t\tassert self.questions['task_type'] == 'Open-Ended'
\t\treturn {row['question_id']: row['answer'] for row in json.load(open(results))}
"""
FAKE_EVALUATOR = """
from evals.metrics.vqa import official_accuracy

class VQAEval:
\tdef __init__(self, vqa, vqaRes, n):
\t\tself.rows, self.answers, self.n = vqa.rows, vqaRes, n

\tdef mean(self, key, value):
\t\trows = [row for row in self.rows if row[key] == value]
\t\tscores = [
\t\t\tofficial_accuracy(self.answers[row['question_id']], [a['answer'] for a in row['answers']])
\t\t\tfor row in rows
\t\t]
\t\treturn round(100 * sum(scores) / len(scores) + SHIFT, self.n)

\tdef evaluate(self):
\t\tprint 'evaluating'
\t\tfor row in self.rows:
\t\t\trow['all'] = 'all'
\t\tkinds, types = ({row[key] for row in self.rows} for key in ('answer_type', 'question_type'))
\t\tself.accuracy = {
\t\t\t'overall': self.mean('all', 'all'),
\t\t\t'perAnswerType': {kind: self.mean('answer_type', kind) for kind in kinds},
\t\t\t'perQuestionType': {kind: self.mean('question_type', kind) for kind in types},
\t\t}
"""


def write_clone(folder: Path, *, shift: float = 0) -> Path:
    for name, text in ((READER, FAKE_READER), (EVALUATOR, f"SHIFT = {shift}{FAKE_EVALUATOR}")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def vqa(tmp_path_factory: pytest.TempPathFactory) -> VqaFiles:
    return write_vqa(tmp_path_factory.mktemp("scorers") / "vqav2", QUESTIONS)


def test_made_answers_need_to_be_normalised(vqa: VqaFiles) -> None:
    rows = json.loads(vqa.annotations.read_bytes())["annotations"]
    said = [[given["answer"] for given in row["answers"]] for row in rows]
    assert 0.25 < sum(len(set(answers)) == 1 for answers in said) / QUESTIONS < 0.45
    assert {"no.", "isnt dog!"} & {answer for answers in said for answer in answers}
    scored = score_vqa(vqa)
    assert 30 < scored.scores["official"] < 70
    assert scored.seconds > 0


def test_both_sides_agree_on_every_group(vqa: VqaFiles, tmp_path: Path) -> None:
    theirs, process = run_official(write_clone(tmp_path), vqa)
    row = Row("VQA", QUESTIONS, (score_vqa(vqa),), (theirs,))
    assert {"official", "answer_type=other", "question_type=what"} <= {*theirs.scores}
    assert row.is_compared
    assert row.list_differences() == []
    assert process.seconds > theirs.seconds


def test_a_wrong_score_in_the_fourth_digit_is_noticed(vqa: VqaFiles, tmp_path: Path) -> None:
    theirs, _ = run_official(write_clone(tmp_path, shift=-1e-4), vqa)
    row = Row("VQA", QUESTIONS, (score_vqa(vqa),), (theirs,))
    assert len(row.list_differences()) == len(theirs.scores)
    assert "VQA: official is " in "\n".join(row.list_complaints())


def test_a_slower_side_and_a_missing_score_are_told() -> None:
    row = Row("x", 1, (Scored(3, {"a": 1, "b": 2}),), (Scored(2, {"a": 1}),))
    assert row.list_complaints() == [
        "x: b is 2 here, None there",
        "x: slower, 3.00 s here, 2.00 s there",
    ]
    assert Row("x", 1, (Scored(1, {"a": 1}),), (Scored(2, {}),)).list_complaints() == []


def test_the_medians_of_rounds_are_compared() -> None:
    ours, theirs = (tuple(Scored(s, {}) for s in seconds) for seconds in ((9, 1, 2), (3, 3, 1)))
    assert Row("x", 1, ours, theirs).seconds == (2, 3)


def test_the_sides_take_turns() -> None:
    calls: list[str] = []

    def answer(side: str) -> tuple[Scored, ...]:
        calls.append(side)
        return (Scored(len(calls), {}), Scored(0, {}))

    sides = (lambda: answer("ours"), lambda: answer("theirs"))
    row, _ = take_turns("x", ("one", "two"), 1, 3, sides=sides)
    assert calls == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [scored.seconds for scored in row.ours] == [1, 4, 5]
    assert [scored.seconds for scored in row.theirs] == [2, 3, 6]


def test_the_bench_of_vqa_runs_the_command_and_says_that_few_questions_take_it_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--questions", "20", "--rounds", "1", "--only", "vqa"]
    assert not bench_scorers([*options, "--official", str(write_clone(tmp_path))])
    done = capsys.readouterr()
    rows = json.loads(done.out.splitlines()[-1])["rows"]
    assert [row["what"] for row in rows] == ["VQA, scoring", "VQA, whole command"]
    assert [row["equal"] for row in rows] == [True, True]
    assert "VQA, round 1 of 1, theirs: " in done.err
    assert "VQA, whole command: slower, " in done.err


def test_the_bench_of_captions_runs_pycocoevalcap_and_ends_with_its_verdict() -> None:
    options = ["--images", "60", "--rounds", "1", "--only", "cider"]
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench.scorers", *options],
        capture_output=True,
        text=True,
        timeout=100,
    )
    (row,) = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert (row["what"], row["answers"], row["equal"]) == ("captions, CIDEr", 60, True)
    assert done.returncode == (0 if row["ratio"] >= 1 else 1)


def test_an_image_is_answered_with_the_caption_of_the_next(tmp_path: Path) -> None:
    captions, results = tmp_path / "captions.json", tmp_path / "results.json"
    rows = [{"image_id": i, "caption": f"{i} {k}"} for i in (5, 2, 9) for k in "ab"]
    captions.write_text(json.dumps({"annotations": rows}))
    write_shifted_captions(captions, results)
    answers = {row["image_id"]: row["caption"] for row in json.loads(results.read_bytes())}
    assert answers == {5: "2 a", 2: "9 a", 9: "5 a"}


def read_captions(folder: Path) -> tuple[list[str], list[list[str]]]:
    captions, results = folder / "captions.json", folder / "results.json"
    write_captions(captions, results, 400)
    references: dict[int, list[str]] = {}
    for row in json.loads(captions.read_bytes())["annotations"]:
        references.setdefault(row["image_id"], []).append(row["caption"])
    return [row["caption"] for row in json.loads(results.read_bytes())], [*references.values()]


def test_cider_is_pycocoevalcaps_to_the_last_bit(tmp_path: Path) -> None:
    hypotheses, references = read_captions(tmp_path)
    random = Random("odd")
    for index in range(0, 400, 5):  # empty, repeated words, another number of references
        hypotheses[index] = random.choice(["", "a", "a a a a a the the", *references[index]])
        references[index] = [*references[index][: random.randint(1, 4)], "", "of of of of of"]
    theirs: Any = CiderScorer(n=4, sigma=6.0)
    for hypothesis, refs in zip(hypotheses, references, strict=True):
        theirs += (hypothesis, refs)
    assert cider_per_image(hypotheses, references) == theirs.compute_score()[1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rounds", "0"], "--rounds 0: choose 1 or more"),
        (["--captions", "nowhere.json"], "--captions nowhere.json: no such file"),
        (["--results", __file__], "--results answers --captions"),
        (["--official", "nowhere"], "vqaEval.py not there; give a clone"),
    ],
)
def test_a_wrong_option_is_told(options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bench_scorers(options)


def test_an_official_script_that_fails_is_told(vqa: VqaFiles, tmp_path: Path) -> None:
    clone = write_clone(tmp_path)
    (clone / READER).write_text("class VQA: pass\n")
    with pytest.raises(EvalError, match=r"(?s)official_vqa .* code 1.*TypeError"):
        run_official(clone, vqa)
