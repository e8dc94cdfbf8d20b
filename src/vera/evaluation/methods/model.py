"""Models that edit: Vera's, and anybody's editor by its adapter."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera.choices import Dtype, Offload, Quantize, Sampler
from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase
from vera.evaluation.methods.drawn import draw_result
from vera.evaluation.methods.method import Edited
from vera.evaluation.methods.opening import open_model
from vera.fingerprints import path_fingerprint
from vera.pipelines import Acceleration, VeraPipeline, edit
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.known import find_known
from vera.pipelines.editors.loading import editor_pipeline
from vera.pipelines.editors.protocol import Settings
from vera.pipelines.folders.hub import on_disk
from vera.pipelines.folders.opening import locate_model
from vera.pipelines.inputs import model_files
from vera.presets import LORAS, TRAINED, preset_folder


@dataclass(frozen=True)
class ModelMethod:
    """A model of `vera edit`, with its settings; None is the model's own.

    Args:
        name: of the method.
        model, lora: nano, a folder, a model of the hub, or a short name of `vera models`.
        seed: of the noise, to which a case may add.
        steps, guidance, sampler, size: of the sampling.
        mask: whether it is given the cases' masks; None: only an editor that reads masks.
        layers: False takes the frames that an editor draws as they are, which is how editors are published; True makes
            layers of them, and lays these over the source.
        device, dtype, offload, quantize: how it is loaded.
    """

    name: str
    model: str
    lora: tuple[str, ...] = ()
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    sampler: Sampler | None = None
    size: tuple[int, int] | None = None
    mask: bool | None = None
    layers: bool = True
    device: str = "auto"
    dtype: Dtype = "auto"
    offload: Offload = "none"
    quantize: Quantize = "none"

    def check(self) -> None:
        """VeraError for a model that is not there, and for frames asked of one that draws layers itself."""
        if editor_pipeline(self.model) is None and not self.layers:
            raise VeraError(f"method {self.name}: {self.model} draws layers itself: leave out layers=no")

    def depends(self, case: ClipCase) -> Mapping[str, Any]:
        """On the settings, and on the model's and the LoRAs' files."""
        settings = {field: value for field, value in asdict(self).items() if field not in ("name", "model", "device")}
        return settings | {"lora": [_identity(name) for name in self.lora], "model": _identity(self.model)}

    def reads(self) -> list[Path]:
        """Name the model's files on disk."""
        return model_files(self.model, self.lora)

    def edit(self, case: ClipCase, folder: Path) -> Edited:
        """Edit the source as `vera edit` does, or have an editor draw it. VeraError as these."""
        model = _open(self.model, self.lora, self.device, self.dtype, self.offload, self.quantize)
        traits = model.traits if isinstance(model, Adapter) else None
        described = traits is not None and traits.text == "description"
        text = case.caption if described and case.caption else case.instruction
        masked = self.mask if self.mask is not None else traits is not None and traits.masked
        mask, seed = case.mask if masked else None, self.seed + case.seed
        result = folder / "result.mkv"
        if not self.layers:
            assert isinstance(model, Adapter)
            settings = Settings(self.steps, self.guidance, self.sampler)
            return Edited(draw_result(model, self.model, case.source, text, mask, seed, settings, self.size, result))
        edit(
            case.source,
            text,
            out=result,
            layers=folder / "layers",
            pipeline=model,
            mask=mask,
            seed=seed,
            steps=self.steps,
            guidance=self.guidance,
            sampler=self.sampler,
            size=self.size,
            progress=_quiet,
        )
        return Edited(result, folder / "layers")


@lru_cache(maxsize=1)
def _open(
    model: str, lora: tuple[str, ...], device: str, dtype: Dtype, offload: Offload, quantize: Quantize
) -> VeraPipeline | Adapter:
    return open_model(model, lora, device, dtype, Acceleration(offload=offload, quantize=quantize))


@lru_cache
def _identity(name: str) -> str:
    """Which weights a name means: a hash of the files, or the commit of a model of the hub."""
    plain = re.sub(r":-?\d*\.?\d+$", "", name)
    scale = name.removeprefix(plain)
    folder = preset_folder(plain) if plain in (*TRAINED, *LORAS) else on_disk(plain)
    if folder is not None:
        return path_fingerprint(folder) + scale
    known = find_known(plain)
    commit = locate_model(plain if known is None else known.name, ("model_index.json",)).name
    return f"{plain} {commit}{scale}"


def _quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches, which keeps the pipeline from drawing its own."""
