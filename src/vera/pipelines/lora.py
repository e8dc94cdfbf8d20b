"""LoRA on a pipeline: diffusers' loader for Wan, and single-stream LoRAs of Wan on the experts of a MoT."""

import re
from collections.abc import Collection, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from diffusers.loaders import WanLoraLoaderMixin
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.models import VeraTransformer3DModel
from vera.models.conversion.experts import vera_key
from vera.presets import LORAS, preset_folder

_PREFIX = "transformer."


class VeraLoraLoaderMixin(WanLoraLoaderMixin):  # type: ignore[misc]  # diffusers is untyped
    """`load_lora_weights` for what was trained on Vera or on Wan2.1 text-to-video; all else is diffusers' for Wan.

    `save_lora_weights` writes, and `load_lora_weights` reads, `pytorch_lora_weights.safetensors`: keys begin with
    `transformer.`, ranks and alphas are in its metadata.
    """

    _lora_loadable_modules = ["transformer"]  # noqa: RUF012 (diffusers' protocol)

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: Any,
        adapter_name: str | None = None,
        branches: Collection[str] | None = None,
        hotswap: bool = False,
        low_cpu_mem_usage: bool = True,
        **kwargs: Any,
    ) -> None:
        """Add an adapter from a file, a folder, a model of the hub, a state dict, or "nano-8-steps", which ships.

        It is active at once. Layers of a Wan LoRA, in diffusers' or the original layout (keys `diffusion_model.`), go
        to the experts named in `branches`, by default to all; a text attention to those that have one. `kwargs` are
        those of diffusers' `lora_state_dict`, such as `weight_name`. VeraError if the LoRA cannot be read or is of
        another model.
        """
        given = pretrained_model_name_or_path_or_dict
        where = "the LoRA" if isinstance(given, Mapping) else f"LoRA {given}"
        if given in LORAS:
            given = preset_folder(given)
        try:
            state, metadata = self.lora_state_dict(given, return_lora_metadata=True, **kwargs)
        except (OSError, ValueError, KeyError) as error:
            raise VeraError(f"{where} cannot be read: {first_line(error)}") from None
        state, metadata = _fit(state, metadata, self.transformer, branches, where)
        try:
            self.load_lora_into_transformer(
                state,
                transformer=self.transformer,
                adapter_name=adapter_name,
                _pipeline=self,
                low_cpu_mem_usage=low_cpu_mem_usage,
                hotswap=hotswap,
                metadata=metadata,
            )
        except RuntimeError as error:  # unlike shapes
            raise VeraError(f"{where} is of a model of another size: {str(error).splitlines()[-1].strip()}") from None


def _fit(
    state: Mapping[str, Tensor],
    metadata: Mapping[str, Any] | None,
    transformer: Any,
    branches: Collection[str] | None,
    where: str,
) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    """The LoRA with the names of the transformer's own modules; VeraError where it has none of that name."""
    own = {name for name, _ in transformer.named_modules()}
    fitted = {_PREFIX + _bare(key): tensor for key, tensor in state.items()}
    if isinstance(transformer, VeraTransformer3DModel) and any(_module(key) not in own for key in fitted):
        chosen = set(transformer.config.branches if branches is None else branches)
        if unknown := chosen - set(transformer.config.branches):
            raise VeraError(
                f"{where}: there is no branch {min(unknown)}, only {', '.join(transformer.config.branches)}"
            )
        mapped: dict[str, Tensor] = {}
        for key, tensor in _with_scale(fitted, metadata).items():
            homes = {branch: _PREFIX + vera_key(_bare(key), branch) for branch in transformer.config.branches}
            homes = {branch: home for branch, home in homes.items() if _module(home) in own}
            if homes and _module(key) not in own:
                mapped |= {homes[branch]: tensor for branch in homes.keys() & chosen}
            else:
                mapped[key] = tensor
        fitted, metadata = mapped, None  # ranks are seen from the tensors, alphas are in them now
    strange = [key for key in fitted if _module(key) not in own]
    if strange or not fitted:
        problem = f"it changes {_module(strange[0])}, which" if strange else "it changes nothing that"
        raise VeraError(f"{where} is of another model: {problem} this {type(transformer).__name__} does not have")
    return fitted, metadata


def _bare(key: str) -> str:
    return key.removeprefix(_PREFIX)


def _module(key: str) -> str:
    """`blocks.0.attn1.to_q` of `transformer.blocks.0.attn1.to_q.lora_A.weight`."""
    return _bare(key).partition(".lora_")[0]


def _with_scale(state: Mapping[str, Tensor], metadata: Mapping[str, Any] | None) -> dict[str, Tensor]:
    """The tensors with what the metadata says of alpha multiplied into `lora_B`."""
    if not metadata:
        return dict(state)
    from peft import LoraConfig
    from peft.utils.other import get_pattern_key

    config = LoraConfig(**{_bare(name): value for name, value in metadata.items()})
    alphas = config.alpha_pattern or {}
    scaled = dict(state)
    for key, tensor in state.items():
        if ".lora_B" in key:
            rank = state[f"{_PREFIX}{_module(key)}.lora_A.weight"].shape[0]
            alpha = alphas.get(get_pattern_key(list(alphas), _module(key)), config.lora_alpha)
            scaled[key] = tensor * (alpha / (sqrt(rank) if config.use_rslora else rank))
    return scaled


def add_loras(pipeline: Any, loras: Sequence[str | Path]) -> None:
    """Load all of these and activate them together, each as `load_lora_weights` takes it, perhaps with `:scale`."""
    scales = {}
    for index, given in enumerate(loras):
        scaled = re.fullmatch(r"(.+):(-?\d*\.?\d+)", str(given))
        path, scale = scaled.groups() if scaled else (str(given), "1")
        pipeline.load_lora_weights(path, adapter_name=f"lora_{index}")
        scales[f"lora_{index}"] = float(scale)
    if scales:
        pipeline.set_adapters(list(scales), list(scales.values()))
