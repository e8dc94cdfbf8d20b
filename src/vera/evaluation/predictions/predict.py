"""Layers that a model predicts for a case, and the reference baselines beside which its numbers are read."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.choices import Sampler
from vera.data.released.writer import FRAME_RATE
from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.evaluation.predictions.prediction import Prediction
from vera.evaluation.predictions.read import read_layers
from vera.layers import load_layers
from vera.layers.refine.floor import refine_layer
from vera.metrics.objects import Alpha, to_alpha
from vera.pipelines import VeraPipeline, edit
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.samplers import sampling_by
from vera.video import open_clip, write_lossless


@dataclass(frozen=True)
class Candidate:
    """What predicts: the model, with what differs from its own defaults, or a reference baseline.

    `autoencoder` is the truth after encoding and decoding, `truth` itself, and `empty` the edit that changes nothing.
    """

    kind: Literal["model", "autoencoder", "truth", "empty"] = "model"
    steps: int | None = None
    guidance: float | None = None
    sampler: Sampler | None = None
    shift: float | None = None

    @property
    def label(self) -> str:
        """Kind and settings as one word a column: the name of a candidate in tables."""
        settings = {name: value for name, value in vars(self).items() if name != "kind" and value is not None}
        return " ".join([self.kind, *(f"{name}={value}" for name, value in settings.items())])


def predict(candidate: Candidate, pipeline: VeraPipeline | Adapter, sample: LayeredSample, seed: int) -> Prediction:
    """What `candidate` makes of the source, instruction and mask of `sample`; equal seeds start from equal noise.

    VeraError for what an editor does not do.
    """
    if candidate.kind == "truth":
        return Prediction(sample.edit, to_alpha(sample.alpha), sample.composite, sample.composite)
    if candidate.kind == "empty":
        nothing = np.zeros(sample.alpha.shape, np.float32)
        return Prediction(np.full_like(sample.source, 128), nothing, sample.source, sample.source)
    if isinstance(pipeline, Adapter):
        return _edit_sample(candidate, pipeline, sample, seed)
    if candidate.kind == "autoencoder":
        layers = [_code_again(pipeline, clip) for clip in (sample.edit, sample.alpha, sample.composite)]
        return _assemble(layers[0], layers[1].mean(axis=-1), layers[2], sample.source)
    return _sample(candidate, pipeline, sample, seed)


def _edit_sample(candidate: Candidate, editor: Adapter, sample: LayeredSample, seed: int) -> Prediction:
    """Layers by an editor, which works on footage: the sample goes through files, exactly."""
    if candidate.kind != "model" or candidate.shift is not None:
        raise VeraError("an editor's autoencoder and shift are its own: leave out the baselines and the shift")
    with tempfile.TemporaryDirectory(prefix="vera-") as folder:
        source, mask = Path(folder) / "source.mkv", Path(folder) / "mask.mkv"
        write_lossless(source, sample.source, FRAME_RATE)
        if sample.mask is not None:
            write_lossless(mask, sample.mask, FRAME_RATE)
        edit(
            source,
            sample.instruction,
            layers=Path(folder) / "layers",
            result=False,
            pipeline=editor,
            mask=mask if sample.mask is not None and editor.traits.masked else None,
            seed=seed,
            steps=candidate.steps,
            guidance=candidate.guidance,
            sampler=candidate.sampler,
        )
        layers, clip = load_layers(Path(folder) / "layers"), open_clip(source)
        colors, matte = read_layers(layers, clip, clip.display_size)
    return Prediction(colors, matte, None, blend_frames(colors, matte, sample.source))


def blend_frames(edit: Frames, alpha: Alpha, source: Frames) -> Frames:
    """`A*E + (1-A)*S`, rounded; where alpha is 0 that is the source exactly."""
    weight = alpha[..., None]
    return np.asarray(np.rint(weight * edit + (1 - weight) * source), np.uint8)


def _sample(candidate: Candidate, pipeline: VeraPipeline, sample: LayeredSample, seed: int) -> Prediction:
    with sampling_by(pipeline, candidate.sampler, candidate.shift):
        edit, alpha, *composite = pipeline(
            sample.source,
            sample.instruction,
            mask=sample.mask,
            num_inference_steps=candidate.steps,
            guidance_scale=candidate.guidance,
            generator=torch.Generator().manual_seed(seed),
            output_composite="composite" in pipeline.transformer.config.branches,
            return_dict=False,
        )
    return _assemble(edit, alpha, composite[0], sample.source)


def _assemble(edit: NDArray[Any], alpha: NDArray[Any], composite: NDArray[Any] | None, source: Frames) -> Prediction:
    """From decoded layers in [0,1] through the refinement that every edit gets."""
    layers = [refine_layer(*frame).codes() for frame in zip(edit, alpha, strict=True)]
    colors, codes = (np.stack(part) for part in zip(*layers, strict=True))
    matte = to_alpha(codes)
    drawn = None if composite is None else np.rint(composite.clip(0, 1) * 255).astype(np.uint8)
    return Prediction(colors, matte, drawn, blend_frames(colors, matte, source))


@torch.no_grad()
def _code_again(pipeline: VeraPipeline, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A clip after encoding and decoding: RGB `[T,H,W,3]` float32 in [0,1]."""
    decoded: NDArray[np.float32] = pipeline.decode_latents(pipeline.encode_frames(clip), len(clip)).cpu().numpy()
    return decoded
