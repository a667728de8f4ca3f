import csv
from collections import Counter
from pathlib import Path

import pytest

from evals.errors import ConfigError, DataError
from evals.report.references import (
    COLUMNS,
    Reference,
    cite,
    list_series,
    load_references,
    select_references,
)
from evals.resources import references_dir


@pytest.fixture(scope="module")
def references() -> tuple[Reference, ...]:
    return load_references()


def select_names(references: tuple[Reference, ...], *names: str) -> list[str]:
    chosen = select_references(references, names)
    return list(dict.fromkeys(reference.series.name for reference in chosen))


def write_csv(folder: Path, *rows: str) -> Path:
    (folder / "mine.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return folder


def test_all_1003_published_numbers_are_there(references: tuple[Reference, ...]) -> None:
    assert len(references) == 1003
    models = Counter(reference.model.split()[0] for reference in references)
    assert (models["Flamingo"], models["IDEFICS"], models["OpenFlamingo"]) == (263, 324, 364)


def test_the_rows_equal_those_of_the_shared_collection(shared_data_dir: Path) -> None:
    collection = shared_data_dir.parent / "reference" / "references.csv"
    if not collection.is_file():
        pytest.skip(f"{collection} is absent")
    with collection.open(newline="") as file:
        expected = Counter(tuple(row) for row in csv.reader(file))
    found: Counter[tuple[str, ...]] = Counter()
    for path in references_dir().glob("*.csv"):
        with path.open(newline="") as file:
            found |= Counter(tuple(row) for row in csv.reader(file))
    assert found == expected


@pytest.mark.parametrize(
    ("series", "benchmark", "shots", "value"),
    [
        ("Flamingo-9B", "VQAv2", 4, 56.3),
        ("Flamingo-80B", "COCO", 32, 113.8),
        ("Flamingo-3B", "OKVQA", 0, 41.2),
        ("IDEFICS-9B", "OKVQA", 4, 45.5),
        ("IDEFICS-9B-OBELICS", "OKVQA", 4, 45.4),
        ("IDEFICS-80B-instruct", "VQAv2", 0, 37.4),
        ("IDEFICS-80B", "VQAv2", 0, 60.0),
        ("OpenFlamingo-9B", "OKVQA", 4, 40.1),
        ("OpenFlamingo-9B-RICES", "OKVQA", 4, 42.0),
        ("OpenFlamingo-9B-v1", "VQAv2", 0, 43.55),
        ("Flamingo-80B-fine-tuned", "OKVQA", None, None),
        ("Flamingo-80B-fine-tuned", "HatefulMemes", None, 86.6),
    ],
)
def test_a_number_is_found_under_its_series_name(
    references: tuple[Reference, ...],
    series: str,
    benchmark: str,
    shots: int | None,
    value: float | None,
) -> None:
    found = {
        reference.value
        for reference in references
        if (reference.series.name, reference.benchmark, reference.shots)
        == (series, benchmark, shots)
    }
    assert found == ({value} if value is not None else set())


def test_a_series_has_one_number_for_each_benchmark_split_shots_and_metric(
    references: tuple[Reference, ...],
) -> None:
    keys = Counter((r.series, r.benchmark, r.split, r.shots, r.metric) for r in references)
    assert max(keys.values()) == 1


def test_a_series_name_belongs_to_one_model_of_one_size(references: tuple[Reference, ...]) -> None:
    models: dict[str, set[tuple[str, str]]] = {}
    for reference in references:
        models.setdefault(reference.series.name.casefold(), set()).add(
            (reference.model, reference.size)
        )
    assert {len(each) for each in models.values()} == {1}
    assert len(models) == len(list_series(references)) == 41


def test_every_variant_of_a_named_model_has_a_name_of_its_own(
    references: tuple[Reference, ...],
) -> None:
    variants: dict[str, set[str]] = {}
    for reference in references:
        if reference.size:
            variants.setdefault(reference.series.name, set()).add(reference.variant)
    assert {len(each) for each in variants.values()} == {1}


@pytest.mark.parametrize("name", ["Flamingo-9B", "flamingo-9b", " FLAMINGO-9B "])
def test_a_series_is_selected_in_any_case(references: tuple[Reference, ...], name: str) -> None:
    chosen = select_references(references, [name])
    assert len(chosen) == 76
    assert {reference.size for reference in chosen} == {"9B"}


def test_a_name_without_its_size_means_all_sizes(references: tuple[Reference, ...]) -> None:
    assert select_names(references, "flamingo") == ["Flamingo-3B", "Flamingo-9B", "Flamingo-80B"]
    assert select_names(references, "idefics") == ["IDEFICS-9B", "IDEFICS-80B"]
    assert select_names(references, "OpenFlamingo-instruct-RICES") == [
        "OpenFlamingo-3B-instruct-RICES",
        "OpenFlamingo-4B-instruct-RICES",
    ]


def test_series_come_in_the_order_asked_for_and_once(references: tuple[Reference, ...]) -> None:
    asked = ("IDEFICS-9B", "flamingo", "Flamingo-9B")
    assert select_names(references, *asked) == [
        "IDEFICS-9B",
        "Flamingo-3B",
        "Flamingo-9B",
        "Flamingo-80B",
    ]
    assert select_references(references, []) == ()


def test_unknown_names_are_listed_with_those_there_are(references: tuple[Reference, ...]) -> None:
    with pytest.raises(ConfigError, match=r"no reference GPT-4, Kosmos; there are Flamingo-3B, "):
        select_references(references, ["GPT-4", "Flamingo-9B", "Kosmos"])


def test_a_place_that_is_part_of_another_is_cited_once(references: tuple[Reference, ...]) -> None:
    vqav2 = [
        reference
        for reference in select_references(references, ["Flamingo-9B"])
        if reference.benchmark == "VQAv2"
    ]
    assert {reference.source for reference in vqav2} == {
        "arXiv:2204.14198v1 Table 3",
        "arXiv:2204.14198v1 Table 3; v2 Table 1",
    }
    assert cite(vqav2) == "arXiv:2204.14198v1 Table 3; v2 Table 1"


def test_a_file_of_the_users_own_is_read_and_named_by_model_size_and_variant(
    tmp_path: Path,
) -> None:
    write_csv(tmp_path, "Mine,7B,base; random,OKVQA,val,4,VQA accuracy,50.25,0.3,notes,", "")
    (reference,) = load_references(tmp_path)
    assert reference.series.name == "Mine-7B-base-random"
    assert reference.series.protocol is None
    assert (reference.value, reference.std, reference.shots) == (50.25, 0.3, 4)
    assert select_references([reference], ["mine-base-random"]) == (reference,)


def test_all_malformed_rows_are_listed_with_file_and_line(tmp_path: Path) -> None:
    good = "M,7B,,OKVQA,val,4,acc,50,,s,"
    write_csv(
        tmp_path, "M,7B,,OKVQA,val,four,acc,50,,s,", good, good, "M,7B,,OKVQA", f"{good},extra,more"
    )
    (tmp_path / "other.csv").write_text("model,size\nM,7B\n")
    with pytest.raises(DataError) as raised:
        load_references(tmp_path)
    message = str(raised.value)
    assert "mine.csv line 2: invalid literal for int() with base 10: 'four'" in message
    assert "mine.csv line 5: it does not have 11 columns" in message
    assert "mine.csv line 6: it does not have 11 columns" in message
    assert "other.csv: its first line must be model,size,variant" in message
    assert "twice: M-7B, OKVQA, val, 4, acc" in message


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \*\.csv"):
        load_references(tmp_path)
