import math
from dataclasses import replace

import pytest

from evals.errors import ResultsError
from evals.query_scores import QueryScore
from evals.report.cells import Cell
from evals.report.layout import Table, build_table
from evals.report.references import Reference, load_references, select_references
from evals.report.series import name_series
from evals.stats import roc_auc, split_seeds
from evals.summary import RunSummary
from tests.report.made_runs import BENCHMARKS, make_mini, make_run, make_score


def references(*names: str) -> tuple[Reference, ...]:
    return select_references(load_references(), names)


def find_cell(
    table: Table, series: str, title: str, shots: int | None, *, against: str = ""
) -> Cell | None:
    column = [column.title for column in table.columns].index(title)
    wanted = (series, against)
    (block,) = [block for block in table.blocks if (block.series, block.against) == wanted]
    (row,) = [row for row in block.rows if row.shots == shots]
    return row.cells[column]


def get_cell(
    table: Table, series: str, title: str, shots: int | None, *, against: str = ""
) -> Cell:
    cell = find_cell(table, series, title, shots, against=against)
    assert cell is not None
    return cell


def labels(table: Table) -> list[str]:
    """Titles of runs and references, without those of differences."""
    return [block.series for block in table.blocks if not block.against]


def test_rows_are_shots_and_columns_are_benchmarks_in_their_usual_order() -> None:
    runs = [make_run(task, shots=shots) for task in reversed(BENCHMARKS) for shots in (8, 0, 4)]
    table = build_table(runs)
    assert [column.title for column in table.columns] == [
        "VQAv2 (official)",
        "OK-VQA (raw answers)",
        "COCO (CIDEr)",
        "TextVQA (official)",
        "Hateful Memes (ROC AUC, hard labels)",
    ]
    assert labels(table) == ["idefics-9b (idefics)"]
    assert [row.shots for row in table.blocks[0].rows] == [0, 4, 8]


def test_scores_stand_as_papers_print_them() -> None:
    table = build_table([make_run("coco"), make_run("okvqa")])
    cider = get_cell(table, "idefics-9b (idefics)", "COCO (CIDEr)", 4)
    assert cider.value == pytest.approx(93.01)
    assert cider.standard_error == pytest.approx(0.5)
    assert (cider.num_queries, cider.num_seeds, cider.metric) == (5000, 1, "cider")
    assert get_cell(table, "idefics-9b (idefics)", "OK-VQA (raw answers)", 4).value == (
        pytest.approx(45.33)
    )


def test_seeds_are_averaged_and_their_error_has_both_parts() -> None:
    runs = [
        make_run(seed=seed, scores={"raw_answers": make_score(value, error)})
        for seed, (value, error) in enumerate([(0.40, 0.006), (0.42, 0.006), (0.44, 0.009)])
    ]
    cell = get_cell(build_table(runs), "idefics-9b (idefics, 3 seeds)", "OK-VQA (raw answers)", 4)
    of_seeds = 0.02**2 / 3
    of_queries = (0.006**2 + 0.006**2 + 0.009**2) / 3
    assert cell.value == pytest.approx(42.0)
    assert cell.standard_error == pytest.approx(100 * math.sqrt(of_seeds + of_queries))
    assert (cell.num_seeds, cell.not_comparable, cell.notes) == (3, (), ())


def test_seeds_without_errors_of_their_own_still_tell_their_spread() -> None:
    runs = [
        make_run(seed=seed, scores={"raw_answers": make_score(value, None)})
        for seed, value in enumerate([0.4, 0.5])
    ]
    (block,) = build_table(runs).blocks
    cell = block.rows[0].cells[0]
    assert cell is not None
    assert cell.standard_error == pytest.approx(5.0)
    single = build_table(runs[:1]).blocks[0].rows[0].cells[0]
    assert single is not None
    assert single.standard_error is None


def test_cells_say_their_number_of_seeds_where_it_varies() -> None:
    runs = [make_run("okvqa", seed=0), make_run("okvqa", seed=1), make_run("coco", seed=0)]
    table = build_table(runs)
    label = "idefics-9b (idefics, 1 to 2 seeds)"
    assert get_cell(table, label, "OK-VQA (raw answers)", 4).notes == ("mean of 2 seeds",)
    assert get_cell(table, label, "COCO (CIDEr)", 4).notes == ("one seed",)


