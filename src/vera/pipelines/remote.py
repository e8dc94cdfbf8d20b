"""The pipeline as a model folder's own module names it, for `DiffusionPipeline.from_pretrained`.

That loads a part, unless it is given or None, by the class which the folder names. Here the folder names other classes
for what `vera.VeraPipeline` loads in its own way, the autoencoder and the text encoder of a package.
"""

from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, ModelMixin
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as PreTrainedTokenizer  # diffusers looks for this name beside a class

from vera.files import read_json
from vera.models import AutoencoderPatch3D
from vera.pipelines import pipeline_vera
from vera.pipelines.folders.opening import TEXT_PARTS, load_packaged_text_encoder

_AUTOENCODERS: dict[str, Any] = {kind.__name__: kind for kind in (AutoencoderKLWan, AutoencoderPatch3D)}


class Autoencoder(ModelMixin):  # type: ignore[misc]  # diffusers is untyped
    """Loads an autoencoder in float32, whatever the others are in: its rounding would end up in the picture."""

    @classmethod
    def from_pretrained(cls, folder: str, **options: Any) -> Any:
        """Load it by the class in its configuration."""
        kind = _AUTOENCODERS[read_json(Path(folder) / "config.json")["_class_name"]]
        return kind.from_pretrained(folder, **options | {"torch_dtype": torch.float32})


class TextEncoder(PreTrainedModel):  # type: ignore[misc]  # so is transformers
    """Loads the text encoder of the package that a model's folder names."""

    @classmethod
    def from_pretrained(cls, folder: str, **options: Any) -> Any:
        """Load it, in float32."""
        return _packaged(folder, "text_encoder")


class Tokenizer(PreTrainedTokenizer):  # type: ignore[misc]
    """Loads the tokenizer of the package that a model's folder names."""

    @classmethod
    def from_pretrained(cls, folder: str, **options: Any) -> Any:
        """Load it."""
        return _packaged(folder, "tokenizer")


def _packaged(folder: str, part: str) -> Any:
    package = read_json(Path(folder) / "model_index.json")["text_encoder_package"]
    return load_packaged_text_encoder(package, [part])[part]


def _with_text_parts(own: Signature) -> Signature:
    """Without defaults for them: a part that has one, and is given, diffusers replaces by the folder's."""
    parameters = own.parameters.values()
    return own.replace(
        parameters=[one.replace(default=Parameter.empty) if one.name in TEXT_PARTS else one for one in parameters]
    )


class VeraPipeline(pipeline_vera.VeraPipeline):
    """`vera.VeraPipeline` whose parts `DiffusionPipeline` loads as `vera.VeraPipeline.from_pretrained` does."""

    @wraps(pipeline_vera.VeraPipeline.__init__)  # type: ignore[misc]  # diffusers reads the signature
    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)

    __init__.__signature__ = _with_text_parts(signature(pipeline_vera.VeraPipeline.__init__))  # type: ignore[attr-defined]

    @classmethod
    def extract_init_dict(cls, config_dict: Any, **kwargs: Any) -> Any:
        """Tell diffusers by which classes to load the parts."""
        parts, *rest = super().extract_init_dict(config_dict, **kwargs)
        if parts.get("vae", [None, None])[1] in _AUTOENCODERS:
            parts["vae"] = [__name__, Autoencoder.__name__]
        if config_dict.get("text_encoder_package") is not None and parts.get("text_encoder", [None, None])[1] is None:
            parts |= {"text_encoder": [__name__, TextEncoder.__name__], "tokenizer": [__name__, Tokenizer.__name__]}
        return parts, *rest
