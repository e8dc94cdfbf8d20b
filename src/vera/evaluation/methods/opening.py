"""Open a model that edits, of whatever kind."""

from collections.abc import Sequence

from vera.pipelines import Acceleration, VeraPipeline, load_pipeline
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.loading import editor_pipeline, load_editor


def open_model(
    model: str,
    lora: Sequence[str] = (),
    device: str = "auto",
    dtype: str = "auto",
    acceleration: Acceleration | None = None,
) -> VeraPipeline | Adapter:
    """Load a Vera model or an editor, as `load_pipeline` and `load_editor` do; it draws no progress bars."""
    kind = editor_pipeline(model)
    if kind is not None:
        return load_editor(model, device, dtype, acceleration, lora, kind)
    pipeline = load_pipeline(model, device, dtype, acceleration, lora)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
