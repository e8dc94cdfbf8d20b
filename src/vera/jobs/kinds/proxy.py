"""The job `proxy`: a clip's stand-in for the viewer, its thumbnails and the peaks of its sound."""

from typing import Any

from vera.jobs.kinds.inputs import open_job_clip
from vera.jobs.work import Work


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Write the proxy of `spec["clip"]`; returns its size and count of frames."""
    from vera.video.proxy import proxy_size, write_proxy

    clip = open_job_clip(work.workspace, spec.get("clip"))
    write_proxy(clip, work.out, work.progress)
    width, height = proxy_size(clip)
    return {"width": width, "height": height, "frames": clip.frame_count}
