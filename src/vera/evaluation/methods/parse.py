"""Methods by what a command says of them: `nano`, `NAME=FOLDER`, `fast=nano,lora=nano-8-steps,steps=8`."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from vera.choices import Dtype, Offload, Quantize, Sampler
from vera.errors import VeraError, brief
from vera.evaluation.methods.folder import FolderMethod
from vera.evaluation.methods.method import Method, folder_name
from vera.evaluation.methods.model import ModelMethod
from vera.evaluation.methods.reference import REFERENCES, Reference, ReferenceMethod

INDEX = "model_index.json"  # of a folder that is a model


def _flag(text: str) -> bool:
    return {"yes": True, "no": False}[text]


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def _one_of(choices: Any) -> Callable[[str], str]:
    return lambda text: {choice: choice for choice in get_args(choices)}[text]


SETTINGS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "lora": (str, "a LoRA"),
    "seed": (int, "a number"),
    "steps": (int, "a number"),
    "guidance": (float, "a number"),
    "sampler": (_one_of(Sampler), " or ".join(get_args(Sampler))),
    "size": (_size, "WxH, such as 832x480"),
    "mask": (_flag, "yes or no"),
    "layers": (_flag, "yes or no"),
    "device": (str, "a device"),
    "dtype": (_one_of(Dtype), " or ".join(get_args(Dtype))),
    "offload": (_one_of(Offload), " or ".join(get_args(Offload))),
    "quantize": (_one_of(Quantize), " or ".join(get_args(Quantize))),
}


def parse_methods(texts: Sequence[str], cases: Sequence[str], defaults: Mapping[str, Any]) -> list[Method]:
    """Read methods: `[NAME=]WHAT[,SETTING=VALUE...]`; `defaults` are settings of models that do not say otherwise.

    WHAT is `truth` or `empty`, a folder of videos of the `cases`, or a model: nano, a folder in diffusers' layout, a
    model of the hub, a short name of `vera models`. VeraError for what is none of these, and for two whose names are
    one folder's.
    """
    methods = [_parse(text, tuple(cases), defaults) for text in texts]
    if not methods:
        raise VeraError("name a method, such as --method nano or --method NAME=FOLDER")
    named: dict[str, str] = {}
    for method in methods:
        folder = folder_name(method.name).casefold()  # to some disks capitals are no difference
        if folder in named:
            raise VeraError(
                f"methods {named[folder]} and {method.name} would share a folder of edits: give one another name, "
                "as in NAME=WHAT"
            )
        named[folder] = method.name
    for method in methods:
        method.check()
    return methods


def _parse(text: str, cases: tuple[str, ...], defaults: Mapping[str, Any]) -> Method:
    # Commas of a path stay: only one before a setting's name divides.
    what, *rest = re.split(rf",(?=(?:{'|'.join(SETTINGS)})=)", text)
    name, named, named_what = what.partition("=")
    if named and re.fullmatch(r"[\w. -]+", name):
        what = named_what
    else:
        name = re.sub(r"[^\w.-]+", "-", Path(what).name)
    if not what.strip("=") or not name.strip(". -") or len(name) > 80:
        raise VeraError(f"a method is [NAME=]WHAT[,SETTING=VALUE], such as nano or mine=FOLDER, not {brief(text)}")
    settings: dict[str, Any] = {}
    for setting in rest:
        key, _, value = setting.partition("=")
        read, kind = SETTINGS[key]
        try:
            found = read(value)
        except (ValueError, KeyError):
            raise VeraError(f"method {name}: {key} is {kind}, not {brief(value)}") from None
        settings[key] = (*settings.get("lora", ()), found) if key == "lora" else found
    folder = Path(what)
    is_model = not folder.is_dir() or (folder / INDEX).is_file()
    if settings and (what in REFERENCES or not is_model):
        raise VeraError(f"method {name}: {what} is no model, which {next(iter(settings))} could be said of")
    if what in REFERENCES:
        return ReferenceMethod(cast(Reference, what), name)
    if not is_model:
        return FolderMethod(name, folder, cases)
    if "/" in what and what.count("/") > 1 and not folder.exists():
        raise VeraError(f"method {name}: there is no folder {what}")
    return ModelMethod(name, what, **{**defaults, **settings})
