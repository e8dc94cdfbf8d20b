"""Which files of a model folder are loaded: one kind of weights for each part, and its configurations."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_ROOT = ("README.md", "model_index.json", "pipeline.py")  # the last for diffusers; Vera runs no code of a folder
SMALL = (".json", ".txt", ".model", ".jinja")  # configurations, vocabularies, and sentencepiece's model
_WEIGHTS = re.compile(
    r"(?P<stem>diffusion_pytorch_model|pytorch_model|model)(\.(?P<before>[^.]+?))?"
    r"(-(?P<shard>\d+)-of-\d+)?(\.(?P<after>[^.]+))?\.(?P<format>safetensors|bin)"
)
_INDEX = re.compile(
    r"(diffusion_pytorch_model|pytorch_model|model)\.(?P<format>safetensors|bin)\.index(\.(?P<variant>[^.]+))?\.json"
)


@dataclass(frozen=True)
class Weights:
    """The files of one part: names, in order, their variant (such as "fp16"; None: none) and their format."""

    files: tuple[str, ...]
    variant: str | None
    format: str  # "safetensors" or "bin"


def choose_weights(
    names: Collection[str], variant: str | None = None, use_safetensors: bool | None = None
) -> Weights | None:
    """What diffusers loads of the files of a part's folder; None if it has no weights of a kind that it knows.

    Files of `variant` come before those of none, and safetensors before .bin. Where `variant` is None and there are
    files of a single variant only, those.
    """
    found: dict[tuple[str | None, str], list[tuple[bool, str]]] = {}
    for name in names:
        if match := _WEIGHTS.fullmatch(name):
            kind: tuple[str | None, str] = (match["before"] or match["after"], match["format"])
            found.setdefault(kind, []).append((match["shard"] is not None, name))
    formats = [form for form in ("safetensors", "bin") if use_safetensors is None or (form == "bin") != use_safetensors]
    variants = [None] if variant is None else [variant, None]
    held = {kind for kind, _ in found}
    if variant is None and None not in held and len(held) == 1:
        variants = list(held)
    for chosen, form in product(variants, formats):
        if files := found.get((chosen, form)):
            whole = [name for sharded, name in files if not sharded]
            return Weights(tuple(sorted(whole or [name for _, name in files])), chosen, form)
    return None


def index_names(names: Collection[str], variant: str | None, form: str) -> list[str]:
    """Of the files of a part's folder those that say which shard holds what, for weights of this kind."""
    matches = [_INDEX.fullmatch(name) for name in names]
    return [match[0] for match in matches if match and (match["variant"], match["format"]) == (variant, form)]


def stray_indices(names: Collection[str], weights: Weights) -> list[str]:
    """Of the files of a part's folder the indices of shards beside the file that holds all these weights.

    Diffusers loads the shards then and transformers the file, and nothing tells which of them is older.
    """
    sharded = any("-of-" in name for name in weights.files)
    return [] if sharded else index_names(names, weights.variant, weights.format)


def all_weights(names: Collection[str], variant: str | None) -> set[str]:
    """Of the files of a part's folder all weights of this variant, of either format, with the indices of shards."""
    matches = [_WEIGHTS.fullmatch(name) for name in names]
    stored = {match[0] for match in matches if match and (match["before"] or match["after"]) == variant}
    return stored.union(*(index_names(names, variant, form) for form in ("safetensors", "bin")))


def pipeline_files(
    names: Sequence[str],
    variant: str | None = None,
    use_safetensors: bool | None = None,
    parts: Collection[str] = PARTS,
) -> list[str]:
    """Of a model's files, by their paths, those that a pipeline of these parts loads; nothing that lies deeper.

    Where the weights are there whole and in shards, the whole file without the index, which would ask for the shards.
    """
    chosen = [name for name in names if name in _ROOT]
    for part, files in _by_folder(names).items():
        if part in parts:
            weights = choose_weights(files, variant, use_safetensors)
            loaded = set(weights.files) if weights else set()
            left = stray_indices(files, weights) if weights else []
            small = [name for name in files if name.endswith(SMALL) and name not in left]
            chosen += [f"{part}/{name}" for name in files if name in loaded or name in small]
    return chosen


def _by_folder(names: Sequence[str]) -> Mapping[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        folders.setdefault(folder, []).append(file)
    return folders
