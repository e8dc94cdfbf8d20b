"""Networks in folders: which class a configuration names, and the network with all its weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.models.networks import network_class, open_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    AutoencoderPatch3D(z_dim=4, width=8, num_blocks=1).save_pretrained(tmp_path / "vae")
    return tmp_path / "vae"


def test_a_network_is_frozen_and_what_was_saved(folder: Path) -> None:
    network, config = network_class(folder, "vae")
    assert network is AutoencoderPatch3D and config["z_dim"] == 4
    opened = open_network(folder, "vae")
    assert not opened.training and not any(weight.requires_grad for weight in opened.parameters())
    stored = load_file(folder / "diffusion_pytorch_model.safetensors")
    assert stored.keys() == opened.state_dict().keys()
    assert all(torch.equal(weight, stored[name]) for name, weight in opened.state_dict().items())
    assert open_network(folder, "vae", torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_weights_that_lack_or_exceed(folder: Path, change: str) -> None:
    """diffusers warns, fills in random numbers, and goes on."""
    path = folder / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    if change == "missing":
        del weights["proj_out.bias"]
    else:
        weights["other"] = torch.zeros(1)
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(VeraError, match=rf"1 {change} weights in the vae \(first: (other|proj_out.bias)\)"):
        open_network(folder, "vae")


def test_what_is_no_network(folder: Path) -> None:
    with pytest.raises(VeraError, match="no such folder"):
        open_network("owner/name", "vae")  # a name on the hub is none either
    with pytest.raises(VeraError, match="holds AutoencoderPatch3D, and Vera knows VeraTransformer3DModel, "):
        open_network(folder, "transformer")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_class_name": "os.system"}))
    with pytest.raises(VeraError, match=r"holds os\.system, and Vera knows AutoencoderKLWan"):
        open_network(folder, "vae")
    (folder / "config.json").write_text("{")
    with pytest.raises(VeraError, match="no configuration"):
        open_network(folder, "vae")


def test_damaged_weights(folder: Path) -> None:
    path = folder / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(VeraError, match="the weights cannot be loaded") as error:
        open_network(folder, "vae")
    assert "\n" not in str(error.value)
