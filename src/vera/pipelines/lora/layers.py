"""LoRAs of every layout as layers by the name of the module that they change, whole or refused.

Layouts: Vera's and diffusers' (`transformer.`), the Wan repository's and ComfyUI's (`diffusion_model.`), DiffSynth's
(`lora_A.default`), peft's (`base_model.model.`), and the flat names of kohya and musubi-tuner (`lora_unet_`).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.models.conversion.wan import diffusers_key

# Before the names of modules, by programs that wrap them; the longer first.
_WRAPPERS = (
    "base_model.model.",
    "model.diffusion_model.",
    "diffusion_model.",
    "transformer.",
    "_orig_mod.",
    "pipe.dit.",
    "module.",
    "model.",
    "dit.",
)
_FLAT = re.compile(r"(?:lora_unet|lora_transformer|lycoris)_+(.+)")
# After the names of modules, and what is kept of them under which name.
_LEAF = re.compile(
    r"(?P<module>.+)\.(?:"
    r"(?P<down>lora_A(?:\.[^.]+)?\.weight|lora_down\.weight|lora\.down\.weight)|"
    r"(?P<up>lora_B(?:\.[^.]+)?\.weight|lora_up\.weight|lora\.up\.weight)|"
    r"(?P<bias>lora_B(?:\.[^.]+)?\.bias|diff_b)|"
    r"(?P<magnitude>lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?)|"
    r"(?P<alpha>alpha)|(?P<diff>diff)"
    r")"
)
_OTHER_KINDS = {
    "hada_": "a LoHa",
    "lokr_": "a LoKr",
    "oft_": "an OFT adapter",
    "dora_scale": "a DoRA of kohya's",
    "lora_embedding_": "a LoRA with embeddings",
    "glora": "a GLoRA",
}
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_LARGEST_SCALE = 1e4  # of alpha by rank: files in use have at most 16
# Patterns of peft's that are names, or their ends, as programs write them: with dots, escaped or not, and perhaps `.*`.
_NAME = r"(?:\w|\\\.|\.\*?)+"
_PLAIN_PATTERN = re.compile(rf"\^?(?:{_NAME}|\((?:\?:)?{_NAME}(?:\|{_NAME})*\))\$?", re.ASCII)


@dataclass(frozen=True)
class LoraLayer:
    """What a LoRA adds to a module: up [out,r] times down [r,in], times alpha by rank (or its root); perhaps a bias."""

    down: Tensor
    up: Tensor
    alpha: float | None = None  # None: the rank
    rslora: bool = False
    bias: Tensor | None = None
    magnitude: Tensor | None = None

    @property
    def rank(self) -> int:
        """Rank of the update."""
        return int(self.down.shape[0])

    @property
    def scale(self) -> float:
        """Factor of the update: alpha over rank, or over its root (rsLoRA)."""
        alpha = self.rank if self.alpha is None else self.alpha
        return float(alpha / (sqrt(self.rank) if self.rslora else self.rank))

    def folded(self) -> "LoraLayer":
        """The same with the scale multiplied into `up` and its bias, which peft scales as well."""
        if self.alpha is None:
            return self
        bias = None if self.bias is None else self.bias * self.scale
        return replace(self, up=self.up * self.scale, bias=bias, alpha=None, rslora=False)


@dataclass(frozen=True)
class LoraLayers:
    """Layers by module, in diffusers' names, and the names of differences in the file that no layer can hold."""

    layers: dict[str, LoraLayer]
    left_out: tuple[str, ...]


def lora_layers(
    state: Mapping[str, Tensor], metadata: Mapping[str, Any] | None, modules: Collection[str], where: str
) -> LoraLayers:
    """The layers in a file's tensors; VeraError, which begins with `where`, unless each of them is whole.

    `modules` are the names that the network itself has: such a name is not taken for one of another layout.
    """
    flat = {name.replace(".", "_"): name for name in modules}
    parts: dict[str, dict[str, tuple[str, Tensor]]] = {}
    for key, tensor in state.items():
        leaf = _LEAF.fullmatch(key)
        if leaf is None:
            raise VeraError(f"{where} {_told_kind(key)}")
        whole_alpha = leaf["alpha"] is not None and not tensor.dtype.is_floating_point
        if tensor.dtype not in _DTYPES and not whole_alpha:
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise VeraError(f"{where}: {key} is {dtype}, quantised: take the LoRA in float32, bfloat16 or float16")
        if not torch.isfinite(tensor).all():
            raise VeraError(f"{where}: {key} has values that are no numbers: its training went wrong, or it is damaged")
        kind = str(leaf.lastgroup) if leaf.lastgroup != "module" else ""
        held = parts.setdefault(_module_name(leaf["module"], modules, flat), {})
        if kind in held:
            raise VeraError(f"{where}: {held[kind][0]} and {key} are of one module: a file holds one adapter")
        held[kind] = (key, tensor)
    written = _of_peft(metadata, where)
    layers, left_out = {}, []
    for module, held in parts.items():
        left_out += [held[kind][0] for kind in ("diff",) if kind in held and held[kind][1].any()]
        if "down" not in held and "up" not in held:
            left_out += [held["bias"][0]] if "bias" in held and held["bias"][1].any() else []
            if "magnitude" in held:
                raise VeraError(f"{where}: {module} has a magnitude but neither lora_A nor lora_B")
            continue
        layers[module] = _layer(module, held, written, where)
    return LoraLayers(layers, tuple(left_out))


