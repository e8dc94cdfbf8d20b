import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.training.drawn import DrawnLayers, open_drawn, write_recipe

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.training.autoencoder import gather_crops, gradient_error, psnr
from vera.training.loop import train


def rows_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def quiet(line: str) -> None:
    pass


def test_a_run_improves_on_the_linear_code_and_keeps_its_encoder(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, steps=60, batch_size=4, learning_rate=5e-3, sample_every=60, checkpoint_every=60)
    train(path, open_data=open_drawn, report=quiet)
    run = tmp_path / "run"
    held_out = [row for row in rows_of(run) if "held_out/psnr_edit" in row]
    assert [row["step"] for row in held_out] == [0, 60]
    assert held_out[1]["held_out/psnr_alpha"] > held_out[0]["held_out/psnr_alpha"] + 0.3
    assert {path.name for path in (run / "samples").iterdir()} == {"step-00000000.png", "step-00000060.png"}
    # Four kinds, each with its reconstruction, below a caption.
    assert Image.open(run / "samples" / "step-00000060.png").size == (8 * 32, 32 + 14)

    model = AutoencoderPatch3D.from_pretrained(run / "ema")
    decoder = model.decoder.weight.detach().flatten(1)
    encoder = model.encoder.weight.detach().flatten(1)
    torch.testing.assert_close(encoder @ encoder.T, torch.eye(8), atol=1e-4, rtol=0)  # still principal components
    assert not torch.allclose(decoder, encoder, atol=1e-3)
    assert min(model.config.latents_std) > 0
    assert model.config.latents_std != [1.0] * 8


def test_a_resumed_run_keeps_its_latent_statistics(tmp_path: Path) -> None:
    """diffusers' `from_config` resets what was left at its default when the model was made."""
    run = tmp_path / "run" / "ema"
    statistics = []
    for steps in (2, 4):
        train(write_recipe(tmp_path, steps=steps, checkpoint_every=2), open_data=open_drawn, report=quiet)
        config = AutoencoderPatch3D.load_config(run)
        statistics.append((config["latents_mean"], config["latents_std"]))
    assert statistics[0] == statistics[1]
    assert statistics[0][1] != [1.0] * 8


def test_crops_are_of_one_length_and_prefer_motion() -> None:
    clips = gather_crops(DrawnLayers(side=96), 10, seed=0)
    assert clips.shape == (10, 3, 5, 64, 64)
    assert torch.equal(clips, gather_crops(DrawnLayers(side=96), 10, seed=0))


def test_crops_of_stills_where_there_is_nothing_else() -> None:
    class Stills(DrawnLayers):
        def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[tuple[int, ...]]:
            return [(step, 0, 0, 1)]

    assert gather_crops(Stills(), 4, seed=0).shape == (4, 3, 1, 32, 32)


def test_psnr_and_gradients() -> None:
    target = torch.rand(2, 3, 1, 8, 8) - 0.5
    assert psnr(target + 0.2, target).tolist() == pytest.approx([20.0, 20.0], abs=1e-3)
    assert gradient_error(target + 0.2, target).item() == pytest.approx(0, abs=1e-6)
    assert gradient_error(target * 2, target) > 0.05


def test_init_takes_the_weights_and_wants_the_same_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1, latents_std=[2.0] * 8).save_pretrained(tmp_path / "init")
    fields = {"init": str(tmp_path / "init"), "objective": {"pca_clips": 0}, "learning_rate": 0.0, "steps": 1}
    train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    start, end = (AutoencoderPatch3D.from_pretrained(tmp_path / name) for name in ("init", "run/ema"))
    assert torch.equal(start.conv_in.weight, end.conv_in.weight)
    assert end.config.latents_std == [2.0] * 8

    model = {"z_dim": 8, "width": 16, "num_blocks": 1}
    path = write_recipe(tmp_path, **fields, model=model, output=str(tmp_path / "other"))
    with pytest.raises(VeraError, match="width is 16 in the recipe, 8 in"):
        train(path, open_data=open_drawn, report=quiet)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": {"z_dmi": 8}}, "model: .*z_dmi"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"init": "nowhere", "objective": {"pca_clips": 0}}, "init: no AutoencoderPatch3D in nowhere"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(
    tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(VeraError, match=words):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    assert not (tmp_path / "run").exists()
