"""Networks: the mixture-of-transformers denoiser and what belongs to its checkpoints."""

from vera.models.transformer_vera import VeraTransformer3DModel

__all__ = ["VeraTransformer3DModel"]
