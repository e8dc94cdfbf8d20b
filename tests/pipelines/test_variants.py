"""Every published variant as a pipeline: saved, loaded by name, run, and used by `edit` from footage to footage."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.loras import CLIP, SIZES

from vera import VeraError
from vera.layers import verify
from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline, edit, load_pipeline

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"
MASK = np.random.default_rng(1).integers(0, 2, (5, 32, 48), dtype=np.uint8) * 255
NO_MASK = ("t2v", "v2v_concat")
WHOLE_FRAME = ("v2v", "v2v_concat", "vace")


def transformer(variant: str, **config: Any) -> Any:
    torch.manual_seed(0)
    model = VARIANTS[variant].model(**VARIANTS[variant].config(SIZES | config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3)  # what is zero in a new model: let source and mask have a say
    return model


def sample(pipeline: VeraPipeline, **call: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(CLIP, TEXT, generator=torch.Generator().manual_seed(0), **call)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_folder_runs_as_what_was_saved(make_pipeline: MakePipeline, tmp_path: Path, variant: str) -> None:
    pipeline = make_pipeline(transformer=transformer(variant))
    expected = sample(pipeline, mask=MASK, output_composite=True)
    assert expected.edit.shape == expected.composite.shape == (5, 32, 48, 3) and expected.alpha.shape == (5, 32, 48)
    pipeline.save_pretrained(tmp_path)

    loaded = load_pipeline(str(tmp_path), device="cpu", dtype="float32")
    assert type(loaded.transformer) is VARIANTS[variant].model
    masked = sample(loaded, mask=MASK, output_composite=True)
    for name, layer in masked.items():
        # Weights that a file leaves at odd addresses are multiplied by other kernels, in another order.
        np.testing.assert_allclose(layer, expected[name], atol=1e-6, rtol=0)
    assert np.array_equal(masked.edit, sample(loaded).edit) == (variant in NO_MASK), "the mask matters"


@pytest.mark.parametrize("variant", ["dense", "v2v_concat", "vace"])
def test_diffusers_knows_the_class_of_the_transformer(
    make_pipeline: MakePipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture, variant: str
) -> None:
    make_pipeline(transformer=transformer(variant)).save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        logging.getLogger("diffusers").addHandler(caplog.handler)
        loaded = VeraPipeline.from_pretrained(
            tmp_path, transformer=VARIANTS[variant].model.from_pretrained(tmp_path / "transformer")
        )
        logging.getLogger("diffusers").removeHandler(caplog.handler)
    assert type(loaded.transformer) is VARIANTS[variant].model
    assert not caplog.records


@pytest.mark.parametrize("variant", WHOLE_FRAME)
def test_without_alpha_the_composite_is_the_edit_and_opaque(make_pipeline: MakePipeline, variant: str) -> None:
    pipeline = make_pipeline(transformer=transformer(variant))
    layers = sample(pipeline, output_composite=True)
    assert np.array_equal(layers.edit, layers.composite)
    assert layers.alpha.dtype == np.float32 and (layers.alpha == 1).all()

    latents = sample(pipeline, output_type="latent")
    assert latents.edit.shape == latents.alpha.shape
    white = pipeline.encode_frames(np.full(CLIP.shape, 255, np.uint8))[0]
    assert torch.equal(latents.alpha, white)


def test_without_a_composite_branch_the_layers_are_still_edit_and_alpha(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(transformer=transformer("mot", branches=["edit", "alpha"]))
    layers = sample(pipeline)
    assert layers.composite is None and not (layers.alpha == 1).all()
    with pytest.raises(VeraError, match="no composite branch"):
        sample(pipeline, output_composite=True)


@pytest.mark.parametrize("variant", ["v2v", "dense"])
def test_edit_from_footage_to_footage(
    make_pipeline: MakePipeline, make_clip: Callable[..., Path], tmp_path: Path, variant: str
) -> None:
    pipeline = make_pipeline(transformer=transformer(variant), window_frames=5, window_overlap=0)
    with torch.no_grad():
        pipeline.vae.decoder.weight.mul_(100)  # alpha is exactly 0 in some places
    pipeline.save_pretrained(tmp_path / "model")
    source = make_clip("a.mkv", frames=5, size=(48, 32))
    report = edit(source, TEXT, model=tmp_path / "model")
    counts = verify(source, report.out, report.edit)
    assert counts.changed == 0
    assert (counts.preserved == 0) == (variant in WHOLE_FRAME)
    assert (np.asarray(report.edit.alpha) == 65535).all() == (variant in WHOLE_FRAME)
