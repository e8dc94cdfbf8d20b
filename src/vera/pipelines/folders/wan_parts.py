"""A Wan2.1 pipeline on disk in either layout: its transformer, and its other parts as Vera has them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from torch import Tensor
from transformers import AutoTokenizer, UMT5EncoderModel

from vera.errors import VeraError, first_line, last_line
from vera.models.conversion import wan
from vera.models.conversion.base import BaseTransformer, open_base, read_config
from vera.models.conversion.checkpoint import (
    DIFFUSERS_STEM,
    TRANSFORMERS_STEM,
    Report,
    list_tensors,
    load_pickled,
    weight_files,
    write_weight_shards,
)
from vera.models.model_files import pipeline_files
from vera.progress import Progress

ORIGINAL_VAE = "Wan2.1_VAE.pth"
ORIGINAL_TEXT_ENCODER = "models_t5_umt5-xxl-enc-bf16.pth"
ORIGINAL_TOKENIZER = "google/umt5-xxl"
ORIGINAL_FILES = (
    f"{DIFFUSERS_STEM}*.safetensors",
    f"{DIFFUSERS_STEM}*.json",
    ORIGINAL_VAE,
    ORIGINAL_TEXT_ENCODER,
    f"{ORIGINAL_TOKENIZER}/*",
)
_DIFFUSERS_PARTS = ("transformer", "vae", "text_encoder", "tokenizer")
# Where a second transformer or a boundary between two is configured, the pipeline is Wan2.2's.
_WAN22_FIELDS = ("transformer_2", "boundary_ratio", "expand_timesteps")

Parts = dict[str, Any]  # entries of model_index.json
WriteParts = Callable[[Path, Progress | None], Parts]


def wan_files(names: Sequence[str]) -> list[str]:
    """Of the files of a Wan pipeline in diffusers' layout those that are converted or copied."""
    return pipeline_files(names, use_safetensors=True, parts=_DIFFUSERS_PARTS)


def open_layout(folder: Path) -> tuple[BaseTransformer, WriteParts | None]:
    """The transformer in a folder or file, and what writes the other parts into a new folder if there are any.

    All of them have been checked as far as that needs no reading of weights.
    """
    if (folder / "model_index.json").is_file():
        check_pipeline(folder, str(folder))
        transformer = open_base(folder / "transformer")
        _check_vae(folder, transformer)
        for part, stem in (("vae", DIFFUSERS_STEM), ("text_encoder", TRANSFORMERS_STEM)):
            list_tensors(weight_files(folder / part, stem))
        if not (folder / "tokenizer").is_dir():
            raise VeraError(f"{folder} has no tokenizer: fetch the rest of the model")
        return transformer, partial(_copy_parts, folder)
    transformer = open_base(folder)
    if not any((folder / name).exists() for name in (ORIGINAL_VAE, ORIGINAL_TEXT_ENCODER)):
        return transformer, None

    return transformer, partial(_convert_parts, folder)


def check_pipeline(folder: Path, where: str) -> None:
    """VeraError, which names `where`, unless the configuration in `folder` is of Wan2.1 text-to-video."""
    index = read_config(folder / "model_index.json")
    if index.get("_class_name") != "WanPipeline":
        raise VeraError(
            f"{where} is a {index.get('_class_name')}: Vera starts from Wan2.1 text-to-video, a WanPipeline"
        )
    for field in _WAN22_FIELDS:
        if index.get(field) not in (None, False, [None, None]):
            raise VeraError(f"{where} has a {field}, as Wan2.2: Vera starts from Wan2.1 text-to-video")
    wan.check_family(read_config(folder / "transformer" / "config.json"), f"{where}: transformer")


def _check_vae(folder: Path, transformer: BaseTransformer) -> None:
    config = read_config(folder / "vae" / "config.json")
    name, channels = config.get("_class_name"), config.get("z_dim")
    if name != "AutoencoderKLWan" or channels != transformer.sizes["in_channels"]:
        raise VeraError(
            f"{folder / 'vae'} is a {name} with {channels} latent channels, the transformer needs an AutoencoderKLWan "
            f"with {transformer.sizes['in_channels']}: use parts of one model"
        )


