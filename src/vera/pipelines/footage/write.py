"""From layers that a model drew to the layer folder."""

from pathlib import Path

from vera.color.transform import edit_to_source
from vera.layers.folder import LayersWriter
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.clip import Refined, clip_grain
from vera.layers.source_match import describe_source
from vera.pipelines.footage.drawn import Drawn
from vera.pipelines.footage.job import EditJob
from vera.progress import Progress


def write_layers(job: EditJob, drawn: Drawn, folder: Path, progress: Progress | None = None) -> None:
    """Refine the layers frame by frame as they are decoded, and save them as `folder`, whole or not at all."""
    clip, edited, transform = job.clip, job.edited, job.transform
    refined = Refined(drawn.refinement, len(edited), drawn.plates)
    with LayersWriter(folder) as writer:
        for index, layer in enumerate(refined.frames(drawn.spans, drawn.views)):
            if transform is not None:  # to the source's colours, which have more codes than 8 bits tell apart
                layer = LayerFrame(edit_to_source(layer.edit, transform), layer.alpha)
            writer.write(layer)
            if progress is not None:
                progress("layers", index + 1, len(edited))
        manifest = drawn.manifest()
        if job.layers is not None:  # reads the whole source
            manifest["source"] = describe_source(clip)
        grain = clip_grain(clip, edited) if job.refinement.grain else None
        times = clip.pts[edited.start : edited.stop]
        finish = refined.finish(grain, job.sampling.seed)
        writer.finish(times, clip.time_base, manifest | refined.record(), finish)