def test_one_seed_without_a_score_leaves_no_mean_of_the_others() -> None:
    runs = [
        make_run(seed=0),
        make_run(seed=1, scores={"raw_answers": make_score(None, None, "no answers")}),
    ]
    (block,) = build_table(runs).blocks
    cell = block.rows[0].cells[0]
    assert cell is not None
    assert (cell.value, cell.standard_error) == (None, None)
    assert cell.not_comparable == ("raw_answers not computed: no answers",)


def test_published_numbers_stand_at_the_runs_shots() -> None:
    runs = [make_run("okvqa", shots=4), make_run("coco", shots=32)]
    table = build_table(runs, references("IDEFICS-9B", "Flamingo-80B"))
    assert labels(table) == ["idefics-9b (idefics)", "IDEFICS-9B", "Flamingo-80B"]
    assert [row.shots for row in table.blocks[1].rows] == [4, 32]
    assert get_cell(table, "IDEFICS-9B", "OK-VQA (raw answers)", 4).value == 45.5
    assert get_cell(table, "Flamingo-80B", "COCO (CIDEr)", 32).value == 113.8
    assert get_cell(table, "IDEFICS-9B", "COCO (CIDEr)", 32).not_comparable == ()
    assert find_cell(table, "idefics-9b (idefics)", "COCO (CIDEr)", 4) is None
    assert table.sources == (
        "IDEFICS-9B: IDEFICS model card (HuggingFaceM4/idefics-80b)",
        "Flamingo-80B: arXiv:2204.14198v1 Table 3; v2 Table 1",
    )


def test_a_series_without_a_number_at_these_shots_keeps_its_empty_row() -> None:
    table = build_table([make_run("okvqa", shots=2)], references("IDEFICS-9B"))
    assert find_cell(table, "IDEFICS-9B", "OK-VQA (raw answers)", 2) is None


def test_a_fine_tuned_model_has_one_row_and_the_number_of_the_runs_split() -> None:
    runs = [make_run("vqav2", shots=shots) for shots in (0, 4)]
    table = build_table(runs, references("Flamingo-80B-fine-tuned"))
    assert [row.shots for row in table.blocks[1].rows] == [None]
    cell = get_cell(table, "Flamingo-80B-fine-tuned", "VQAv2 (official)", None)
    assert cell.value == 82.0  # test-dev; test-std has 82.1


def test_printed_deviations_and_notes_are_kept() -> None:
    table = build_table([make_run("okvqa")], references("OpenFlamingo-9B", "IDEFICS-9B-OBELICS"))
    title = "OK-VQA (raw answers)"
    assert get_cell(table, "OpenFlamingo-9B", title, 4).std == 0.1
    assert get_cell(table, "IDEFICS-9B-OBELICS", title, 4).notes == ("the model card prints 45.5",)


def test_reasons_stand_on_the_runs_cell_for_the_series_in_its_column_alone() -> None:
    table = build_table(
        [make_run("okvqa"), make_run("hateful_memes")],
        references("OpenFlamingo-9B-v1-issue131", "IDEFICS-9B"),
    )
    label = "idefics-9b (idefics)"
    assert get_cell(table, label, "OK-VQA (raw answers)", 4).not_comparable == (
        "measured otherwise: few-shot (demonstration choice not stated)",
    )
    memes = get_cell(table, label, "Hateful Memes (ROC AUC, hard labels)", 4)
    assert memes.not_comparable == ()


def test_a_series_without_a_number_in_the_table_gives_no_reason() -> None:
    with_four = build_table([make_run(shots=4)], references("Flamingo-9B"))
    with_two = build_table([make_run(shots=2)], references("Flamingo-9B"))
    label, title = "idefics-9b (idefics)", "OK-VQA (raw answers)"
    assert len(get_cell(with_four, label, title, 4).not_comparable) == 2
    assert get_cell(with_two, label, title, 2).not_comparable == ()


