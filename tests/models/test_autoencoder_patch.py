"""The patch autoencoder: Wan's surface, the optimal linear code, exact chunks."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from vera.models.autoencoder_patch import AutoencoderPatch3D, latent_statistics, pca_initialise


@pytest.fixture
def clips() -> Tensor:
    """Smooth random clips `[6,3,9,32,48]` in [-1,1]."""
    coarse = torch.randn(6, 3, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=(9, 32, 48), mode="trilinear").tanh()


@pytest.fixture
def model(clips: Tensor) -> AutoencoderPatch3D:
    torch.manual_seed(0)
    model = AutoencoderPatch3D(z_dim=12, width=16, num_blocks=1).eval()
    pca_initialise(model, clips)
    return model


@pytest.mark.parametrize("frames", [1, 5, 17])
def test_shapes_are_those_of_wans_autoencoder(frames: int) -> None:
    wan = AutoencoderKLWan(base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    ours = AutoencoderPatch3D(z_dim=4, width=8, num_blocks=1)
    video = torch.rand(2, 3, frames, 16, 24) * 2 - 1
    with torch.no_grad():
        expected = wan.encode(video).latent_dist.mode()
        latents = ours.encode(video).latent_dist.mode()
        assert latents.shape == expected.shape == (2, 4, 1 + (frames - 1) // 4, 2, 3)
        assert ours.decode(latents).sample.shape == wan.decode(expected).sample.shape == video.shape
    for name in ("z_dim", "latents_mean", "latents_std", "scale_factor_temporal", "scale_factor_spatial"):
        assert name in ours.config and name in wan.config


def test_principal_components_are_the_best_linear_code(clips: Tensor, model: AutoencoderPatch3D) -> None:
    """No other orthonormal code of the width has a smaller error; here: none of twenty perturbed ones."""

    def error(code: AutoencoderPatch3D) -> float:
        with torch.no_grad():
            return float((code.train()(clips).sample - clips).square().mean())

    best = error(model)
    for seed in range(20):
        other = AutoencoderPatch3D(z_dim=12, width=16, num_blocks=1)
        other.load_state_dict(model.state_dict())
        noise = torch.randn(12, 768, generator=torch.Generator().manual_seed(seed))
        basis = torch.linalg.qr((model.encoder.weight.detach().flatten(1) + 0.02 * noise).T)[0].T
        offset = model.encoder.weight.flatten(1).pinverse() @ -model.encoder.bias
        with torch.no_grad():
            other.encoder.weight.copy_(basis.reshape(other.encoder.weight.shape))
            other.encoder.bias.copy_(-basis @ offset)
            other.decoder.weight.copy_(basis.reshape(other.decoder.weight.shape))
        assert error(other) > best


def test_a_code_as_wide_as_the_patch_is_lossless(clips: Tensor) -> None:
    model = AutoencoderPatch3D(
        z_dim=3 * 2 * 2 * 2, width=8, num_blocks=1, scale_factor_temporal=2, scale_factor_spatial=2
    )
    pca_initialise(model, clips)
    with torch.no_grad():
        assert torch.allclose(model(clips).sample, clips, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 5, 9])
@torch.no_grad()
def test_the_first_frame_is_coded_as_if_it_stood_still(model: AutoencoderPatch3D, clips: Tensor, frames: int) -> None:
    clip, patch = clips[:2, :, :frames], model.encoder.kernel_size
    padded = torch.cat([clip[:, :, :1].expand(-1, -1, patch[0], -1, -1), clip[:, :, 1:]], dim=2)
    wanted = torch.nn.functional.conv3d(
        padded.double(), model.encoder.weight.double(), model.encoder.bias.double(), patch
    )
    torch.testing.assert_close(model.encode(clip).latent_dist.mode().double(), wanted, atol=1e-5, rtol=1e-5)


def test_a_still_clip_codes_as_its_picture(model: AutoencoderPatch3D, clips: Tensor) -> None:
    still = clips[:, :, :1].expand(-1, -1, 9, -1, -1)
    with torch.no_grad():
        latents = model.encode(still).latent_dist.mode()
    assert torch.allclose(latents[:, :, :1].expand_as(latents), latents, atol=1e-5)


def test_decoding_in_chunks_is_exact(model: AutoencoderPatch3D, clips: Tensor) -> None:
    torch.nn.init.normal_(model.proj_out.weight)
    with torch.no_grad():
        latents = model.encode(clips).latent_dist.mode()
        whole = model.decode(latents).sample
        # A chunk after the first starts with the last latent frame before it, whose one kept frame is dropped.
        tail = model.decode(latents[:, :, 1:]).sample
    assert torch.allclose(whole[:, :, 5:], tail[:, :, 1:], atol=1e-5)


def test_statistics_give_latents_of_zero_mean_and_unit_power(model: AutoencoderPatch3D, clips: Tensor) -> None:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in latent_statistics(model, clips))
    with torch.no_grad():
        scaled = (model.encode(clips).latent_dist.mode() - mean) / std
    assert scaled.mean((0, 2, 3, 4)).abs().max() < 1e-3
    power = scaled.square().mean((0, 2, 3, 4))
    assert power.mean().item() == pytest.approx(1, abs=0.02)
    assert power[0] > power[-1]


def test_saved_and_loaded_it_is_the_same(model: AutoencoderPatch3D, clips: Tensor, tmp_path: Path) -> None:
    model.register_to_config(latents_mean=[0.5] * 12, latents_std=[2.0] * 12)
    model.save_pretrained(tmp_path)
    loaded = AutoencoderPatch3D.from_pretrained(tmp_path).eval()
    assert loaded.config.latents_std == [2.0] * 12
    with torch.no_grad():
        assert torch.equal(loaded(clips).sample, model(clips).sample)


@pytest.mark.faults
def test_slices_code_one_clip_after_the_other() -> None:
    vae = AutoencoderPatch3D(z_dim=4, width=8, num_blocks=1).eval()
    torch.nn.init.normal_(vae.proj_out.weight, std=0.1)
    seen: list[int] = []
    vae.decoder.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    clips = torch.rand(3, 3, 5, 16, 16) * 2 - 1
    with torch.no_grad():
        whole = vae.decode(vae.encode(clips).latent_dist.mode()).sample
        vae.enable_slicing()
        sliced = vae.decode(vae.encode(clips).latent_dist.mode()).sample
        vae.disable_slicing()
    torch.testing.assert_close(sliced, whole)
    assert seen == [3, 1, 1, 1]


@pytest.mark.faults
def test_tiles_are_clearly_absent() -> None:
    vae = AutoencoderPatch3D(z_dim=4, width=8, num_blocks=1)
    vae.disable_tiling()
    with pytest.raises(NotImplementedError, match="AutoencoderPatch3D"):
        vae.enable_tiling()
