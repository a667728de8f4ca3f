"""Make the pictures of docs/ and README: `python docs/screenshots.py RUN_DIR...`.

The report of the demo's runs, opened in Debian's Chromium.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from evals.pages import write_report
from evals.progress import RichProgress
from evals.report.references import load_references, select_references

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 860}


def main(run_dirs: list[Path]) -> None:
    """Write docs/images/*.png."""
    references = select_references(load_references(), ["Flamingo-9B", "OpenFlamingo-9B"])
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        index = write_report(
            run_dirs, Path(folder) / "report", references=references, progress=RichProgress()
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(index.as_uri())
        page.wait_for_selector("#curve-charts canvas")
        page.screenshot(path=IMAGES / "report.png")
        runs = sorted(path.name for path in (index.parent / "data").glob("okvqa*"))
        page.goto(
            f"{(index.parent / 'queries.html').as_uri()}#run={runs[0]}&beside={runs[-1]}&differ=1"
        )
        page.wait_for_selector('#status[data-ready="true"]')
        page.click("#rows tbody tr >> nth=1")
        page.wait_for_selector("#detail .side >> nth=1")
        page.wait_for_timeout(500)
        page.screenshot(path=IMAGES / "query.png")
        browser.close()


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