def test_a_difference_stands_in_errors_of_run_and_printed_seeds() -> None:
    runs = [make_run("okvqa"), make_run("okvqa", shots=2), make_run("coco")]
    table = build_table(runs, references("Flamingo-9B", "OpenFlamingo-9B"))
    label, title = "idefics-9b (idefics)", "OK-VQA (raw answers)"
    flamingo = get_cell(table, label, title, 4, against="Flamingo-9B")
    assert flamingo.value == pytest.approx(45.33 - 49.3)
    assert flamingo.in_errors == pytest.approx((45.33 - 49.3) / 0.5)
    openflamingo = get_cell(table, label, title, 4, against="OpenFlamingo-9B")
    assert openflamingo.value == pytest.approx(45.33 - 40.1)
    error = math.hypot(0.5, 0.1 / math.sqrt(3))
    assert openflamingo.in_errors == pytest.approx((45.33 - 40.1) / error)
    assert [block.title for block in table.blocks][3:] == [
        "idefics-9b (idefics) − Flamingo-9B",
        "idefics-9b (idefics) − OpenFlamingo-9B",
    ]
    assert [row.shots for row in table.blocks[3].rows] == [4]  # nothing is published at 2


def test_a_difference_is_marked_for_its_own_reference_alone() -> None:
    run = make_run("okvqa", num_queries=100)
    table = build_table([run], references("Flamingo-9B", "IDEFICS-9B"))
    label, title = "idefics-9b (idefics)", "OK-VQA (raw answers)"
    limit = "limit: the first 100 of 5,046 queries"
    words = "score: VQA accuracy on raw answers, not official VQA accuracy"
    against = {
        name: get_cell(table, label, title, 4, against=name).not_comparable
        for name in ("Flamingo-9B", "IDEFICS-9B")
    }
    assert against == {
        "Flamingo-9B": (limit, "protocol: idefics, not flamingo", words),
        "IDEFICS-9B": (limit,),
    }
    assert get_cell(table, label, title, 4).not_comparable == against["Flamingo-9B"]


@pytest.mark.parametrize("error", [None, 0.0])
def test_a_run_without_an_error_of_its_own_differs_by_points_alone(error: float | None) -> None:
    run = make_run("okvqa", scores={"raw_answers": make_score(0.4533, error)})
    table = build_table([run], references("OpenFlamingo-9B"))
    cell = get_cell(
        table, "idefics-9b (idefics)", "OK-VQA (raw answers)", 4, against="OpenFlamingo-9B"
    )
    assert (cell.value, cell.in_errors) == (pytest.approx(5.23), None)


def test_a_fine_tuned_models_number_is_taken_off_at_every_number_of_shots() -> None:
    runs = [make_run("vqav2", shots=shots) for shots in (0, 4)]
    table = build_table(runs, references("Flamingo-80B-fine-tuned"))
    (difference,) = [block for block in table.blocks if block.against]
    assert [(row.shots, cell.value) for row in difference.rows for cell in row.cells if cell] == [
        (0, pytest.approx(55.12 - 82.0)),
        (4, pytest.approx(55.12 - 82.0)),
    ]


def test_a_run_without_a_number_has_no_difference() -> None:
    run = make_run("okvqa", scores={"raw_answers": make_score(None, None, "no answers")})
    table = build_table([run], references("IDEFICS-9B"))
    assert table.blocks[-1].against == "IDEFICS-9B"
    assert table.blocks[-1].rows[0].cells == (None,)


def make_queries(values: list[float]) -> list[QueryScore]:
    """Two queries a picture, each with a score."""
    return [
        QueryScore(f"q{i}", f"p{i // 2}", "an answer", {"raw_answers": value})
        for i, value in enumerate(values)
    ]


SEEDS = [[0.0, 1.0, 0.3, 1.0, 0.0, 0.6], [0.0, 1.0, 0.6, 0.0, 0.0, 0.6]]


def make_seeds() -> tuple[list[RunSummary], dict[int, list[QueryScore]]]:
    runs = [
        make_run(seed=seed, scores={"raw_answers": make_score(sum(row) / 6, 0.1)})
        for seed, row in enumerate(SEEDS)
    ]
    return runs, {seed: make_queries(row) for seed, row in enumerate(SEEDS)}