def _layer(module: str, held: Mapping[str, tuple[str, Tensor]], written: "_Written | None", where: str) -> LoraLayer:
    for kind, name, other in (("down", "lora_A", "lora_B"), ("up", "lora_B", "lora_A")):
        if kind not in held:
            raise VeraError(f"{where} is incomplete: {module} has a {other}, but its {name} is missing; fetch it again")
    down, up = held["down"][1], held["up"][1]
    if down.ndim < 2 or up.ndim < 2 or down.shape[0] != up.shape[1] or not down.numel() or not up.numel():
        shapes = f"{list(down.shape)} and {list(up.shape)}"
        raise VeraError(f"{where}: lora_A and lora_B of {module} do not fit each other: {shapes}")
    bias, magnitude = (held[kind][1] if kind in held else None for kind in ("bias", "magnitude"))
    layer = LoraLayer(down, up, bias=bias, magnitude=magnitude)
    if "alpha" in held:
        if held["alpha"][1].numel() != 1:
            raise VeraError(f"{where}: {held['alpha'][0]} is no number")
        layer = _scaled(replace(layer, alpha=float(held["alpha"][1])), module, where)
        layer = _shared_out(layer)
    elif written is not None:
        leaf = _LEAF.fullmatch(held["down"][0])
        own = _unwrapped(leaf["module"] if leaf else module, ())  # patterns are of the network that was trained
        layer = _scaled(replace(layer, alpha=written.alpha(own), rslora=written.rslora), module, where)
    return layer


def _scaled(layer: LoraLayer, module: str, where: str) -> LoraLayer:
    if not isfinite(layer.alpha or 0) or not abs(layer.scale) <= _LARGEST_SCALE:
        raise VeraError(f"{where}: the alpha of {module} is {layer.alpha:g}, for a rank of {layer.rank}: it is damaged")
    return layer


def _shared_out(layer: LoraLayer) -> LoraLayer:
    """The layer with its scale in both factors, as diffusers shares it out so that neither gets too small."""
    down, up = layer.scale, 1.0
    while 0 < down * 2 < up:
        down, up = down * 2, up / 2
    return replace(layer, down=layer.down * down, up=layer.up * up, alpha=None)


@dataclass(frozen=True)
class _Written:
    """What the file says of alphas, as peft does: one for all, and others for modules of these (ends of) names."""

    for_all: float
    others: tuple[tuple[str, float], ...]
    rslora: bool

    def alpha(self, module: str) -> float:
        for pattern, alpha in self.others:
            name = pattern.removeprefix("^")
            if _is_named(module, name) or (name == pattern and _is_named(module, f"*.{name}")):
                return alpha
        return self.for_all


def _is_named(module: str, name: str) -> bool:
    """Whether a module has this name, in which `*` stands for any text."""
    rest = name.removeprefix("*")
    if "*" in rest:
        return fnmatchcase(module, name)
    return module == name if rest == name else module.endswith(rest)  # files may have a name for each module


def _of_peft(metadata: Mapping[str, Any] | None, where: str) -> _Written | None:
    """What peft's configuration says of alphas; of all else the tensors speak themselves."""
    ours = {name.removeprefix("transformer."): value for name, value in (metadata or {}).items()}
    ours = {name: value for name, value in ours.items() if "." not in name}  # of other networks
    if not ours:
        return None
    if ours.get("peft_type", "LORA") != "LORA":
        raise VeraError(f"{where}: is of peft's type {str(ours['peft_type'])[:40]}: only LoRA is read")
    alpha, patterns = ours.get("lora_alpha", 8), ours.get("alpha_pattern") or {}  # 8 is peft's own
    if not isinstance(patterns, dict) or not all(type(value) in (int, float) for value in (alpha, *patterns.values())):
        raise VeraError(f"{where}: its metadata has alphas that are no numbers")
    # Regular expressions to peft: a stranger's may take for ever, those of `fnmatch` do not.
    for pattern in patterns:
        if not _PLAIN_PATTERN.fullmatch(pattern):
            raise VeraError(f"{where}: alpha_pattern {pattern[:40]!r} in its metadata is no module's name")
    others = tuple((name, value) for pattern, value in patterns.items() for name in _names(pattern))
    return _Written(alpha, others, ours.get("use_rslora") is True)


