"""Which adapter takes which pipeline class. An adapter's module is imported when a model of its class is."""

from importlib import import_module
from typing import TYPE_CHECKING

from vera.errors import VeraError

if TYPE_CHECKING:
    from vera.pipelines.editors.adapters.adapter import Adapter

# Class in model_index.json: module of `adapters` and class in it.
EDITORS: dict[str, tuple[str, str]] = {
    "LucyEditPipeline": ("lucy", "LucyEditor"),
    "WanVACEPipeline": ("vace", "VaceEditor"),
    "WanVideoToVideoPipeline": ("wan", "WanEditor"),
    "WanPipeline": ("wan", "WanEditor"),  # the text-to-video checkpoints, whose parts are the same
    "LTX2InContextPipeline": ("ltx2", "Ltx2Editor"),
    "LTX2Pipeline": ("ltx2", "Ltx2Editor"),
    "Flux2KleinPipeline": ("klein", "KleinEditor"),
    "QwenImageEditPipeline": ("qwen", "QwenEditor"),
    "QwenImageEditPlusPipeline": ("qwen", "QwenPlusEditor"),
    "ChronoEditPipeline": ("chronoedit", "ChronoEditor"),
}


def adapter_class(pipeline: str, where: str) -> "type[Adapter]":
    """The adapter of a pipeline class; VeraError, which begins with `where`, if it is no editor that Vera knows."""
    if pipeline not in EDITORS:
        raise VeraError(
            f"{where}: {pipeline} is neither a Vera pipeline nor an editor that Vera knows ({', '.join(EDITORS)})"
        )
    module, name = EDITORS[pipeline]
    found: type[Adapter] = getattr(import_module(f"vera.pipelines.editors.adapters.{module}"), name)
    return found