def test_the_error_of_seeds_is_taken_apart_by_what_their_queries_scored() -> None:
    runs, queries = make_seeds()
    table = build_table(runs, read_queries=lambda run: queries[run.seed])
    cell = table.blocks[0].rows[0].cells[0]
    split = split_seeds(SEEDS, ["p0", "p0", "p1", "p1", "p2", "p2"])
    assert cell is not None
    assert cell.split == pytest.approx(tuple(100 * part for part in split))
    assert cell.standard_error == pytest.approx(100 * split.standard_error)
    assert cell.value == pytest.approx(100 * split.mean)


@pytest.mark.parametrize("fault", ["other queries", "no score"])
def test_seeds_whose_queries_do_not_tell_keep_the_cautious_error(fault: str) -> None:
    runs, queries = make_seeds()
    if fault == "other queries":
        queries[1] = queries[1][:-1]
    else:
        queries[1] = [replace(query, scores={}) for query in queries[1]]
    without = build_table(runs).blocks[0].rows[0].cells[0]
    cell = build_table(runs, read_queries=lambda run: queries[run.seed]).blocks[0].rows[0].cells[0]
    assert cell is not None
    assert cell.split is None
    assert cell == without


def test_the_error_of_an_area_is_taken_apart_too() -> None:
    made = [
        [
            QueryScore(f"q{i}", f"p{i}", "yes", {}, label=i % 2, choice=1, probabilities=(1 - p, p))
            for i, p in enumerate(row)
        ]
        for row in ([0.1, 0.4, 0.5, 0.8, 0.3, 0.2], [0.1, 0.9, 0.5, 0.4, 0.3, 0.2])
    ]
    areas = [
        roc_auc([q.label or 0 for q in row], [q.probabilities[1] for q in row]) for row in made
    ]
    runs = [
        make_run(
            "hateful_memes",
            seed=seed,
            headline="roc_auc",
            scores={"roc_auc": make_score(area.value, area.standard_error)},
        )
        for seed, area in enumerate(areas)
    ]
    cell = build_table(runs, read_queries=lambda run: made[run.seed]).blocks[0].rows[0].cells[0]
    assert cell is not None
    assert cell.split is not None
    assert cell.split.mean == pytest.approx(cell.value)


def test_mini_is_said_in_the_title_and_on_every_cell() -> None:
    mini = build_table([make_mini(task) for task in BENCHMARKS], references("IDEFICS-9B"))
    assert mini.title == "Few-shot results on mini benchmarks, which are not the real ones"
    for cell in mini.blocks[0].rows[0].cells:
        assert cell is not None
        assert (
            "mini benchmark, not the real one (the first 100 of 200 queries)" in cell.not_comparable
        )
    mixed = build_table([make_mini("okvqa"), make_run("coco")])
    assert mixed.title == (
        "Few-shot results; some are on mini benchmarks, which are not the real ones"
    )
    assert build_table([make_run("coco")]).title == "Few-shot results"


def test_different_scores_splits_and_data_never_share_a_column() -> None:
    runs = [
        make_run("okvqa"),
        make_run("okvqa", headline="official", scores={"official": make_score(0.4)}),
        make_mini("okvqa", model="idefics-9b"),
        make_run("vqav2"),
        make_run("vqav2", split="val", reference_split="val"),
    ]
    assert [column.title for column in build_table(runs).columns] == [
        "VQAv2 test-dev (official)",
        "VQAv2 val (official)",
        "OK-VQA (raw answers)",
        "OK-VQA (official)",
        "OK-VQA mini (raw answers)",
    ]


def test_a_published_number_stands_in_the_column_that_fits_it_best() -> None:
    runs = [
        make_run("okvqa"),
        make_run("okvqa", headline="official", scores={"official": make_score(0.4)}),
        make_run("vqav2"),
        make_run("vqav2", split="val", reference_split="val"),
    ]
    table = build_table(runs, references("Flamingo-9B", "OpenFlamingo-9B-v1"))
    assert find_cell(table, "Flamingo-9B", "OK-VQA (raw answers)", 4) is None
    assert get_cell(table, "Flamingo-9B", "OK-VQA (official)", 4).value == 49.3
    assert get_cell(table, "Flamingo-9B", "VQAv2 test-dev (official)", 4).value == 56.3
    assert find_cell(table, "Flamingo-9B", "VQAv2 val (official)", 4) is None
    assert get_cell(table, "OpenFlamingo-9B-v1", "VQAv2 val (official)", 4).value == 44.05


