"""Data that try to be a page: nothing of a data set is ever read as HTML."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.pages import write_report
from tests.official import edit_json, write_picture
from tests.pages.browsing import Watched
from tests.runner.calls import Silent, evaluate, make_data

SCRIPT = "<script>window.taken = 1</script><img src=x onerror='window.taken = 1'>"
NAME = """it's "a" <b>& more #1?.png"""


def ask_markup(content: Any) -> None:
    for question in content["questions"]:
        question["question"] = f"{SCRIPT}?"


def answer_markup(content: Any) -> None:
    for annotation in content["annotations"]:
        annotation["question_type"] = SCRIPT
        for answer in annotation["answers"]:
            answer["answer"] = SCRIPT


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions, memes, answers and references full of markup; a file name full of quotes."""
    folder = tmp_path_factory.mktemp("hostile")
    vqa = make_data("vqav2", folder / "data" / "vqav2")
    for path in vqa.glob("v2_OpenEnded*_questions.json"):
        edit_json(path, ask_markup)
    for path in vqa.rglob("*annotations.json"):
        edit_json(path, answer_markup)
    memes = make_data("hateful_memes", folder / "data" / "hateful_memes")
    (memes / "img").mkdir(exist_ok=True)
    write_picture(memes / "img" / NAME)
    for path in memes.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            row.update(text=f"{SCRIPT}\u2028end", img=f"img/{NAME.replace('/', '!')}")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    runs = []
    for task in ("vqav2", "hateful_memes"):
        shots = "shots=1" if task == "vqav2" else "shots=0"
        run_dir, _ = evaluate(task, folder, shots, f"run_dir={folder / task}")
        runs.append(run_dir.rename(folder / f"{task} {NAME}"))
    return write_report(runs, folder / "report", progress=Silent()).parent


def list_runs(report: Path) -> list[str]:
    names: list[str] = json.loads((report / "evals-report.json").read_text())["runs"]
    return names


@pytest.mark.parametrize("task", ["vqav2", "hateful_memes"])
def test_markup_of_a_data_set_is_text(visit: Watched, report: Path, task: str) -> None:
    visit.open(report, "index.html")
    assert visit.page.evaluate("window.taken") is None
    (run,) = [name for name in list_runs(report) if name.startswith(task)]
    visit.open(report, "queries.html", run=run)
    assert SCRIPT in visit.rows()[0][1]
    visit.page.click("#rows tbody tr >> nth=0")
    visit.page.wait_for_selector("#detail .prompt .query")
    assert SCRIPT in visit.page.inner_text("#detail .prompt .query")
    visit.page.fill("#text", "<script>")
    assert len(visit.rows()) > 0
    assert visit.page.evaluate("window.taken") is None
    assert visit.page.query_selector("#detail script, #detail b") is None


def test_a_picture_with_quotes_in_its_name_loads(visit: Watched, report: Path) -> None:
    visit.open(report, "queries.html", run=list_runs(report)[1])
    visit.page.click("#rows tbody tr >> nth=0")
    image = visit.page.wait_for_selector("#detail .prompt img")
    assert image is not None
    assert image.get_attribute("alt") == NAME
    assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") == 4


def test_a_kind_of_question_may_be_called_anything(visit: Watched, report: Path) -> None:
    visit.open(report, "queries.html", run=list_runs(report)[0])
    visit.page.locator("#types select").last.select_option(SCRIPT)
    assert visit.status() == "4 of 4 queries"


def test_the_policy_forbids_eval_inline_scripts_and_the_network(
    visit: Watched, report: Path
) -> None:
    visit.open(report, "queries.html", run=list_runs(report)[0])
    page = visit.page
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.taken = 1';
            document.head.append(script);
            const button = document.createElement('button');
            button.setAttribute('onclick', 'window.taken = 1');
            document.body.append(button);
            button.click();
        }"""
    )
    assert page.evaluate("window.taken") is None
    policy = page.get_attribute("meta[http-equiv]", "content") or ""
    assert "unsafe" not in policy
    refused = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.complaints.clear()
    visit.requests.clear()