def _copy_parts(folder: Path, out: Path, progress: Progress | None) -> Parts:
    index = read_config(folder / "model_index.json")
    names = ("vae", "text_encoder", "tokenizer")
    if lacking := [part for part in names if part not in index]:
        raise VeraError(f"{folder / 'model_index.json'} names no {lacking[0]}: take a whole Wan2.1 text-to-video model")
    for done, part in enumerate(names):
        if progress is not None:
            progress("other parts", done, len(names))
        (out / part).mkdir()
        for name in pipeline_files([f"{part}/{file.name}" for file in (folder / part).iterdir()], use_safetensors=True):
            if not (folder / name).is_file():
                raise VeraError(f"{folder / name} is no regular file: fetch it again")
            shutil.copyfile(folder / name, out / name)  # the hub's cache holds links, a copy holds files
    return {part: index[part] for part in names}


def _convert_parts(folder: Path, out: Path, progress: Progress | None) -> Parts:
    def report(done: int, total: int) -> None:
        if progress is not None:
            progress("text encoder", done, total)

    tokenizer = _load_tokenizer(folder / ORIGINAL_TOKENIZER)
    shutil.copytree(folder / ORIGINAL_TOKENIZER, out / "tokenizer")
    _write_vae(folder / ORIGINAL_VAE, out / "vae")
    _write_text_encoder(folder / ORIGINAL_TEXT_ENCODER, out / "text_encoder", report)
    return {
        "vae": ["diffusers", "AutoencoderKLWan"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", type(tokenizer).__name__],
    }


def _load_tokenizer(folder: Path) -> Any:
    if not folder.is_dir():
        raise VeraError(f"{folder} is missing: fetch the rest of the model")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of transformers, on files of strangers
        raise VeraError(f"{folder} holds no tokenizer: {first_line(error)}") from None


def _write_vae(file: Path, folder: Path) -> None:
    stored = load_pickled(file)
    try:
        weights = convert_wan_vae_to_diffusers(stored)
        vae = AutoencoderKLWan(base_dim=len(weights["encoder.conv_in.bias"]))
        vae.load_state_dict(weights)
    except Exception as error:  # whatever tensors of another network do to these
        raise VeraError(f"{file} is not Wan2.1's autoencoder: {last_line(error)}") from None
    vae.save_pretrained(folder)


def _write_text_encoder(file: Path, folder: Path, report: Report) -> None:
    stored = {wan.umt5_key(key): tensor for key, tensor in load_pickled(file).items()}
    try:
        config = wan.umt5_config({key: tuple(tensor.shape) for key, tensor in stored.items()})
    except KeyError as error:
        raise VeraError(f"{file} lacks {error}: fetch it again") from None
    except (ValueError, ZeroDivisionError, IndexError) as error:
        raise VeraError(f"{file} is not Wan2.1's text encoder: {first_line(error)}") from None
    if config.num_layers > len(stored):
        raise VeraError(f"{file} is not Wan2.1's text encoder: it has a block {config.num_layers - 1}")
    with torch.device("meta"):
        expected = UMT5EncoderModel(config).state_dict()
    missing = expected.keys() - stored.keys() - {"encoder.embed_tokens.weight"}  # which is `shared.weight`
    if missing:
        raise VeraError(f"{file}: {len(missing)} weights are missing (first: {min(missing)}): fetch it again")
    folder.mkdir()
    config.dtype = stored["shared.weight"].dtype
    config.save_pretrained(folder)

    def read(names: set[str]) -> Iterator[tuple[str, Tensor]]:
        return ((name, stored[name]) for name in names)

    write_weight_shards(folder, TRANSFORMERS_STEM, stored, read, report=report)
