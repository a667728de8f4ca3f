import csv
import io
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evals.query_scores import QueryScore
from evals.report.formats import FORMATS, escape_latex, escape_markdown
from evals.report.layout import Table, build_table
from evals.report.references import load_references, select_references
from evals.report.table import format_csv, format_latex, format_markdown, format_rich
from tests.report.made_runs import BENCHMARKS, make_mini, make_run, make_score

REFERENCES = load_references()
FLAMINGO = select_references(REFERENCES, ["Flamingo-9B"])


def make_demo() -> Table:
    """Return what `make demo` prints: the tiny model on five mini benchmarks, beside Flamingo."""
    runs = [make_mini(task, shots=shots) for task in BENCHMARKS for shots in (0, 4, 8)]
    return build_table(runs, select_references(REFERENCES, ["Flamingo-9B", "Flamingo-80B"]))


def make_paper() -> Table:
    """Return five benchmarks x five numbers of shots x three seeds, beside three models."""
    runs = [
        make_run(task, shots=shots, seed=seed, split="val" if task == "vqav2" else of.split)
        for task, of in BENCHMARKS.items()
        for shots in (0, 4, 8, 16, 32)
        for seed in range(3)
    ]
    names = ["Flamingo-9B", "IDEFICS-9B", "OpenFlamingo-9B"]
    return build_table(runs, select_references(REFERENCES, names))


def make_awkward() -> Table:
    """Return names full of markup, missing scores and more reasons than letters."""
    runs = [
        make_run(
            "okvqa",
            model=r"my_model|100% $x$ <b> {a}~^\#&",
            shots=shots,
            scores={"raw_answers": make_score(None, None, f"reason {shots} | `code`\nof *it*")},
        )
        for shots in range(60)
    ]
    return build_table(runs)


def render(table: Table, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), legacy_windows=False)
    with console.capture() as capture:
        console.print(format_rich(table))
    return [line.rstrip() for line in capture.get().splitlines()]


def split_markdown(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_is_a_table_with_its_reasons_beneath() -> None:
    run = make_run("okvqa", num_queries=100)
    text = format_markdown(build_table([run], FLAMINGO))
    assert text == (
        "**Few-shot results**\n"
        "\n"
        "| Model | Shots | OK-VQA (raw answers) |\n"
        "| --- | ---: | ---: |\n"
        "| idefics-9b (idefics) | 4 | 45.3 ±0.5 <sup>a,b,c</sup> |\n"
        "| Flamingo-9B | 4 | 49.3 |\n"
        "| idefics-9b (idefics) − Flamingo-9B | 4 | −4.0 −7.9σ <sup>a,b,c</sup> |\n"
        "\n"
        "±: one standard error, of queries. σ: a difference in standard errors, the run's and, "
        "where printed, that of the reference's seeds.\\\n"
        "<sup>a</sup> limit: the first 100 of 5,046 queries\\\n"
        "<sup>b</sup> protocol: idefics, not flamingo\\\n"
        "<sup>c</sup> score: VQA accuracy on raw answers, not official VQA accuracy\\\n"
        "Source of Flamingo-9B: arXiv:2204.14198v1 Table 3; v2 Table 1\n"
    )


def test_latex_is_a_booktabs_table_with_its_reasons_beneath() -> None:
    run = make_run("okvqa", num_queries=100)
    assert format_latex(build_table([run], FLAMINGO)) == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}\n"
        "\\centering\n"
        "\\caption{Few-shot results.}\n"
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        " &  & OK-VQA \\\\\n"
        "Model & Shots & (raw answers) \\\\\n"
        "\\midrule\n"
        "idefics-9b (idefics) & 4 & 45.3 $\\pm$0.5\\textsuperscript{a,b,c} \\\\\n"
        "\\midrule\n"
        "Flamingo-9B & 4 & 49.3 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\par\\smallskip\n"
        "\\parbox{\\linewidth}{\\footnotesize $\\pm$: one standard error, of queries. \\\\\n"
        "\\textsuperscript{a} limit: the first 100 of 5,046 queries. \\\\\n"
        "\\textsuperscript{b} protocol: idefics, not flamingo. \\\\\n"
        "\\textsuperscript{c} score: VQA accuracy on raw answers, not official VQA accuracy. "
        "\\\\\n"
        "Source of Flamingo-9B: arXiv:2204.14198v1 Table 3; v2 Table 1.}\n"
        "\\end{table}\n"
    )


def read_csv(table: Table) -> list[dict[str, str]]:
    """Return the rows without their empty cells."""
    rows = csv.DictReader(io.StringIO(format_csv(table)))
    return [{name: value for name, value in row.items() if value} for row in rows]


