"""The report as one page: HTML that asks for nothing from elsewhere and runs no script but its own."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from vera import optional
from vera.evaluation.judges.criteria import TITLES
from vera.evaluation.predictions.metrics import Metric
from vera.evaluation.reports.run.heat import FULL
from vera.evaluation.reports.run.media import CaseMedia
from vera.evaluation.reports.run.published import COLUMNS, PUBLISHED, SOURCE, best_published
from vera.evaluation.reports.run.strips import ACROSS, SAMPLED, ZOOM
from vera.evaluation.reports.run.tables import LEVEL, Tables, TaskTable
from vera.evaluation.reports.run.tabular import title_of

SIGNIFICANT = 1 - LEVEL
# A clear pixel: with it as its own first picture, a video that is not yet loaded shows the still that it lies on.
CLEAR = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@dataclass(frozen=True)
class ShownCase:
    """A case of the gallery: its clips as a video and a still; None, and why, where they cannot be shown."""

    task: str
    case: str
    instruction: str
    methods: tuple[str, ...]
    media: CaseMedia | None
    reason: str = ""


def render_page(name: str, tables: Tables, cases: Sequence[ShownCase], figures: Mapping[str, Sequence[bytes]]) -> str:
    """Return the page's HTML. `figures` are PNG files by task."""
    style, script = template_text("report.css"), template_text("report.js")
    context = {
        "name": name, "tables": tables, "cases": cases, "figures": figures, "metrics": _metrics(tables),
        "judged": _judged(tables),
        "published": PUBLISHED, "best_published": best_published, "published_columns": COLUMNS,
        "published_source": SOURCE,
        "title_of": title_of, "ours": ours_beside_published, "gaps": gaps, "test_of": test_of, "values_of": values_of,
        "data": data_address, "clear": CLEAR, "criteria": TITLES,
        "full": FULL, "across": ACROSS, "zoom": ZOOM, "sampled": SAMPLED,
        "level": LEVEL, "significant": SIGNIFICANT,
    }  # fmt: skip
    return fill_page(__package__, "report.html", context, style, script)


def fill_page(package: str, template: str, context: Mapping[str, Any], style: str, script: str = "") -> str:
    """Return the HTML of a template of `package`, which may take those of reports; `style` and `script` are its own."""
    jinja2 = optional.need("jinja2", "jinja2", "a report", "evaluation")
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader(__package__)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = {"style": style, "script": script, "policy": page_policy(style, script)}
    return str(environment.get_template(template).render({**context, **own}))


def ours_beside_published(table: TaskTable) -> list[tuple[str, list[str]]]:
    """Rows of this run for the published columns, one for each region that it measured: a label and its cells."""
    rows = []
    for method in table.methods:
        for region in ("preserved", "frame"):
            keys = [column.ours.get(region, column.ours.get("", "")) for column in COLUMNS]
            cells = [table.cells.get((key, method)) for key in keys]
            over = [
                cell for cell, column in zip(cells, COLUMNS, strict=True) if region in column.ours and cell is not None
            ]
            if not any(cell.count for cell in over):
                continue
            label = f"{method}, {'preserved region' if region == 'preserved' else 'whole frame'}"
            texts = [
                "–" if cell is None or cell.mean is None else f"{cell.mean:.{column.digits}f}"
                for cell, column in zip(cells, COLUMNS, strict=True)
            ]
            rows.append((label, texts))
    return rows


def gaps(table: TaskTable) -> list[tuple[str, str, str]]:
    """What has no value, or not in all cases: measure, methods and reason, methods of one reason together."""
    found: dict[tuple[str, str], list[str]] = {}
    for metric in table.metrics:
        for method in table.methods:
            if reason := table.cells[metric.name, method].reason:
                found.setdefault((metric.heading, reason), []).append(method)
    return [
        (title, "all methods" if len(methods) == len(table.methods) else ", ".join(methods), reason)
        for (title, reason), methods in found.items()
    ]


def test_of(table: TaskTable) -> dict[tuple[str, str], Any]:
    """Tests by measure and method."""
    return {(test.metric, test.other): test for test in table.tests}


def values_of(table: TaskTable, case: str) -> dict[str, dict[str, float]]:
    """A case's values by method and measure."""
    return {method: dict(table.values.get((case, method), {})) for method in table.methods}


def data_address(content: bytes, kind: str) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _metrics(tables: Tables) -> list[Metric]:
    """All measures of all tasks, each once, the main one of the first task first."""
    found = dict.fromkeys(metric for table in tables.tasks for metric in (table.main, *table.metrics) if metric)
    return list(found)


def _judged(tables: Tables) -> list[tuple[str, str, str]]:
    """Task, method and criterion of each row of judges' scores."""
    return [] if tables.judges is None else list(dict.fromkeys(key[:3] for key in tables.judges.means))


def template_text(name: str) -> str:
    """Return a file of the page: its style, its script or its template."""
    return (files(__package__) / "templates" / name).read_text("utf-8")


def page_policy(style: str, script: str) -> str:
    """A content security policy: no address at all, and no style or script but these two."""
    style, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; media-src data: blob:; style-src 'sha256-{style}'; "
        f"script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
