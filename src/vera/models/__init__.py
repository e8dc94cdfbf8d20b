"""Networks: the mixture-of-transformers denoiser, the small autoencoder, and what belongs to their checkpoints."""

from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.models.transformer_vera import VeraTransformer3DModel

__all__ = ["AutoencoderPatch3D", "VeraTransformer3DModel"]
