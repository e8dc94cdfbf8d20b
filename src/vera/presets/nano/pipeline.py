"""This model's pipeline for `DiffusionPipeline.from_pretrained(..., trust_remote_code=True)`.

The code itself is in the package vera, which must be installed.
"""

from vera.pipelines.remote import VeraPipeline

__all__ = ["VeraPipeline"]
