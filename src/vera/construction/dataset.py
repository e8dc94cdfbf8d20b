"""The rows of the samples: made of the records at the end of each build, so that none is there twice or left over."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from vera.construction.engine.build import Build
from vera.construction.engine.record import Record
from vera.construction.engine.stage import Facts, Stage
from vera.construction.licences import Terms, exclude_each_other, strictest, terms_of
from vera.construction.stages.background import Picture
from vera.errors import VeraError
from vera.whole import whole_file

Touching = list[tuple[str, Terms]]


def write_rows(build: Build, later: Sequence[Stage] = ()) -> None:
    """Write the rows of each split anew where they change; those of stages that come `later` in the recipe than this
    build goes stay as they are, and so do rows that no build wrote."""
    sources = {source.id: source for source in build.sources}
    rows: dict[str, list[str]] = defaultdict(list)
    way = {stage.name: on_the_way(build.plan.stages, stage.name) for stage in build.plan.stages if stage.split}
    for task in (task for name in way for task in build.index.find("done", name)):
        record = build.record(build.about(task))
        facts = record.stages[task.key].facts
        licence = licence_fields(sources[record.about["source"]], way[task.stage], facts.get("pictures", ()))
        row = {**facts["row"], "provenance": {**facts["row"]["provenance"], **licence}}
        rows[facts["index"]].append(json.dumps(row))
    kept = {stage.split for stage in later}
    for path in (path for path in build.layout.dataset.glob("*/*/*.jsonl") if path.stem not in kept):
        rows.setdefault(path.relative_to(build.layout.dataset).as_posix(), [])
    for index, lines in rows.items():
        path = build.layout.dataset / index
        held = path.read_bytes().splitlines() if path.is_file() else []
        others = [line for line in held if not is_own(line)]
        wanted = [*others, *(line.encode() for line in sorted(lines))]
        if wanted == held:
            continue
        if not wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(b"".join(line + b"\n" for line in wanted))


def is_own(line: bytes) -> bool:
    """Whether a line of an index is a row that a build wrote, not one of another set in the same folder."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "provenance" in row


def on_the_way(stages: Sequence[Stage], name: str) -> list[Stage]:
    """A stage, and all before it that it needs, or that those need."""
    needed = {name}
    for stage in reversed(stages):
        if stage.name in needed:
            needed |= set(stage.needs)
    return [stage for stage in stages if stage.name in needed]


def touching(footage: Sequence[Facts], stages: Sequence[Stage]) -> Touching:
    """The licences of footage and pictures, as `Licence.about` gives them, and of all models on their way."""
    models = [model.licence for stage in stages for model in stage.models]
    held = [(each["licence"], Terms(**each["terms"])) for each in footage]
    return [*held, *((licence, terms_of(licence)) for licence in models)]


def licence_fields(source: Record, stages: Sequence[Stage], pictures: Sequence[Facts] = ()) -> dict[str, Any]:
    """What a row says of its licence: the strictest, all, whether commercial use is allowed, and whom to name."""
    held = source.about["licence"]
    licences = touching([held, *pictures], stages)
    name, terms = strictest(licences)
    made = [{name: picture[name] for name in ("licence", "creator", "url")} for picture in pictures]
    return {
        **({"pictures": made} if made else {}),
        "licence": name,
        "licences": sorted({licence for licence, _ in licences}),
        "commercial": terms.commercial,
        "creator": held["creator"],
        "url": held["url"],
    }


def check_licences(
    sources: Sequence[Record], stages: Sequence[Stage], commercial: bool, pictures: Sequence[Picture] = ()
) -> None:
    """VeraError for a licence under which no sample may be made, or none for the use that is asked for."""
    for model in (model for stage in stages for model in stage.models):
        if commercial and not terms_of(model.licence).commercial:
            raise VeraError(
                f"model {model.name}: {model.licence} forbids commercial use, and the recipe says commercial: true; "
                "choose another model"
            )
    # A source without a licence is rejected by the first stage.
    footage = {source.about["path"]: source.about["licence"] for source in sources if source.about["licence"]}
    files = [*footage.items(), *((picture.path, picture.licence) for picture in pictures)]
    refused = [told for path, held in files if (told := _refusal(path, touching([held], stages), commercial))]
    refused += _exclusions(footage, pictures, stages)
    if refused:
        more = f" (and {len(refused) - 1} more files)" if len(refused) > 1 else ""
        raise VeraError(f"{refused[0]}{more}")


def _exclusions(footage: Mapping[str, Facts], pictures: Sequence[Picture], stages: Sequence[Stage]) -> list[str]:
    """Pictures and footage whose licences leave no sample of both: one line for each pair of licences."""
    pairs = {
        (held["licence"], picture.licence["licence"]): (path, held, picture)
        for path, held in footage.items()
        for picture in pictures
    }
    return [
        f"{picture.path}: {other} and {one} of {path} exclude each other; leave one of them out"
        for (one, other), (path, held, picture) in pairs.items()
        if exclude_each_other(touching([held, picture.licence], stages))
    ]


def _refusal(path: str, licences: Touching, commercial: bool) -> str | None:
    name, terms = strictest(licences)
    if not terms.derivatives:
        return f"{path}: {name} forbids derivatives, which layers are; leave the file out"
    if commercial and not terms.commercial:
        return f"{path}: {name} forbids commercial use, and the recipe says commercial: true; leave the file out"
    if exclude_each_other(licences):
        return f"{path}: {' and '.join(sorted({held for held, _ in licences}))} exclude each other; leave the file out"
    return None
