"""A gate's report as Markdown for a pull request, and as JUnit XML for CI."""

from collections.abc import Iterator
from xml.etree import ElementTree

from evals.comparison.formats import conclude, escape, print_interval
from evals.gate.judge import Check, Report, Status
from evals.report.names import name_score

_SIGNS = {
    Status.HOLDS: "✅ holds",
    Status.UNDERPOWERED: "⚠️ underpowered",
    Status.REGRESSED: "❌ regressed",
    Status.NOT_COMPARABLE: "⛔ not comparable",
}
_VERDICTS = {0: "The baseline holds.", 1: "The gate fails.", 3: "Some runs are not comparable."}


def format_markdown(report: Report) -> str:
    """Return a table of the checks, what is to be said of each, and the queries that changed."""
    return "\n".join(_describe(report)) + "\n"


def _describe(report: Report) -> Iterator[str]:
    yield f"### {_VERDICTS[report.exit_code]}"
    yield ""
    yield "| run | score | baseline | now | change | 95 % | p | |"
    yield "|---|---|--:|--:|--:|--:|--:|---|"
    for check in report.checks:
        yield f"| {' | '.join(_row(check))} |"
    for check in report.checks:
        if check.remarks or check.status is Status.REGRESSED:
            yield ""
            yield f"**{name_check(check)}**: {_SIGNS[check.status]}"
            yield ""
            if check.status is Status.REGRESSED and check.comparison is not None:
                yield f"- {conclude(check.comparison)} The tolerance is {check.tolerance:g}."
            yield from (f"- {remark}" for remark in check.remarks)
            yield from _list_changes(check)


def name_check(check: Check) -> str:
    made = check.run.summary
    return f"{made.task} {made.split}, {made.shots} shots, seed {made.seed}, {made.protocol}"


def explain(check: Check) -> str:
    """Return why a check came out as it did, in a line."""
    said = [] if check.comparison is None else [conclude(check.comparison)]
    return " ".join((*said, *(f"{remark}." for remark in check.remarks)))


def _row(check: Check) -> Iterator[str]:
    yield name_check(check)
    if check.comparison is None:
        yield from ("", "", "", "", "", "")
    else:
        main = check.comparison.main
        scale = main.scale
        yield f"{name_score(main.name).title}{scale.arrow}"
        yield scale.print(main.before)
        yield scale.print(main.after)
        yield scale.print(main.after - main.before, signed=True)
        interval = main.assessment.difference.interval if main.assessment else None
        yield print_interval(interval, scale) if interval else "-"
        p_value = check.comparison.adjusted_p
        yield "-" if p_value is None else f"{p_value:.4f}"
    yield _SIGNS[check.status]


def _list_changes(check: Check) -> Iterator[str]:
    if check.status is not Status.REGRESSED or check.comparison is None:
        return
    yield ""
    yield "| query | baseline | now |"
    yield "|---|---|---|"
    for pair in check.comparison.changed:
        cells = (pair.before.id, pair.before.answer, pair.after.answer)
        yield f"| {' | '.join(map(escape, cells))} |"


def format_junit(report: Report) -> str:
    """Return a test suite with a case a run; remarks are its output."""
    failing = [check for check in report.checks if _fails(check, report)]
    errors = [check for check in report.checks if check.status is Status.NOT_COMPARABLE]
    suite = ElementTree.Element(
        "testsuite",
        name="evals gate",
        tests=str(len(report.checks)),
        failures=str(len(failing)),
        errors=str(len(errors)),
    )
    for check in report.checks:
        made = check.run.summary
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"evals.{made.task}.{made.split}", name=name_check(check)
        )
        if check in errors:
            ElementTree.SubElement(case, "error", message=explain(check))
        elif check in failing:
            ElementTree.SubElement(case, "failure", message=explain(check))
        elif check.remarks:
            ElementTree.SubElement(case, "system-out").text = explain(check)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _fails(check: Check, report: Report) -> bool:
    underpowered = report.require_power and check.status is Status.UNDERPOWERED
    return underpowered or check.status is Status.REGRESSED
