"""What tests of several floors share: tiny clips, a tiny model folder of random weights, a hub on the loopback."""

import os
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import settings
from tests.fake_hub import FakeHub, fake_hub

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The tests' tensors are tiny: more threads would only wait for each other, here and in the processes tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A run in the background ignores interruptions, and one under `nohup` hangups: so would what tests start and signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A first example that imports a library, or a busy machine, is no fault.
settings.register_profile("vera", deadline=None)
settings.load_profile("vera")

ClipMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def browser_arguments() -> Sequence[str]:
    """What Chromium is started with; a folder of tests may have its own."""
    return ()


@pytest.fixture(scope="module")
def browser(browser_arguments: Sequence[str]) -> "Iterator[Browser]":
    """Chromium for the tests of one module: its event loop must end before those that run one of their own."""
    from tests.browsers import chromium

    with chromium(*browser_arguments) as started:
        yield started


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """What HF_ENDPOINT, HF_HOME and HF_TOKEN set, which huggingface_hub reads when it is imported."""
    from huggingface_hub import constants

    with fake_hub() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "of-the-fake")
        yield server


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes: writes fail as on a full disk.

    The test runner writes too: lift it soon.
    """
    old, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (old, hard))


@pytest.fixture
def make_clip(tmp_path: Path) -> ClipMaker:
    """Give `make_clip(name, frames=5, size=(32, 32), audio=False)`: a moving gradient in the test's folder."""

    def make(name: str, frames: int = 5, size: tuple[int, int] = (32, 32), audio: bool = False) -> Path:
        path = tmp_path / name
        write_clip(path, frames, size, audio)
        return path

    return make


def write_clip(path: Path, frames: int, size: tuple[int, int], audio: bool) -> None:
    width, height = size
    ramp = np.add.outer(np.arange(height), np.arange(width))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1" if path.suffix == ".mkv" else "libx264", rate=Fraction(25))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p" if width % 2 == 0 and height % 2 == 0 else "yuv444p"
        sound = container.add_stream("aac", rate=16000, layout="mono") if audio else None
        for index in range(frames):
            picture = np.stack([ramp * 3 + index * 5, ramp * 2, 255 - ramp], axis=-1).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
        if sound is not None:
            tone = np.sin(np.arange(frames * 640) / 5).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.sample_rate = 16000
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `save_tiny_model` writes, once for all tests."""
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def save_tiny_model(folder: Path) -> Path:
    """Write a folder in diffusers' layout: every part of a Vera model, a few kilobytes wide, with random weights."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler
    from tests.tiny_parts import NETWORK, WORDS, tokenizer
    from transformers import BertConfig, BertModel

    from vera.models import VeraTransformer3DModel
    from vera.models.autoencoder_patch import AutoencoderPatch3D
    from vera.pipelines import VeraPipeline

    torch.manual_seed(0)
    pipeline = VeraPipeline(
        tokenizer=tokenizer(),
        text_encoder=BertModel(
            BertConfig(
                vocab_size=len(WORDS),
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                max_position_embeddings=64,
            )
        ),
        transformer=VeraTransformer3DModel(
            **NETWORK, in_channels=8, out_channels=8, num_layers=1, patch_size=(1, 1, 1)
        ),
        vae=AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        num_inference_steps=1,
        guidance_scale=1.0,
        window_frames=9,
        window_overlap=4,
        max_sequence_length=16,
        model_pixels=32 * 32,
    )
    pipeline.save_pretrained(folder)
    return folder
