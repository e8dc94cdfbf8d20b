"""The job `verify`: whether a result keeps its tier's guarantee, and a map of where it does not."""

from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import read_json
from vera.jobs.kinds.inputs import checked_id, open_job_clip, open_laid, project_folder
from vera.jobs.work import Work

MOST_FRAMES = 100_000  # of a clip whose frames are told one by one: a job's result has at most 1 MB


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Hold a result against the clip and the layers that it was made of; counts, and the URL of the map if any."""
    from vera.layers import verify
    from vera.layers.heat import ChangeMap

    file = project_folder(work.workspace, spec) / "exports" / checked_id(spec.get("file"))
    if not (file / "about.json").is_file():
        raise VeraError("the result was deleted meanwhile; write it anew")
    about = read_json(file / "about.json")
    clip, stack = open_job_clip(work.workspace, spec.get("clip")), open_laid(work.workspace, spec)
    heat = ChangeMap(clip)
    report = verify(
        clip, file / Path(about["name"]).name, stack, about["master"], progress=work.progress, seen=heat.add
    )
    if report.changed:
        heat.save(work.out / "heat.png")
    return {
        "file": spec["file"],
        "master": about["master"],
        "frames": report.frames,
        "samples": report.samples,
        "preserved": report.preserved,
        "changed": report.changed,
        "max_difference": report.max_difference,
        "broken": report.broken,
        "packets": report.packets,
        "kept": report.kept,
        "heat": _url(spec) if report.changed else None,
        "by_frame": heat.by_frame if clip.frame_count <= MOST_FRAMES else [],
    }


def _url(spec: dict[str, Any]) -> str:
    check = Path(spec["out"]).name
    return f"/api/v1/projects/{spec['project']}/checks/{check}/heat.png"
