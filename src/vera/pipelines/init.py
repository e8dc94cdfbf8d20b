"""`init_pipeline`: from a Wan2.1 text-to-video model to a whole Vera pipeline that has not been trained yet."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import __version__
from safetensors import SafetensorError

from vera.errors import VeraError, first_line
from vera.models.baselines import VARIANTS
from vera.models.conversion import wan
from vera.models.conversion.base import check_sizes, read_config, write_transformer
from vera.models.conversion.checkpoint import MAX_SHARD_SIZE
from vera.pipelines.folders.card import UNTRAINED, model_card
from vera.pipelines.folders.code import CLASS, CODE, write_code
from vera.pipelines.folders.hub import fetch_model, hub_name, on_disk
from vera.pipelines.folders.wan_parts import ORIGINAL_FILES, check_pipeline, open_layout, wan_files
from vera.presets import BASES, preset_folder
from vera.progress import Progress
from vera.whole import whole_folder


@dataclass(frozen=True)
class InitReport:
    """What was written: the folder, its parts, the transformer's class and its number of parameters."""

    out: Path
    parts: tuple[str, ...]
    transformer: str
    parameters: int


def init_pipeline(
    base: str | Path,
    out: str | Path,
    variant: str = "mot",
    dtype: torch.dtype | None = None,
    config: str | None = None,
    max_shard_size: int | str = MAX_SHARD_SIZE,
    progress: Progress | None = None,
    model_config: Mapping[str, Any] | None = None,
) -> InitReport:
    """Build the folder `out`, which `load_pipeline` and training read, from the Wan2.1 model `base`.

    `base` is a pipeline in diffusers' layout or in the original one, as a folder or the name of a model on the hub. A
    transformer alone, as its folder or a bare .safetensors file, gives `transformer/` alone. `variant` is one of
    `VARIANTS`. `dtype` of the transformer; None keeps the base's. `config` is a preset ("vera-1.3b", "vera-14b") or a
    folder like one, which the base must fit; None finds the preset by the base's size. `progress` is called with
    (part, done, total). `model_config` is a recipe's `model`, which takes the place of the preset's transformer.
    VeraError for whatever cannot be used; nothing is left at `out` then.
    """
    if variant not in VARIANTS:
        raise VeraError(f"unknown variant {variant!r}: say one of {', '.join(VARIANTS)}")
    out = Path(out)
    check_new(out)
    folder = _locate(str(base))
    transformer, write_parts = open_layout(folder)
    preset = _preset(config, transformer.sizes, str(folder))
    if model_config is None:
        options = _options(preset, variant, transformer.sizes)
    else:
        check_sizes(transformer.sizes, model_config, str(folder))
        options = {name: value for name, value in model_config.items() if name not in wan.SIZES}

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress("transformer", done, total)

    with new_folder(out) as temporary:
        index = read_config(preset / "model_index.json")
        parts = {} if write_parts is None else write_parts(temporary, progress)
        model = write_transformer(
            transformer, variant, temporary / "transformer", dtype, options, max_shard_size, report
        )
        if write_parts is not None:
            shutil.copytree(preset / "scheduler", temporary / "scheduler")
            parts["transformer"] = [type(model).__module__, type(model).__name__]
            index |= {"_class_name": [CODE, CLASS], "_diffusers_version": __version__} | parts
            write_code(temporary)
            (temporary / "model_index.json").write_text(
                json.dumps(index, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            scheduler = read_config(preset / "scheduler" / "scheduler_config.json")
            published = None if on_disk(str(base)) else hub_name(str(base))
            card = model_card(out.name, index, model, scheduler, published, training=UNTRAINED)
            (temporary / "README.md").write_text(str(card), encoding="utf-8")
    written = tuple(sorted(path.name for path in out.iterdir() if path.is_dir()))
    return InitReport(out, written, type(model).__name__, model.num_parameters())


def check_new(out: Path) -> None:
    """VeraError unless a folder `out` can be made."""
    if out.exists():
        raise VeraError(f"{out} exists: name a new folder")
    if not out.parent.is_dir():
        raise VeraError(f"{out}: the folder {out.parent} does not exist; create it first")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when it is whole; nothing is left of it otherwise."""
    try:
        with whole_folder(out) as temporary:
            yield temporary
    except (OSError, SafetensorError) as error:  # a full disk is either, by who notices
        reason = getattr(error, "strerror", None) or first_line(error)
        raise VeraError(f"{out}: cannot be written ({reason}); free the disk or name another folder") from None


def _locate(base: str) -> Path:
    """The base on disk; from the hub, its configuration is looked at before its weights are fetched."""
    found = on_disk(base)
    if found is not None:
        return found
    name = hub_name(base)
    if name is None:
        raise VeraError(f"base {base!r} is no folder, no file, and no owner/name of the hub")
    folder = fetch_model(name, ("*.json",))
    if (folder / "model_index.json").is_file():
        check_pipeline(folder, base)
        return fetch_model(name, wan_files)
    wan.check_family(read_config(folder / "config.json"), base)
    return fetch_model(name, ("*.json", *ORIGINAL_FILES))


def _preset(config: str | None, sizes: dict[str, Any], where: str) -> Path:
    """The folder with the defaults: the one asked for, which must fit, or the one of this size, or of the smallest."""
    presets = {name: preset_folder(name) for name in BASES}
    if config is not None:
        folder = presets.get(config, Path(config))
        if not (folder / "model_index.json").is_file():
            raise VeraError(f"config {config!r} is none of {', '.join(BASES)} and no folder with model_index.json")
        check_sizes(sizes, read_config(folder / "transformer" / "config.json"), where)
        return folder
    for folder in presets.values():
        try:
            check_sizes(sizes, read_config(folder / "transformer" / "config.json"), where)
        except VeraError:
            continue
        return folder
    return presets[next(iter(BASES))]


def _options(preset: Path, variant: str, sizes: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the variant's class besides the sizes."""
    if variant == "mot":
        config = read_config(preset / "transformer" / "config.json")
        return {name: value for name, value in config.items() if name not in wan.SIZES and not name.startswith("_")}
    if variant == "vace" and sizes["num_layers"] == 40:
        return {"vace_layers": list(range(0, 40, 5))}  # as VACE 14B; the class's default is VACE 1.3B's
    return {}