def test_of_several_printed_metrics_the_runs_own_is_shown() -> None:
    run = make_run("okvqa", benchmark="Winoground", headline="image_score", split="test")
    run = replace(run, reference_split="test", shots=0, sampler="fixed")
    run = replace(run, scores={"image_score": make_score(0.1)})
    table = build_table([run], references("IDEFICS-80B"))
    assert get_cell(table, "IDEFICS-80B", "Winoground (image_score)", 0).metric == "image score"


def test_blocks_are_told_apart_by_what_differs() -> None:
    runs = [
        make_run(),
        make_run(sampler="rices"),
        make_run(protocol="openflamingo"),
        make_run(protocol_changes=("decoding",)),
        make_run(model="idefics-80b"),
    ]
    assert labels(build_table(runs)) == [
        "idefics-9b (idefics)",
        "idefics-9b (idefics, rices)",
        "idefics-9b (openflamingo)",
        "idefics-9b (idefics, changed decoding)",
        "idefics-80b (idefics)",
    ]
    other = make_run(answered={"model": {"fingerprint": "cd" * 32, "dtype": "float32"}})
    assert labels(build_table([make_run(), other, make_run(num_support=None)])) == [
        "idefics-9b (idefics, checkpoint abababab, bfloat16, support set of 2048)",
        "idefics-9b (idefics, checkpoint cdcdcdcd, float32, support set of 2048)",
        "idefics-9b (idefics, checkpoint abababab, bfloat16, support set of all)",
    ]


def test_zero_shot_runs_stand_in_every_block_that_they_belong_to() -> None:
    """IDEFICS' fixed priming and prompts without demonstrations know no sampler."""
    primed = make_run("okvqa", shots=0, sampler="fixed")
    bare = make_run("hateful_memes", shots=0, support_split="", sampler="random")
    table = build_table([primed, bare, make_run("okvqa"), make_run("okvqa", sampler="rices")])
    assert labels(table) == ["idefics-9b (idefics)", "idefics-9b (idefics, rices)"]
    for block in table.blocks:
        assert [row.shots for row in block.rows] == [0, 4]
        assert None not in block.rows[0].cells
    assert labels(build_table([primed, bare])) == ["idefics-9b (idefics)"]


def test_prompts_that_lost_demonstrations_and_missing_headlines_are_noted() -> None:
    (block,) = build_table([make_run(num_dropped=12), make_run("coco", headline=None)]).blocks
    okvqa, coco = block.rows[0].cells
    assert okvqa is not None
    assert coco is not None
    assert okvqa.notes == ("12 of 5,046 prompts lost demonstrations to the length limit",)
    assert coco.notes == ("protocol idefics names no headline score for it",)
    assert coco.value == pytest.approx(93.01)


def test_a_run_given_twice_counts_once() -> None:
    (block,) = build_table([make_run(), make_run()]).blocks
    cell = block.rows[0].cells[0]
    assert cell is not None
    assert cell.num_seeds == 1


def test_runs_that_a_table_cannot_tell_apart_are_refused() -> None:
    twins = [make_run(hash="first"), make_run(hash="second", prompts_sha256="other")]
    with pytest.raises(
        ResultsError, match=r"OK-VQA \(raw answers\), 4 shots, seed 0.*: first, sec"
    ):
        build_table(twins)


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(ResultsError, match="at least one finished run"):
        build_table([], references("Flamingo-9B"))


def test_a_benchmark_of_the_users_own_has_its_own_name() -> None:
    run = make_run(task="okvqa", benchmark="", headline="exact", scores={"exact": make_score(0.25)})
    table = build_table([replace(run, task="easy_vqa", num_official=None)], references("Flamingo"))
    assert table.columns[0].title == "easy_vqa (exact)"
    assert labels(table)[1:] == ["Flamingo-3B", "Flamingo-9B", "Flamingo-80B"]
    assert table.sources == ()


def test_the_plain_name_is_the_random_few_shot_series() -> None:
    variant = "few-shot in-context, random demonstrations"
    assert name_series("Flamingo", "9B", variant=variant).name == "Flamingo-9B"
