"""The rows of the samples: made of the records at the end of each build, so that none is there twice or left over."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vera.construction.engine.build import Build
from vera.construction.engine.record import Record
from vera.construction.engine.stage import Stage
from vera.construction.licences import Terms, exclude_each_other, strictest, terms_of
from vera.errors import VeraError
from vera.files import write_text

Touching = list[tuple[str, Terms]]


def write_rows(build: Build) -> int:
    """Write the JSONL of each split anew where it changes; how many samples the data set has."""
    sources = {source.id: source for source in build.sources}
    rows: dict[str, list[str]] = defaultdict(list)
    for task in build.index.find("done", "publish"):
        record = build.record(build.clips[task.unit])
        facts = record.stages[task.key].facts
        licence = licence_fields(sources[record.about["source"]], build.plan.stages)
        row = {**facts["row"], "provenance": {**facts["row"]["provenance"], **licence}}
        rows[facts["index"]].append(json.dumps(row))
    for path in build.layout.dataset.glob("*/*/*.jsonl"):
        rows.setdefault(path.relative_to(build.layout.dataset).as_posix(), [])
    for index, lines in rows.items():
        path = build.layout.dataset / index
        text = "".join(f"{line}\n" for line in sorted(lines))
        if not text:
            path.unlink(missing_ok=True)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
    return sum(map(len, rows.values()))


def touching(source: Record, stages: Sequence[Stage]) -> Touching:
    """The licences of a source and of all models that touch its samples."""
    held: Mapping[str, Any] = source.about["licence"]
    models = [model.licence for stage in stages for model in stage.models]
    return [(held["licence"], Terms(**held["terms"])), *((licence, terms_of(licence)) for licence in models)]


def licence_fields(source: Record, stages: Sequence[Stage]) -> dict[str, Any]:
    """What a row says of its licence: the strictest, all, whether commercial use is allowed, and whom to name."""
    licences = touching(source, stages)
    name, terms = strictest(licences)
    held = source.about["licence"]
    return {
        "licence": name,
        "licences": sorted({licence for licence, _ in licences}),
        "commercial": terms.commercial,
        "creator": held["creator"],
        "url": held["url"],
    }


def check_licences(sources: Sequence[Record], stages: Sequence[Stage], commercial: bool) -> None:
    """VeraError for a licence under which no sample may be made, or none for the use that is asked for."""
    for model in (model for stage in stages for model in stage.models):
        if commercial and not terms_of(model.licence).commercial:
            raise VeraError(
                f"model {model.name}: {model.licence} forbids commercial use, and the recipe says commercial: true; "
                "choose another model"
            )
    refused = [told for source in sources if (told := _refusal(source, stages, commercial)) is not None]
    if refused:
        more = f" (and {len(refused) - 1} more sources)" if len(refused) > 1 else ""
        raise VeraError(f"{refused[0]}{more}")


def _refusal(source: Record, stages: Sequence[Stage], commercial: bool) -> str | None:
    if source.about["licence"] is None:
        return None  # the first stage rejects it
    path, licences = source.about["path"], touching(source, stages)
    name, terms = strictest(licences)
    if not terms.derivatives:
        return f"{path}: {name} forbids derivatives, which layers are; leave the file out"
    if commercial and not terms.commercial:
        return f"{path}: {name} forbids commercial use, and the recipe says commercial: true; leave the file out"
    if exclude_each_other(licences):
        return f"{path}: {' and '.join(sorted({held for held, _ in licences}))} exclude each other; leave the file out"
    return None
