"""Where a LoRA lies, and what is in its file: tensors by name, and what it says of its adapter."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.files import parse_json, read_text
from vera.models.conversion.checkpoint import load_pickled
from vera.pipelines.folders.hub import fetch_model, hub_name, on_disk
from vera.presets import LORAS, preset_folder

_METADATA = "lora_adapter_metadata"  # the key in a safetensors header under which diffusers keeps peft's configuration
_USUAL = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")
_OF_PEFT, _CONFIG = "adapter_model.", "adapter_config.json"  # peft's own file, and what it says of it beside
_NO_LORAS = ("scheduler", "optimizer", "checkpoint")  # other weights that lie beside some
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")

State = dict[str, Tensor]


def read_lora(
    given: Any,
    where: str,
    weight_name: str | None = None,
    subfolder: str | None = None,
    use_safetensors: bool | None = None,
    **hub: Any,
) -> tuple[State, dict[str, Any] | None]:
    """Tensors of a LoRA in the file's own names and peft's configuration if the file, or peft's folder, holds it.

    `given` is a state dict, the name of a preset, a file, a folder, or a model of the hub, of which only these files
    are fetched; `hub` are further arguments of `fetch_model`. VeraError, which begins with `where`, if there is none.
    """
    if isinstance(given, Mapping):
        if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in given.items()):
            raise VeraError(f"{where} cannot be read: a state dict has tensors by their names")
        return dict(given), None
    try:
        file = _find(str(given), where, weight_name, subfolder, use_safetensors, hub)
        state, metadata = (_unpickled(file), None) if file.suffix in _PICKLES else _read_safetensors(file)
        return state, _beside(file) if metadata is None else metadata
    except VeraError:
        raise
    except Exception as error:  # of safetensors, on files of strangers
        raise VeraError(f"{where} cannot be read: {first_line(error)}{_told_format(given)}") from None


def read_notes(given: str, where: str) -> dict[str, str]:
    """What a LoRA's file says of itself: the texts in a safetensors header. VeraError as `read_lora`."""
    file = _find(given, where, None, None, None, {})
    if file.suffix in _PICKLES:
        return {}
    try:
        with safe_open(file, framework="pt") as stored:
            return dict(stored.metadata() or {})
    except Exception as error:  # as in `read_lora`
        raise VeraError(f"{where} cannot be read: {first_line(error)}") from None


def _find(
    name: str,
    where: str,
    weight_name: str | None,
    subfolder: str | None,
    use_safetensors: bool | None,
    hub: Mapping[str, Any],
) -> Path:
    found = preset_folder(name) if name in LORAS else on_disk(name)
    choose = partial(_choose, where=where, weight_name=weight_name, use_safetensors=use_safetensors)
    if found is None:
        published = hub_name(name)
        if published is None:
            raise VeraError(f"{where} cannot be read: there is no such file or folder; check the path")
        within = f"{subfolder}/" if subfolder else ""

        def chosen(files: Sequence[str]) -> list[str]:
            file = Path(within + choose([file.removeprefix(within) for file in files if file.startswith(within)]))
            config = file.with_name(_CONFIG).as_posix()
            return [file.as_posix(), *([config] if file.name.startswith(_OF_PEFT) and config in files else [])]

        found = fetch_model(published, chosen, what="LoRA", **hub)
    if found.is_file():
        return found
    folder = found / subfolder if subfolder else found
    if not folder.is_dir():
        raise VeraError(f"{where} cannot be read: {folder} is no folder with a file of LoRA weights")
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return folder / choose(names)


def _choose(names: Sequence[str], where: str, weight_name: str | None, use_safetensors: bool | None) -> str:
    """The one file with LoRA weights among these; VeraError if there is none, or more than one and no name."""
    if weight_name is not None:
        if weight_name not in names:
            raise VeraError(f"{where} cannot be read: there is no {weight_name}")
        return weight_name
    for usual in _USUAL:
        if usual in names and (use_safetensors is None or usual.endswith(".safetensors") == use_safetensors):
            return usual
    for suffix in (".safetensors", ".bin"):
        files = sorted(
            name
            for name in names
            if name.endswith(suffix) and "/" not in name and not any(other in name for other in _NO_LORAS)
        )
        if len(files) > 1:
            raise VeraError(f"{where}: has {len(files)} files ({', '.join(files[:3])}): say which by weight_name")
        if files:
            return files[0]
    raise VeraError(f"{where} cannot be read: there is no .safetensors file of LoRA weights")


def _read_safetensors(file: Path) -> tuple[State, dict[str, Any] | None]:
    with safe_open(file, framework="pt") as stored:
        state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # it is no mapping
        written = (stored.metadata() or {}).get(_METADATA)
    if written is None:
        return state, None
    return state, _mapping(written, f"{file}: {_METADATA}")


def _beside(file: Path) -> dict[str, Any] | None:
    """The configuration that peft writes beside its weights, without which their strength is not known."""
    config = file.with_name(_CONFIG)
    if not file.name.startswith(_OF_PEFT) or not config.exists():
        return None
    return _mapping(read_text(config), str(config))


def _mapping(text: str, where: str) -> dict[str, Any]:
    metadata = parse_json(text, where)
    if not isinstance(metadata, dict):
        raise VeraError(f"{where} is no mapping: {json.dumps(metadata)[:40]}")
    return metadata


def _unpickled(file: Path) -> State:
    weights: Any = load_pickled(file)
    return dict(weights)


def _told_format(given: Any) -> str:
    """The format of a file that is none of ours, by its first bytes."""
    found = on_disk(str(given))
    if found is None or not found.is_file():
        return ""
    with found.open("rb") as file:
        start = file.read(4)
    kinds = {
        b"GGUF": "GGUF",
        b"PK\x03\x04": "a pickle of torch or a ZIP archive",
        b"\x80\x02": "a pickle",
        b"<htm": "HTML",
    }
    for mark, kind in kinds.items():
        if start.startswith(mark):
            return f": it is {kind}, a LoRA is a .safetensors file"
    return ""
