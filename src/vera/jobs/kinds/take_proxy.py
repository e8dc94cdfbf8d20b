"""The job `take_proxy`: a layer folder that was brought into a project becomes one of its takes."""

from typing import Any

from vera.files import link_or_copy
from vera.jobs.kinds.inputs import checked_id, open_job_clip, project_folder
from vera.jobs.kinds.takes import finish_take
from vera.jobs.work import Work


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Take the layers in `brought/TAKE` of the project, and write their proxies. VeraError for another clip's."""
    from vera.layers import layer_files, load_layers
    from vera.layers.composite import check_belongs

    clip = open_job_clip(work.workspace, spec.get("clip"))
    brought = project_folder(work.workspace, spec) / "brought" / checked_id(spec.get("take"))
    check_belongs(load_layers(brought), clip)
    for path in layer_files(brought):
        link_or_copy(path, work.out / path.name)  # not moved: a job that is killed begins again
    return finish_take(clip, work.out, work, [])
