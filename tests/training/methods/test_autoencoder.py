import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.training.drawn import DrawnLayers, open_drawn, write_recipe

from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.models.pixels import to_network
from vera.training.batches import collate
from vera.training.methods.autoencoder import gather_crops, gradient_error, psnr, token_noise
from vera.training.run.loop import train


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


@pytest.mark.faults
def test_crops_of_clips_of_several_small_sizes_are_of_one() -> None:
    class Sizes(DrawnLayers):
        def load(self, key: tuple[int, ...]) -> LayeredSample:
            return DrawnLayers(side=(32, 48)[key[1] % 2]).load(key)

    count, channels, frames, *sides = gather_crops(Sizes(), 12, seed=0).shape
    assert (count, channels, frames) == (12, 3, 5) and sides in ([32, 32], [48, 48])


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


def test_noise_of_tokens_is_up_to_its_level_and_shared_by_halves() -> None:
    noise = token_noise(3, (64, 4, 2, 31, 32), 0.5)
    assert noise.shape == (64, 4, 2, 31, 32) and torch.equal(noise, token_noise(3, noise.shape, 0.5))
    levels = noise.flatten(1).std(dim=1)
    assert levels.max() < 0.55 and levels.min() < 0.1 < 0.4 < levels.max()
    unit = noise / levels[:, None, None, None, None]
    within, across = (unit[..., start:-1:2] * unit[..., start + 1 :: 2] for start in (0, 1))
    assert within.mean().item() == pytest.approx(0.5, abs=0.02)  # of one token
    assert across.mean().item() == pytest.approx(0.0, abs=0.02)


def test_a_decoder_learns_from_noisy_latents_to_smooth_them(tmp_path: Path) -> None:
    found = []
    for level in (0.0, 1.0):
        fields = {"objective": {"pca_clips": 8, "latent_noise": level}, "output": str(tmp_path / str(level))}
        path = write_recipe(tmp_path, steps=60, batch_size=4, learning_rate=5e-3, checkpoint_every=60, **fields)
        train(path, open_data=open_drawn, report=quiet)
        model = AutoencoderPatch3D.from_pretrained(tmp_path / str(level) / "ema").eval()
        target = to_network(collate([DrawnLayers().load((10_000, 0, 0, 5))]).edit)
        shape = model.latents(target).shape
        with torch.no_grad():
            output = model(target, noise=token_noise(0, tuple(shape), 1.0)).sample
        found.append(psnr(output, target).item())
    assert found[1] > found[0] + 0.5


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": {"z_dmi": 8}}, "model: .*z_dmi"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"init": "nowhere", "objective": {"pca_clips": 0}}, "init: there is no folder nowhere"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(
    tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(VeraError, match=words):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    assert not (tmp_path / "run").exists()
