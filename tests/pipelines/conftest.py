"""Tiny pipelines of random weights, with each autoencoder and each kind of text encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from tests.tiny_parts import NETWORK, WORDS, tokenizer, umt5
from transformers import BertConfig, BertModel

from vera.models import AutoencoderPatch3D, VeraTransformer3DModel
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]


def tiny_text_encoder(kind: str) -> Any:
    if kind == "umt5":
        return umt5()
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    return BertModel(config).eval()


def tiny_vae(kind: str) -> Any:
    if kind == "wan":
        vae = AutoencoderKLWan(
            base_dim=4,
            z_dim=4,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.5, -0.5, 0.0, 0.25],
            latents_std=[2.0, 1.0, 0.5, 1.5],
        )
    else:
        vae = AutoencoderPatch3D(
            z_dim=4, width=8, num_blocks=1, latents_mean=[0.5, -0.5, 0.0, 0.25], latents_std=[2.0, 1.0, 0.5, 1.5]
        )
    return vae.eval()


@pytest.fixture
def make_pipeline() -> MakePipeline:
    """Give `make_pipeline(vae="patch", text="bert", transformer=None, scheduler=None, **config)`."""

    def make(
        vae: str = "patch", text: str = "bert", transformer: Any = None, scheduler: Any = None, **config: Any
    ) -> VeraPipeline:
        torch.manual_seed(0)
        if transformer is None:
            transformer = VeraTransformer3DModel(**NETWORK, in_channels=4, out_channels=4, num_layers=1).eval()
            # What is zero in a new model: let source and mask have a say.
            torch.nn.init.normal_(transformer.source_embedding.weight)
            torch.nn.init.normal_(transformer.mask_embedding.weight)
        defaults: dict[str, Any] = {
            "num_inference_steps": 2,
            "guidance_scale": 3.0,
            "window_frames": 9,
            "window_overlap": 4,
            "max_sequence_length": 8,
            "model_pixels": 32 * 32,
        }
        pipeline = VeraPipeline(
            tokenizer=tokenizer(),
            text_encoder=tiny_text_encoder(text),
            transformer=transformer,
            vae=tiny_vae(vae),
            scheduler=scheduler or FlowMatchEulerDiscreteScheduler(shift=3.0),
            **defaults | config,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    return make


@pytest.fixture
def folder(make_pipeline: MakePipeline, tmp_path: Path) -> Path:
    """The folder of a saved pipeline."""
    make_pipeline().save_pretrained(tmp_path / "model")
    return tmp_path / "model"
