"""The job `layerize`: a take from somebody else's edit of the clip."""

from typing import Any

from vera.jobs.kinds.inputs import open_job_clip
from vera.jobs.kinds.takes import finish_take
from vera.jobs.work import Work


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Recover the layers of `spec["edited"]`, a clip that is open, over `spec["clip"]`, and write their proxies."""
    from vera.layers.layerize import layerize

    clip, edited = (open_job_clip(work.workspace, spec.get(name)) for name in ("clip", "edited"))
    report = layerize(clip, edited, work.out / "layers", progress=work.progress)
    return finish_take(clip, report.layers, work, list(report.notices))
