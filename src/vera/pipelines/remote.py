"""The pipeline as a model folder's own module names it, for `DiffusionPipeline.from_pretrained`."""

from functools import wraps
from typing import Any

from vera.pipelines import pipeline_vera
from vera.pipelines.folders.opening import load_packaged_text_encoder


class VeraPipeline(pipeline_vera.VeraPipeline):
    """`vera.VeraPipeline` that, however it is made, has the text encoder of the package that its model names."""

    @wraps(pipeline_vera.VeraPipeline.__init__)  # type: ignore[misc]  # diffusers reads the signature
    def __init__(self, **parts: Any) -> None:
        package = parts.get("text_encoder_package")
        if package is not None and parts.get("text_encoder") is None:
            parts |= load_packaged_text_encoder(package)
        super().__init__(**parts)
