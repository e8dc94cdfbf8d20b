"""Previews while an edit is sampled: what they show, what they cost, and that they change nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler

from vera import VeraError
from vera.layers import load_layers
from vera.models import VeraTransformer3DModel
from vera.pipelines import Preview, VeraPipeline, edit
from vera.pipelines.footage.preview import SIDE, preview_step

MakePipeline = Callable[..., VeraPipeline]
ClipMaker = Callable[..., Path]
TEXT = "add a red balloon"


def unipc() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


@pytest.mark.parametrize("vae", ["patch", "wan"])
@pytest.mark.parametrize("scheduler", [None, unipc])
def test_an_edit_is_the_same_with_previews(
    make_pipeline: MakePipeline, make_clip: ClipMaker, tmp_path: Path, vae: str, scheduler: Any
) -> None:
    source, shown = make_clip("a.mkv", 9), list[Preview]()
    for name, preview in (("with", shown.append), ("without", None)):
        pipeline = make_pipeline(vae, scheduler=scheduler and scheduler(), window_frames=5, window_overlap=0)
        layers = tmp_path / name
        edit(source, TEXT, pipeline=pipeline, steps=3, layers=layers, result=False, preview=preview)
    for name in ("edit.mkv", "alpha.mkv", "manifest.json"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    assert [(look.step, look.steps) for look in shown] == [(1, 3), (2, 3), (3, 3)]
    for look in shown:
        assert look.edit.shape == look.composite.shape == (32, 32, 3) and look.alpha.shape == (32, 32)
        assert {picture.dtype for picture in (look.edit, look.alpha, look.composite)} == {np.dtype(np.uint8)}


def test_the_last_preview_is_the_middle_of_the_layers(
    make_pipeline: MakePipeline, make_clip: ClipMaker, tmp_path: Path
) -> None:
    """Nine frames are three latent ones, of which the middle one ends with the fifth frame; no noise is left."""
    shown = list[Preview]()
    pipeline = make_pipeline()
    edit(make_clip("a.mkv", 9), TEXT, pipeline=pipeline, layers=tmp_path / "l", result=False, preview=shown.append)
    alpha = np.asarray(load_layers(tmp_path / "l").alpha[4]) / 65535
    assert np.abs(alpha - shown[-1].alpha / 255).max() <= 1 / 255


def test_it_is_where_the_velocity_leads(make_pipeline: MakePipeline) -> None:
    """Noise and clean layers that are known: a straight flow between them is seen through from any step."""
    pipeline = make_pipeline()
    pipeline.set_timesteps(4)
    pipeline._num_timesteps = 4
    noise, clean = (torch.randn(1, 3, 4, 3, 4, 6, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    wanted = [pipeline.decode_latents(layer[:, :2], 5)[-1].numpy() for layer in clean[0]]
    for step in range(4):
        sigma = pipeline.scheduler.sigmas[step + 1]
        look = preview_step(pipeline, step, sigma * noise + (1 - sigma) * clean, noise - clean)
        assert np.abs(look.edit - wanted[0] * 255.0).max() < 0.6
        assert np.abs(look.alpha - wanted[1].mean(axis=-1) * 255.0).max() < 0.6
        assert np.abs(look.composite - wanted[2] * 255.0).max() < 0.6


def test_large_pictures_are_shrunk_and_one_frame_is_decoded(
    make_pipeline: MakePipeline, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths, shown = list[int](), list[Preview]()
    pipeline = make_pipeline()
    decode = pipeline.vae.decode

    def watched(z: torch.Tensor, *rest: Any, **options: Any) -> Any:
        lengths.append(z.shape[2])
        return decode(z, *rest, **options)

    monkeypatch.setattr(pipeline.vae, "decode", watched)

    def look(preview: Preview) -> None:
        shown.append(preview)
        assert lengths == [1, 1, 1] * len(shown)

    edit(make_clip("a.mkv", 17), TEXT, pipeline=pipeline, size=(SIDE * 2, 32), steps=2, preview=look)
    assert [preview.edit.shape for preview in shown] == [(16, SIDE, 3)] * 2


def test_nothing_is_decoded_before_the_end_unless_somebody_looks(
    make_pipeline: MakePipeline, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, steps = make_pipeline(), list[str]()
    decode = pipeline.decode_latents
    monkeypatch.setattr(pipeline, "decode_latents", lambda *inputs: steps.append("decoded") or decode(*inputs))
    edit(make_clip("a.mkv", 3), TEXT, pipeline=pipeline, progress=lambda stage, done, total: steps.append(stage))
    assert "decoded" not in steps and steps.count("sample") == 2


def test_models_of_other_branches(make_pipeline: MakePipeline, make_clip: ClipMaker) -> None:
    """One without alpha makes the whole frame: opaque; one without composite has none to show."""
    sizes: dict[str, Any] = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4}
    for branches in (["composite"], ["edit", "alpha"]):
        transformer = VeraTransformer3DModel(
            **sizes, text_dim=16, freq_dim=16, ffn_dim=32, num_layers=1, branches=branches, text_branches=branches[:1]
        ).eval()
        shown = list[Preview]()
        edit(make_clip("a.mkv", 2), TEXT, pipeline=make_pipeline(transformer=transformer), preview=shown.append)
        look = shown[-1]
        assert (look.composite is None) == ("composite" not in branches)
        assert ("alpha" in branches) or (np.array_equal(look.edit, look.composite) and (look.alpha == 255).all())


def test_a_preview_may_end_the_edit(make_pipeline: MakePipeline, make_clip: ClipMaker, tmp_path: Path) -> None:
    def refuse(preview: Preview) -> None:
        raise VeraError("seen enough")

    source = make_clip("a.mkv")
    with pytest.raises(VeraError, match="seen enough"):
        edit(source, TEXT, pipeline=make_pipeline(), preview=refuse)
    assert list(tmp_path.iterdir()) == [source]