def test_csv_has_one_row_for_each_number() -> None:
    interval = {"interval": (0.91, 0.95)}
    runs = [
        make_run("okvqa", num_queries=100),
        make_run("coco", seed=1, scores={"cider": make_score(0.9301) | interval}),
    ]
    openflamingo = select_references(REFERENCES, ["OpenFlamingo-9B-v1"])
    reasons = (
        "split: karpathy_test, not val | "
        "measured otherwise: few-shot (demonstration choice not stated)"
    )
    scale = {"unit": "points", "higher_is_better": "True"}
    own = {"shots": "4", "standard_error": "0.5", "num_seeds": "1", **scale}
    assert read_csv(build_table(runs, openflamingo)) == [
        {
            "series": "idefics-9b (idefics)",
            "benchmark": "OKVQA",
            "metric": "raw_answers",
            "value": "45.33",
            "num_queries": "100",
            "not_comparable": "limit: the first 100 of 5,046 queries",
            **own,
        },
        {
            "series": "idefics-9b (idefics)",
            "benchmark": "COCO",
            "metric": "cider",
            "value": "93.01",
            "low": "91.0",
            "high": "95.0",
            "num_queries": "5000",
            "not_comparable": reasons,
            **own,
        },
        {
            "series": "OpenFlamingo-9B-v1",
            "benchmark": "COCO",
            "metric": "CIDEr",
            "shots": "4",
            "value": "74.28",
            **scale,
        },
        {
            "series": "idefics-9b (idefics)",
            "against": "OpenFlamingo-9B-v1",
            "benchmark": "COCO",
            "metric": "cider",
            "value": "18.73",
            "in_standard_errors": "37.46",
            "num_queries": "5000",
            "not_comparable": reasons,
            **own,
        },
    ]


def test_csv_names_a_published_number_once_and_the_columns_of_one_benchmark_apart() -> None:
    runs = [make_run("okvqa"), make_mini("okvqa", model="idefics-9b")]
    rows = read_csv(build_table(runs, FLAMINGO))
    assert [(row["series"], row.get("against"), row["benchmark"]) for row in rows] == [
        ("idefics-9b (idefics)", None, "OKVQA"),
        ("idefics-9b (idefics)", None, "OKVQA mini"),
        ("Flamingo-9B", None, "OKVQA"),
        ("idefics-9b (idefics)", "Flamingo-9B", "OKVQA"),
        ("idefics-9b (idefics)", "Flamingo-9B", "OKVQA mini"),
    ]
    assert "mini benchmark" in rows[1]["not_comparable"]


def test_csv_keeps_the_printed_deviation_over_seeds() -> None:
    openflamingo = select_references(REFERENCES, ["OpenFlamingo-9B"])
    rows = read_csv(build_table([make_run("okvqa")], openflamingo))
    assert [row.get("std_of_seeds") for row in rows] == [None, "0.1", None]


def make_seeds() -> Table:
    """Return two seeds whose four queries are known."""
    scores = {0: [0.0, 1.0, 0.3, 1.0], 1: [0.0, 1.0, 0.6, 0.0]}
    runs = [
        make_run(seed=seed, scores={"raw_answers": make_score(sum(row) / 4)})
        for seed, row in scores.items()
    ]
    return build_table(
        runs,
        read_queries=lambda run: [
            QueryScore(f"q{i}", f"p{i}", "an answer", {"raw_answers": value})
            for i, value in enumerate(scores[run.seed])
        ],
    )


def test_where_the_error_of_seeds_comes_from_is_shown() -> None:
    table = make_seeds()
    (cell,) = table.blocks[0].rows[0].cells
    assert cell is not None
    assert cell.split is not None
    of = cell.split
    parts = (of.standard_error, of.of_queries, of.of_demonstrations, of.one_seed, of.std)
    texts = [f"{part:.2f}" for part in parts]
    assert f"| OK-VQA, 4 shots | {' | '.join(texts)} |" in format_markdown(table)
    assert any(line.split() == ["OK-VQA,", "4", "shots", *texts] for line in render(table, 80))
    (row,) = read_csv(table)
    assert [
        float(row[name]) for name in ("std_of_seeds", "error_of_queries", "error_of_demonstrations")
    ] == pytest.approx([of.std, of.of_queries, of.of_demonstrations], abs=1e-6)


def test_csv_quotes_commas_and_quotes_and_stays_on_one_line() -> None:
    table = build_table([make_run(model='a,"b"\nc')])
    (row,) = csv.DictReader(io.StringIO(format_csv(table)))
    assert row["series"] == 'a,"b" c (idefics)'


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_says_mini(write: Callable[[Table], str]) -> None:
    assert "mini benchmark, not the real one" in write(make_demo())


def test_markdown_rows_have_as_many_cells_as_the_head_whatever_the_names() -> None:
    lines = [line for line in format_markdown(make_awkward()).splitlines() if line[:1] == "|"]
    assert {len(split_markdown(line)) for line in lines} == {3}
    assert split_markdown(lines[2])[0] == (r"my\_model\|100% $x$ \<b\> {a}\~^\\#& (idefics)")


