from pathlib import Path

import pytest

from evals.mini.baseline import score_priors


@pytest.fixture(scope="module")
def priors(mini_root: Path) -> dict[str, dict[str, float]]:
    return score_priors(mini_root)


def test_every_task_has_the_priors_that_its_questions_allow(
    priors: dict[str, dict[str, float]],
) -> None:
    answered = {"constant", "question type", "question"}
    assert {task: set(scores) for task, scores in priors.items()} == {
        "vqav2": answered,
        "okvqa": answered,
        "coco": {"constant"},
        "textvqa": answered,
        "hateful_memes": answered,
    }


@pytest.mark.parametrize("task", ["vqav2", "okvqa", "textvqa"])
def test_no_question_gives_its_answer_away(task: str, priors: dict[str, dict[str, float]]) -> None:
    assert max(priors[task].values()) < 55


def test_meme_texts_alone_are_at_chance(priors: dict[str, dict[str, float]]) -> None:
    assert set(priors["hateful_memes"].values()) == {50.0}


def test_one_caption_for_all_pictures_is_poor(priors: dict[str, dict[str, float]]) -> None:
    assert 0 < priors["coco"]["constant"] < 80