def _names(pattern: str) -> list[str]:
    """The names in a plain pattern, each with `*` for any text and, if it is whole, after `^`."""
    names = pattern.strip("^(?:)$").replace("\\", "").replace(".*", "*").split("|")
    return [f"^{name}" for name in names] if pattern.startswith("^") else names


def _unwrapped(name: str, modules: Collection[str]) -> str:
    """The name without those of programs that wrap modules, unless the network itself has it."""
    while name not in modules and (wrapper := next((w for w in _WRAPPERS if name.startswith(w)), None)):
        name = name.removeprefix(wrapper)
    return name


def _module_name(name: str, modules: Collection[str], flat: Mapping[str, str]) -> str:
    """The name of a module in the network or, in diffusers' names, in a single Wan; as it is if it is neither's."""
    name = _unwrapped(name, modules)
    if name in modules:
        return name
    if joined := _FLAT.fullmatch(name):
        name = flat.get(joined[1]) or _unflattened(joined[1])
    if name in modules:
        return name
    return diffusers_key(f"{name}.weight").removesuffix(".weight")


def _unflattened(name: str) -> str:
    """A name of the Wan repository or of diffusers whose dots were written as underscores, with its dots."""
    name = re.sub(r"^blocks_(\d+)_", r"blocks.\1.", name)
    name = re.sub(r"(self_attn|cross_attn|attn1|attn2)_", r"\1.", name)
    name = re.sub(r"ffn_net_(\d)", r"ffn.net.\1", name).replace("net.0_proj", "net.0.proj")
    return re.sub(r"(ffn|time_projection|time_embedding|text_embedding|to_out|head)_(\d|head)$", r"\1.\2", name)


def _told_kind(key: str) -> str:
    for mark, kind in _OTHER_KINDS.items():
        if mark in key:
            return f"is {kind} ({key}): only LoRA, with lora_A and lora_B or lora_down and lora_up, is read"
    if key.endswith((".weight", ".bias", "modulation", "scale_shift_table")):
        return f"is of another model or no LoRA: {key} is a whole weight, as a checkpoint has"
    return f"has a tensor {key}, which no layout of LoRAs has that Vera knows"


def peft_config(layers: Mapping[str, LoraLayer]) -> dict[str, Any]:
    """Arguments of peft's LoraConfig for these layers, each with its own rank and alpha."""
    ranks = {module: layer.rank for module, layer in layers.items()}
    alphas = {module: float(layer.rank if layer.alpha is None else layer.alpha) for module, layer in layers.items()}
    rank, alpha = (Counter(values.values()).most_common(1)[0][0] for values in (ranks, alphas))
    return {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": dict(_patterns(ranks, rank)),
        "alpha_pattern": dict(_patterns(alphas, alpha)),
        "target_modules": list(layers),
        "use_rslora": any(layer.rslora for layer in layers.values()),
        "use_dora": any(layer.magnitude is not None for layer in layers.values()),
        "lora_bias": any(layer.bias is not None for layer in layers.values()),
    }


def _patterns(values: Mapping[str, Any], usual: Any) -> Iterator[tuple[str, Any]]:
    """One regular expression for each unusual value, of the names that have it, whole: peft tries all on each name."""
    for value in sorted(set(values.values()) - {usual}):
        names = [re.escape(module) for module, own in values.items() if own == value]
        yield f"^(?:{'|'.join(names)})", value


def state_of(layers: Mapping[str, LoraLayer]) -> dict[str, Tensor]:
    """The layers' tensors in peft's names; where one has a bias, those without get zeros."""
    biased = any(layer.bias is not None for layer in layers.values())
    state = {}
    for module, layer in layers.items():
        state[f"{module}.lora_A.weight"], state[f"{module}.lora_B.weight"] = layer.down, layer.up
        if biased:
            state[f"{module}.lora_B.bias"] = layer.up.new_zeros(layer.up.shape[0]) if layer.bias is None else layer.bias
        if layer.magnitude is not None:
            state[f"{module}.lora_magnitude_vector"] = layer.magnitude
    return state