def test_latex_rows_have_as_many_cells_as_the_head_whatever_the_names() -> None:
    text = format_latex(make_awkward())
    lines = [line for line in text.splitlines() if line.endswith(r" \\") and "&" in line]
    cells = {
        len(re.split(r"(?<!\\)&", line)) for line in lines if "textsuperscript{a} " not in line
    }
    assert cells == {3}
    assert (
        r"my\_model\textbar{}100\% \$x\$ \textless{}b\textgreater{} \{a\}\textasciitilde{}"
        r"\textasciicircum{}\textbackslash{}\#\& (idefics)"
    ) in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


@given(st.text(), st.text())
def test_any_name_and_any_note_keep_a_table_in_its_lines(model: str, note: str) -> None:
    scores = {"raw_answers": make_score(None, None, note)}
    table = build_table([make_run(model=model, scores=scores)])
    markdown = [line for line in format_markdown(table).split("\n") if line.startswith("|")]
    assert [len(split_markdown(line)) for line in markdown] == [3, 3, 3]
    (row,) = [line for line in format_latex(table).splitlines() if r" & 4 & n/a" in line]
    assert len(re.findall(r"(?<!\\)&", row)) == 2
    assert "\n[" not in format_latex(table)
    (parsed,) = csv.DictReader(io.StringIO(format_csv(table), newline=""))
    assert parsed["series"] == " ".join(f"{model} (idefics)".split())


def test_marks_beyond_the_alphabet_stay_different() -> None:
    text = format_markdown(make_awkward())
    marks = re.findall(r"^<sup>(\w+)</sup> ", text, re.MULTILINE)
    assert len(marks) == len(set(marks)) == 60
    assert (marks[0], marks[24], marks[25], marks[50]) == ("a", "z", "a2", "a3")


def test_missing_numbers_look_unlike_absent_ones() -> None:
    runs = [
        make_run("okvqa", scores={"raw_answers": make_score(None, None, "no nltk data")}),
        make_run("coco", shots=8),
    ]
    text = format_markdown(build_table(runs))
    assert "| 4 | n/a <sup>a</sup> | – |" in text
    assert "| 8 | – | 93.0 ±0.5 |" in text
    assert "–: no number." in text
    assert r"raw\_answers not computed: no nltk data" in text


def test_published_numbers_are_shown_as_printed() -> None:
    run = make_run("vqav2", split="val", reference_split="val")
    names = ["OpenFlamingo-9B-v1", "OpenFlamingo-9B"]
    text = format_markdown(build_table([run], select_references(REFERENCES, names)))
    assert "| OpenFlamingo-9B-v1 | 4 | 44.05 |" in text
    assert "| OpenFlamingo-9B | 4 | 54.8 (0.0) |" in text
    assert "In parentheses: standard deviation, as printed." in text


def test_escapes_leave_plain_text_alone() -> None:
    assert escape_markdown("Flamingo-9B, 45.3") == escape_latex("Flamingo-9B, 45.3")
    assert escape_markdown("a|b_c*d") == r"a\|b\_c\*d"
    assert escape_latex("50% of a_b & c#d") == r"50\% of a\_b \& c\#d"


def test_the_demos_table_fits_eighty_columns() -> None:
    lines = render(make_demo(), 80)
    assert lines[0] == "Few-shot results on mini benchmarks, which are not the real ones"
    assert max(map(len, lines)) <= 80
    assert sum(line.strip().startswith("shots") for line in lines) == 1
    assert [line for line in lines if line.startswith("    4")] == [
        "    4     55.1 ±0.5   45.3 ±0.5  ᶜ     93.0 ±0.5    27.6 ±0.5    50.7 ±0.5  ᵈ",
        "    4          56.3           49.3          93.1         33.6            62.7",
        "    4          63.1           57.4         103.2         36.5            68.6",
        "    4    −1.2 −2.4σ   −4.0 −7.9σ ᶜ    −0.1 −0.2σ  −6.0 −11.9σ   −12.0 −24.0σᵈ",
        "    4   −8.0 −16.0σ  −12.1 −24.1σᶜ  −10.2 −20.4σ  −8.9 −17.7σ   −17.9 −35.8σᵈ",
    ]


def test_the_papers_table_fits_a_hundred_columns() -> None:
    lines = render(make_paper(), 100)
    assert max(map(len, lines)) <= 100
    assert sum(line.strip().startswith("shots") for line in lines) == 1
    assert "idefics-9b (idefics, 3 seeds) ᵃᵇ" in lines
    assert any("±: one standard error, of queries and seeds." in line for line in lines)


def test_columns_that_do_not_fit_follow_beneath() -> None:
    lines = render(make_paper(), 60)
    assert max(map(len, lines)) <= 60
    assert sum(line.strip().startswith("shots") for line in lines) == 2
    assert sum(line == "IDEFICS-9B" for line in lines) == 2


def test_the_terminal_shows_markup_in_names_as_text() -> None:
    table = build_table([make_run(model="[red]m[/red]")])
    assert "[red]m[/red] (idefics)" in render(table, 100)
