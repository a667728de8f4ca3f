"""The folder of a report: whole or not at all, and never somebody else's."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pil

from evals.cli.reporting import report as report_command
from evals.errors import ConfigError, ResultsError
from evals.pages import write_report
from evals.pages.thumbnails import LONGEST_SIDE, make_thumbnails
from evals.types import Image
from tests.pages.browsing import Watched
from tests.runner.calls import Silent, evaluate


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluate("vqav2", tmp_path_factory.mktemp("run"))[0]


def read_piece(path: Path) -> Any:
    text = path.read_text("ascii")
    return json.loads("[" + text.removeprefix("evals.receive(").removesuffix(");\n") + "]")[2]


def test_the_command_prints_the_page_to_open(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "report"
    report_command([str(run_dir), "--out", str(out), "--reference", "Flamingo-9B"])
    assert capsys.readouterr().out == f"report: {out / 'index.html'}\n"
    assert "Flamingo-9B" in (out / "index.html").read_text()


def test_an_older_report_is_replaced_and_nothing_else_is(run_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    write_report([run_dir], out, progress=Silent())
    (out / "old").touch()
    write_report([run_dir], out, progress=Silent())
    assert not (out / "old").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="is not empty and holds no report"):
        write_report([run_dir], mine, progress=Silent())
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]
    with pytest.raises(ConfigError, match="is a file"):
        write_report([run_dir], mine / "thesis.tex", progress=Silent())


def test_a_broken_run_leaves_no_half_report(run_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(run_dir, broken)
    (broken / "records.jsonl").write_text("{not a record\n")
    with pytest.raises(ResultsError, match=r"records.jsonl line 1"):
        write_report([broken], tmp_path / "report", progress=Silent())
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_runs_of_one_name_keep_apart(run_dir: Path, tmp_path: Path) -> None:
    other = evaluate("hateful_memes", tmp_path)[0]
    assert run_dir.name == other.name == "run"
    index = write_report([run_dir, other, run_dir], tmp_path / "report", progress=Silent())
    names = [run["slug"] for run in read_piece(index.parent / "data" / "all" / "runs.js")]
    assert sorted(names) == ["run", "run-2"]


@pytest.mark.parametrize("gone", ["pictures", "everything"])
def test_data_that_are_gone_leave_what_the_run_folder_knows(
    gone: str, tmp_path: Path, visit: Watched
) -> None:
    run_dir, _ = evaluate("vqav2", tmp_path)
    data = tmp_path / "data" / "vqav2"
    if gone == "pictures":
        for folder in ("train2014", "val2014"):
            shutil.rmtree(data / folder)
    else:
        shutil.rmtree(data)
    index = write_report([run_dir], tmp_path / "report", progress=Silent())
    visit.open(index.parent, "queries.html")
    assert len(visit.rows()) == 4
    visit.page.click("#rows tbody tr >> nth=0")
    visit.page.wait_for_selector("#detail .prompt")
    text = visit.page.inner_text("#detail .prompt")
    if gone == "pictures":
        assert text.count("picture not in this report") == 3
        assert "Question: What is" in text
    else:
        assert "data are not where they were" in text
        assert visit.page.inner_text("#note") != ""


def test_thumbnails_are_small_and_what_the_model_saw(tmp_path: Path) -> None:
    def encode(picture: Pil.Image, kind: str, **options: Any) -> Image:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        return Image(file.getvalue())

    big = Pil.new("RGB", (4000, 1000), "red")
    turned = Pil.Exif()
    turned[274] = 6  # "turn by 90 degrees", which models do not
    images = [
        encode(big, "JPEG", exif=turned),
        encode(Pil.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"),
        encode(Pil.new("P", (20, 20), 3), "GIF"),
        encode(Pil.new("CMYK", (20, 20)), "JPEG"),
        encode(Pil.new("I;16", (20, 20), 9), "PNG"),
        Image(Pil.new("L", (20, 20))),
    ]
    gone = [Image(tmp_path / "nowhere.jpg"), Image(b"no picture"), Image("http://127.0.0.1/a.jpg")]
    names = make_thumbnails([*images, *gone, images[0]], tmp_path, Silent())
    assert set(names) == {id(image) for image in images}
    small = [Pil.open(io.BytesIO((tmp_path / names[id(image)]).read_bytes())) for image in images]
    sizes = [picture.size for picture in small]
    assert sizes == [(LONGEST_SIDE, LONGEST_SIDE // 4), *[(20, 20)] * 5]
    assert small[1].getpixel((5, 5)) == (255, 255, 255)
