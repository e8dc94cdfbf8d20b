"""What a take may be asked for, before it is queued and while it waits."""

from typing import Any

from pydantic import ValidationError

from vera.errors import VeraError
from vera.jobs.job import Job
from vera.studio.clips import clip_record
from vera.studio.masks import mask_path
from vera.studio.projects import project_record
from vera.studio.schema.takes import NewTakes
from vera.studio.studio import Studio

Record = dict[str, Any]
CHANGEABLE = ("instruction", "seed", *NewTakes.model_fields.keys() - {"instruction", "seeds"})  # while it waits


def check_asked(studio: Studio, project: str, asked: NewTakes) -> None:
    """VeraError for a model or LoRA that is none of the studio's, or what the clip does not have.

    MissingError for a mask that there is not.
    """
    if asked.model is not None and asked.model not in studio.models:
        raise VeraError(f"model {asked.model}: is none of this studio's, which are {', '.join(studio.models)}")
    for lora in asked.lora:
        if lora.name not in studio.loras:
            known = ", ".join(studio.loras) or "none: name it by --lora when the studio is started"
            raise VeraError(f"LoRA {lora.name}: is none of this studio's, which are {known}")
    _check_part(asked, clip_record(studio, project_record(studio, project)["clip"])["probe"])
    if asked.mask is not None:
        mask_path(studio, project, asked.mask)


def check_spec(studio: Studio, job: Job, spec: Record) -> Record:
    """What a job that waits is to do, as a page changes it: only what a take is asked for, within the same ranges.

    Folders, clips and the job's own ids stay. Raises VeraError for anything else.
    """
    if job.kind != "edit":
        raise VeraError("what this job does cannot be changed; cancel it, and ask anew")
    changed = {name: value for name, value in spec.items() if value != job.spec.get(name)}
    foreign = sorted(changed.keys() - set(CHANGEABLE))
    if foreign:
        raise VeraError(f"{', '.join(map(repr, foreign))}: cannot be changed; only {', '.join(sorted(CHANGEABLE))} can")
    said = {name: value for name, value in (job.spec | changed).items() if name in CHANGEABLE}
    try:
        asked = NewTakes(**{name: value for name, value in said.items() if name != "seed"}, seeds=[said["seed"]])
    except ValidationError as error:
        first = error.errors()[0]
        raise VeraError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    check_asked(studio, job.spec["project"], asked)
    said = asked.model_dump(mode="json", exclude={"seeds"}) | {"seed": asked.seeds[0]}
    return job.spec | said | {"model": asked.model or studio.models[0]}


def _check_part(asked: NewTakes, probe: Record) -> None:
    """VeraError for frames or a region that the clip does not have."""
    start, count = asked.start or 0, probe["frames"]
    if start >= count or start + (asked.frames or 1) > count:
        raise VeraError(f"frames {start} to {start + (asked.frames or 1) - 1}: the clip has 0 to {count - 1}")
    if asked.region is not None:
        x, y, width, height = asked.region
        if x + width > probe["width"] or y + height > probe["height"]:
            raise VeraError(f"the region goes beyond the picture, which is {probe['width']}x{probe['height']}")
