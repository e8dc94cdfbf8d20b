"""LoRA on a pipeline: whole or refused, and single-stream LoRAs of Wan on the experts of a MoT."""

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks import HookRegistry
from diffusers.loaders import WanLoraLoaderMixin
from torch import nn

from vera.errors import VeraError, first_line
from vera.models import VeraTransformer3DModel
from vera.models.conversion.experts import vera_key
from vera.pipelines.lora.file import read_lora
from vera.pipelines.lora.guards import (
    LARGEST_WEIGHT,
    check_held,
    check_names,
    check_not_on_disk,
    check_switched_on,
    check_unfused,
    check_weight,
    check_weights,
)
from vera.pipelines.lora.layers import LoraLayer, lora_layers, peft_config, state_of
from vera.pipelines.offloaded import has_no_values

_PREFIX = "transformer."
_COMPILED = "_orig_mod."  # in the names of modules inside of what torch.compile returned

Layers = dict[str, LoraLayer]


class VeraLoraLoaderMixin(WanLoraLoaderMixin):  # type: ignore[misc]  # diffusers is untyped
    """`load_lora_weights` for what was trained on Vera or on Wan2.1 text-to-video; all else is diffusers' for Wan.

    `save_lora_weights` writes, and `load_lora_weights` reads, `pytorch_lora_weights.safetensors`: keys begin with
    `transformer.`, ranks and alphas are in its metadata.
    """

    transformer: Any
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

        It is active at once. Layers of a Wan LoRA, in any of the layouts that `lora_layers` reads, go to the experts
        named in `branches`, by default to all; a text attention to those that have one. Of a LoRA of Vera `branches`
        takes those layers that the named experts own. `kwargs` say where it lies, as for diffusers: `weight_name`,
        `subfolder`, `revision`, `token`, `cache_dir`, `local_files_only`.

        VeraError, and nothing is loaded, if the LoRA cannot be read, is incomplete, is of another model, or would
        change more than the `branches`, while another is fused or adapters are switched off, or where the weights are
        offloaded to disk. A warning names differences of whole weights (`.diff`) that it holds besides its layers and
        that are not applied.
        """
        given = pretrained_model_name_or_path_or_dict
        where = "the LoRA" if isinstance(given, Mapping) else f"LoRA {given}"
        transformer = plain_transformer(self.transformer)
        if not hotswap:
            check_unfused(transformer, where)
            check_switched_on(transformer, where)
            check_not_on_disk(transformer, where)
        state, metadata = read_lora(given, where, **kwargs)
        names = {name.replace(_COMPILED, ""): name for name, _ in transformer.named_modules()}
        found = lora_layers(state, metadata, names.keys(), where)
        layers = _fit(found.layers, transformer, names, branches, where)
        if any(layer.magnitude is not None for layer in layers.values()) and (
            _casting_dtype(transformer) or has_no_values(transformer)
        ):
            raise VeraError(f"{where}: a DoRA does not work over weights of 8 bits or sequentially offloaded ones")
        if hotswap:
            config, layers = _as_before(layers, transformer, adapter_name, where)
        else:
            config = peft_config(layers)
        self._add_adapter(layers, config, transformer, adapter_name, hotswap, low_cpu_mem_usage, where)
        if found.left_out:
            some = ", ".join(found.left_out[:3])
            warnings.warn(
                f"{where}: {len(found.left_out)} differences of whole weights are not applied ({some}), its layers are",
                stacklevel=2,
            )

    def _add_adapter(
        self,
        layers: Layers,
        config: dict[str, Any],
        transformer: Any,
        adapter_name: str | None,
        hotswap: bool,
        low_cpu_mem_usage: bool,
        where: str,
    ) -> None:
        before = {id(parameter) for parameter in transformer.parameters()}
        try:
            self.load_lora_into_transformer(
                {_PREFIX + key: tensor for key, tensor in state_of(layers).items()},
                transformer=transformer,
                adapter_name=adapter_name,
                _pipeline=self,
                low_cpu_mem_usage=low_cpu_mem_usage,
                hotswap=hotswap,
                metadata={_PREFIX + name: value for name, value in config.items()},
            )
        except Exception as error:  # of peft, on what the checks above do not know
            raise VeraError(f"{where} cannot be loaded: {first_line(error)}") from error
        added = [parameter for parameter in transformer.parameters() if id(parameter) not in before]
        if dtype := _casting_dtype(transformer):
            for parameter in added:
                parameter.data = parameter.data.to(dtype)

    def fuse_lora(
        self,
        components: str | Sequence[str] = ("transformer",),
        lora_scale: float = 1.0,
        safe_fusing: bool = False,
        adapter_names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add the adapters to the weights, as diffusers does.

        VeraError where they are of 8 bits, held elsewhere or switched off, for what is no scale, and for some of the
        active adapters alone: the others would have no effect until they are taken out again.
        """
        transformer = plain_transformer(self.transformer)
        check_held(transformer, "fuse_lora")
        check_switched_on(transformer, "fuse_lora")
        left = set(self.get_active_adapters()) - set(adapter_names or self.get_active_adapters())
        if left:
            raise VeraError(f"the adapter {min(left)} is active and would not be fused: leave it out with set_adapters")
        if _casting_dtype(transformer):
            raise VeraError("a LoRA cannot be fused into weights of 8 bits: fuse it first, then quantise, or leave it")
        check_weight(lora_scale, "fuse_lora: lora_scale")
        names = None if adapter_names is None else list(adapter_names)
        if names is not None:
            check_names(names, "fuse_lora")
        parts = [components] if isinstance(components, str) else list(components)
        with self._plain():
            super().fuse_lora(parts, lora_scale, safe_fusing, names, **kwargs)

    def unfuse_lora(self, *args: Any, **kwargs: Any) -> None:
        """Take the adapters out of the weights again, as diffusers does; VeraError where these are held elsewhere."""
        check_held(plain_transformer(self.transformer), "unfuse_lora")
        with self._plain():
            super().unfuse_lora(*args, **kwargs)

    def unload_lora_weights(self) -> None:
        """Remove all adapters, as diffusers does; VeraError where the weights are offloaded to disk."""
        check_not_on_disk(plain_transformer(self.transformer), "unload_lora_weights")
        with self._plain():
            super().unload_lora_weights()

    def set_adapters(self, adapter_names: str | list[str], adapter_weights: Any = None) -> None:
        """Choose the active adapters and their weights, as diffusers does; VeraError for a name that is not loaded or
        comes twice, for what is no weight, while one is fused, and while they are switched off."""
        check_names(adapter_names, "set_adapters")
        check_weights(adapter_weights, "set_adapters: a weight")
        check_unfused(plain_transformer(self.transformer), "set_adapters")
        check_switched_on(plain_transformer(self.transformer), "set_adapters")
        with self._plain():
            try:
                super().set_adapters(adapter_names, adapter_weights)
            except ValueError as error:
                raise VeraError(first_line(error)) from None

    def delete_adapters(self, *args: Any, **kwargs: Any) -> None:
        """Remove adapters by name, as diffusers does; VeraError while one is fused, which would stay so for ever."""
        check_unfused(plain_transformer(self.transformer), "delete_adapters")
        with self._plain():
            super().delete_adapters(*args, **kwargs)

    def disable_lora(self) -> None:
        """Run without the adapters until `enable_lora`, as diffusers does; VeraError while one is fused, which peft
        would take out, and give back at another strength."""
        check_unfused(plain_transformer(self.transformer), "disable_lora")
        with self._plain():
            super().disable_lora()

    def enable_lora(self) -> None:
        """Run with the adapters again, as diffusers does."""
        with self._plain():
            super().enable_lora()

    def set_lora_device(self, *args: Any, **kwargs: Any) -> None:
        """Move adapters to a device, as diffusers does."""
        with self._plain():
            super().set_lora_device(*args, **kwargs)

    def enable_lora_hotswap(self, **kwargs: Any) -> None:
        """Prepare for adapters that are swapped in a compiled network, as diffusers does."""
        with self._plain():
            super().enable_lora_hotswap(**kwargs)

    def get_list_adapters(self) -> dict[str, list[str]]:
        """Names of the loaded adapters by component."""
        with self._plain():
            return dict(super().get_list_adapters())

    def get_active_adapters(self) -> list[str]:
        """Names of the active adapters."""
        with self._plain():
            return list(super().get_active_adapters())

    @contextmanager
    def _plain(self) -> Iterator[None]:
        """Hold the network itself in place of its compiled wrapper, in which diffusers does not see adapters."""
        wrapped: Any = self.transformer
        if plain_transformer(wrapped) is wrapped:
            yield
            return
        self.transformer = plain_transformer(wrapped)
        try:
            yield
        finally:
            self.transformer = wrapped


