"""Every query, in a browser: found, filtered, sorted, linked to, and shown as it was asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from evals.config import parse_config
from evals.runner import Session, word_prompts
from evals.store import read_config
from evals.types import Image
from tests.pages.browsing import Watched
from tests.pages.conftest import Made
from tests.runner.calls import Silent


def name_run(made: Made, task: str, shots: int) -> str:
    (run,) = [run for run in made.runs if run.name.startswith(f"{task}-mock-{shots}shot")]
    return run.name


def find_run(made: Made, task: str, shots: int) -> Path:
    (run,) = [run for run in made.runs if run.name == name_run(made, task, shots)]
    return run


def read_queries(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "queries.jsonl").read_text().splitlines()]


def test_pages_turn_by_buttons_and_keys(visit: Watched, made: Made) -> None:
    visit.open(made.report, "queries.html", run=name_run(made, "okvqa", 2))
    ids = [query["id"] for query in read_queries(find_run(made, "okvqa", 2))]
    assert [row[0] for row in visit.rows()] == ids[:50]
    visit.page.click("#forward")
    assert [row[0] for row in visit.rows()] == ids[50:100]
    visit.page.keyboard.press("n")
    assert [row[0] for row in visit.rows()] == ids[100:]
    assert visit.page.inner_text("#page") == "page 3 of 3"
    visit.page.keyboard.press("p")
    assert [row[0] for row in visit.rows()] == ids[50:100]


def test_search_finds_words_of_questions_answers_and_ids(visit: Watched, made: Made) -> None:
    visit.open(made.report, "queries.html", run=name_run(made, "okvqa", 2))
    everything = visit.rows()
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("SIDES")
    found = visit.rows()
    assert 0 < len(found) < len(everything)
    assert all("sides" in row[1] for row in found)
    visit.page.fill("#text", everything[7][0])
    assert [row[0] for row in visit.rows()] == [everything[7][0]]
    visit.page.fill("#text", "no such words")
    assert visit.rows() == []
    assert visit.status() == "0 of 120 queries"


def test_scores_and_types_filter(visit: Watched, made: Made) -> None:
    run = find_run(made, "okvqa", 2)
    visit.open(made.report, "queries.html", run=run.name)
    right = [q["id"] for q in read_queries(run) if q["scores"]["official"] >= 0.3]
    visit.page.select_option("#score", "official")
    visit.page.fill("#low", "30")
    assert [row[0] for row in visit.rows()] == right
    visit.page.fill("#low", "")
    kinds = visit.page.locator("#types select").last
    kind = kinds.locator("option").last.inner_text()
    kinds.select_option(kind)
    number = int(visit.status().split(" of ")[0])
    assert 0 < number < 120


def test_sorting_by_score_puts_the_lowest_or_the_highest_first(visit: Watched, made: Made) -> None:
    run = find_run(made, "vqav2", 2)
    visit.open(made.report, "queries.html", run=run.name)
    scores = sorted(round(100 * q["scores"]["official"], 1) for q in read_queries(run))
    assert len(set(scores)) > 1
    visit.page.select_option("#sort", "score up")
    assert [float(row[-1]) for row in visit.rows()] == scores
    visit.page.select_option("#sort", "score down")
    assert [float(row[-1]) for row in visit.rows()] == scores[::-1]


@pytest.mark.parametrize(("task", "shots"), [("okvqa", 0), ("okvqa", 2), ("hateful_memes", 2)])
def test_a_prompt_is_shown_as_the_model_got_it(
    visit: Watched, made: Made, task: str, shots: int
) -> None:
    run = find_run(made, task, shots)
    session = Session(parse_config(read_config(run)), Silent())
    (settings,) = session.settings.tasks
    asked = next(iter(word_prompts(session, settings, shots=shots, seed=0)))
    (request, *_) = asked.requests
    expected = "".join(
        "<picture>" if isinstance(part, Image) else part.text for part in request.prompt
    )
    visit.open(made.report, "queries.html", run=run.name, id=asked.query.id)
    visit.page.wait_for_selector("#detail .prompt .query")
    shown = visit.page.evaluate(
        """() => [...document.querySelectorAll('#detail .words')].map(words =>
            [...words.childNodes].map(node =>
                node.tagName === 'IMG' ? '<picture>' : node.textContent).join('')).join('')"""
    )
    assert shown == ("<s>" if request.bos else "") + expected
    wide = visit.page.eval_on_selector_all(
        "#detail .prompt img", "is => is.map(i => i.naturalWidth)"
    )
    assert len(wide) == expected.count("<picture>")
    assert all(width > 0 for width in wide)


def test_a_query_shows_answer_references_scores_and_probabilities(
    visit: Watched, made: Made
) -> None:
    run = find_run(made, "hateful_memes", 2)
    query = read_queries(run)[3]
    visit.open(made.report, "queries.html", run=run.name, id=query["id"])
    visit.page.wait_for_selector("#detail .prompt")
    text = visit.page.inner_text("#detail")
    assert query["answer"] in text
    assert [f"{p:.3f}" for p in query["probabilities"]] == [
        word for word in text.split() if word.startswith(("0.", "1.0"))
    ][:2]
    okvqa = find_run(made, "okvqa", 2)
    query = read_queries(okvqa)[0]
    visit.open(made.report, "queries.html", run=okvqa.name, id=query["id"])
    visit.page.wait_for_selector("#detail .prompt")
    text = visit.page.inner_text("#detail")
    for word in ("References", "official", "normalised", "raw_answers", "×"):
        assert word in text


def test_pictures_beyond_the_examples_are_placeholders(visit: Watched, made: Made) -> None:
    run = find_run(made, "okvqa", 0)
    last = read_queries(run)[-1]["id"]
    same = {q["id"]: q["answer"] for q in read_queries(find_run(made, "okvqa", 2))}
    alike = [q for q in read_queries(run)[5:] if same[q["id"]] == q["answer"]]
    query_id = alike[-1]["id"] if alike else last
    visit.open(made.report, "queries.html", run=run.name, id=query_id)
    visit.page.wait_for_selector("#detail .prompt .query")
    assert "picture not in this report: " in visit.page.inner_text("#detail .prompt .query")


def test_two_runs_stand_side_by_side_and_only_what_differs(visit: Watched, made: Made) -> None:
    sides = [find_run(made, "okvqa", shots) for shots in (0, 2)]
    ours, theirs = ({q["id"]: q["answer"] for q in read_queries(side)} for side in sides)
    differing = [query_id for query_id in ours if ours[query_id] != theirs[query_id]]
    assert 0 < len(differing) < 120
    visit.open(made.report, "queries.html", run=sides[0].name)
    visit.page.select_option("#beside", sides[1].name)
    visit.wait_until_complete()
    visit.page.check("#differ")
    assert visit.status() == f"{len(differing)} of 120 queries"
    rows = visit.rows()
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (query_id, ours[query_id], theirs[query_id]) for query_id in differing[: len(rows)]
    ]
    visit.page.click("#rows tbody tr >> nth=0")
    visit.page.wait_for_selector("#detail .side >> nth=1")
    answers = visit.page.eval_on_selector_all("#detail .answer", "as => as.map(a => a.textContent)")
    assert answers == [ours[differing[0]] or "(empty)", theirs[differing[0]] or "(empty)"]


def test_a_link_leads_to_one_query_and_back_again(visit: Watched, made: Made) -> None:
    visit.open(made.report, "queries.html", run=name_run(made, "okvqa", 2))
    visit.page.click("#rows tbody tr >> nth=4")
    visit.page.wait_for_selector("#detail .prompt")
    address, query_id = visit.page.url, visit.rows()[4][0]
    assert f"id={query_id}" in address
    visit.page.go_back()
    visit.page.wait_for_selector("#detail", state="hidden")
    visit.page.goto("about:blank")
    visit.page.goto(address)
    visit.page.wait_for_selector("#detail .prompt")
    assert visit.page.inner_text("#detail h2") == query_id


def test_keys_go_from_query_to_query(visit: Watched, made: Made) -> None:
    visit.open(made.report, "queries.html", run=name_run(made, "okvqa", 2))
    ids = [row[0] for row in visit.rows()]
    for key, expected in (("j", ids[0]), ("j", ids[1]), ("k", ids[0])):
        visit.page.keyboard.press(key)
        visit.page.wait_for_function(
            "id => document.querySelector('#detail h2')?.textContent === id", arg=expected
        )
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_selector("#detail", state="hidden")