def plain_transformer(transformer: Any) -> Any:
    """The network itself of one that `torch.compile` may have wrapped."""
    return getattr(transformer, "_orig_mod", transformer)


def _fit(
    layers: Mapping[str, LoraLayer],
    transformer: Any,
    names: Mapping[str, str],
    branches: Collection[str] | None,
    where: str,
) -> Layers:
    """The layers by the transformer's own modules; VeraError where it has none of that name, or one of another size."""
    own = {name: transformer.get_submodule(real) for name, real in names.items()}
    named = transformer.config.branches if branches is None else branches
    chosen = {named} if isinstance(named, str) else set(named)
    if not chosen:
        raise VeraError(f"{where}: branches names none of {', '.join(transformer.config.branches)}")
    if unknown := chosen - set(transformer.config.branches):
        raise VeraError(f"{where}: there is no branch {min(unknown)}, only {', '.join(transformer.config.branches)}")
    partly = chosen != set(transformer.config.branches)
    if isinstance(transformer, VeraTransformer3DModel):
        layers = _on_experts(layers, transformer.config.branches, chosen, own, where)
    elif partly:
        raise VeraError(f"{where}: this {type(transformer).__name__} has no experts: leave out the branches")
    strange = [name for name in layers if name not in own]
    if strange or not layers:
        problem = f"it changes {strange[0]}, which" if strange else "it changes nothing that"
        raise VeraError(f"{where} is of another model: {problem} this {type(transformer).__name__} does not have")
    for name, layer in layers.items():
        _check_size(name, layer, own[name], where)
    if 0 < sum(layer.magnitude is not None for layer in layers.values()) < len(layers):
        raise VeraError(f"{where} is incomplete: some of its layers have a magnitude, as a DoRA's, others have none")
    return {names[name]: layer for name, layer in layers.items()}


def _on_experts(
    layers: Mapping[str, LoraLayer],
    branches: Sequence[str],
    chosen: Collection[str],
    own: Mapping[str, nn.Module],
    where: str,
) -> Layers:
    """Layers of a single Wan on each of the chosen experts, those of a MoT's own where they are."""
    of_wan = any(name not in own for name in layers)
    fitted: Layers = {}
    for name, layer in layers.items():
        if of_wan:
            layer = layer.folded()
        homes = {branch: home for branch in branches if (home := _home(name, branch)) in own}
        if name not in own and homes:
            fitted |= {home: layer for branch, home in homes.items() if branch in chosen}
            continue
        owner = _owner(name, branches)
        if len(chosen) < len(branches) and owner is None and name in own:
            raise VeraError(
                f"{where}: it changes {name}, which all branches share, not {', '.join(sorted(chosen))} alone: leave "
                "out the branches, or take another LoRA"
            )
        if owner is None or owner in chosen:
            fitted[name] = layer
    return fitted


def _home(name: str, branch: str) -> str:
    with suppress(ValueError):  # too short for a name in a block
        return vera_key(name, branch)
    return ""


def _owner(name: str, branches: Collection[str]) -> str | None:
    """The branch whose module this is; None of those that branches share."""
    parts = name.split(".")
    if "experts" in parts[:-1]:
        return parts[parts.index("experts") + 1]
    return (
        parts[1] if parts[0] in ("patch_embedding", "output_head") and len(parts) > 1 and parts[1] in branches else None
    )


def _check_size(name: str, layer: LoraLayer, module: nn.Module, where: str) -> None:
    base: Any = getattr(module, "base_layer", module)
    convolution = isinstance(base, nn.Conv3d)
    sides = (base.out_channels, base.in_channels) if convolution else (_side(base, "out"), _side(base, "in"))
    if None in sides:
        raise VeraError(f"{where} is of another model: it changes {name}, which is no linear map here")
    read, written = layer.down.shape[1], layer.up.shape[0]
    widths = [tensor.numel() for tensor in (layer.bias, layer.magnitude) if tensor is not None]
    if (written, read) != sides or any(width != written for width in widths):
        raise VeraError(
            f"{where} is of a model of another size: {name} has {sides[1]} inputs and {sides[0]} outputs, its layer "
            f"{read} and {written}"
        )
    if convolution != (layer.down.ndim == 5) or (not convolution and layer.down.ndim + layer.up.ndim != 4):
        raise VeraError(f"{where} is of another model: {name} is a {type(base).__name__}, and its layer another map")


def _side(module: Any, side: str) -> int | None:
    width = getattr(module, f"{side}_features", None)
    return width if isinstance(width, int) else None


def _as_before(layers: Layers, transformer: Any, adapter_name: str | None, where: str) -> tuple[dict[str, Any], Layers]:
    """Configuration and layers for a swap with the adapter of this name.

    peft wants both to be configured alike and, swapping, scales all layers by one number: what differs is in `up`.
    """
    held = getattr(transformer, "peft_config", {}).get(adapter_name)
    if held is None:
        raise VeraError(f"{where}: there is no adapter {adapter_name} to be swapped: load it first, without hotswap")
    _check_swap(layers, transformer, str(adapter_name), where)
    config = peft_config(layers)
    if len({(layer.scale, layer.rslora) for layer in layers.values()}) > 1 or config["use_rslora"] != held.use_rslora:
        layers = {name: layer.folded() for name, layer in layers.items()}
        config = peft_config(layers)
        config["lora_alpha"] = sqrt(config["r"]) if held.use_rslora else config["r"]
    kept = {name: getattr(held, name) for name in ("use_rslora", "lora_dropout", "alpha_pattern")}
    return config | kept | {"rank_pattern": {}}, layers


def _check_swap(layers: Layers, transformer: Any, adapter: str, where: str) -> None:
    """VeraError for what peft would notice within the swap only: by then diffusers deletes the adapter."""
    held = {name: module for name, module in transformer.named_modules() if adapter in getattr(module, "lora_A", {})}
    if any(adapter in module.merged_adapters for module in held.values()):
        raise VeraError(f"{where}: the adapter {adapter} is fused: call unfuse_lora before it is swapped")
    if strange := [name for name in layers if name not in held]:
        raise VeraError(
            f"{where}: it changes {strange[0]}, which the adapter {adapter} does not: load it without hotswap"
        )
    biased = any(layer.bias is not None for layer in layers.values())
    for name, layer in layers.items():
        down, up = held[name].lora_A[adapter], held[name].lora_B[adapter]
        if layer.magnitude is not None or adapter in held[name].lora_magnitude_vector:
            raise VeraError(f"{where}: a DoRA cannot be swapped: load it without hotswap")
        if biased and up.bias is None:
            raise VeraError(f"{where}: it has biases, the adapter {adapter} none: load it without hotswap")
        if layer.down.ndim == 5 and layer.rank < down.weight.shape[0]:  # which peft does for other maps alone
            raise VeraError(f"{where}: its rank at {name} is lower than before: load it without hotswap")


def _casting_dtype(transformer: Any) -> torch.dtype | None:
    """The dtype in which a network computes whose weights are held in 8 bits by diffusers' layerwise casting."""
    for module in transformer.modules():
        registry: HookRegistry | None = getattr(module, "_diffusers_hook", None)
        hook = None if registry is None else registry.get_hook("layerwise_casting")
        if hook is not None:
            return hook.compute_dtype  # type: ignore[no-any-return]
    return None


def add_loras(pipeline: Any, loras: Sequence[str | Path]) -> None:
    """Load all of these and activate them together, each as `load_lora_weights` takes it, perhaps with `:scale`."""
    scales = {}
    for index, given in enumerate(loras):
        scaled = re.fullmatch(r"(.+):(-?\d*\.?\d+)", str(given))
        path, scale = scaled.groups() if scaled else (str(given), "1")
        if not abs(float(scale)) <= LARGEST_WEIGHT:
            raise VeraError(f"LoRA {path}: its scale is at most {LARGEST_WEIGHT:g}, not {scale[:20]}")
        pipeline.load_lora_weights(path, adapter_name=f"lora_{index}")
        scales[f"lora_{index}"] = float(scale)
    if scales:
        pipeline.set_adapters(list(scales), list(scales.values()))
