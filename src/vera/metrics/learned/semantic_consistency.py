"""OSC, overall semantic consistency: whether a clip shows what the target's caption says, by VideoCLIP-XL.

As IVEBench computes it, with VideoCLIP-XL-v2.
"""

import html
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vera.arrays import Float, Frames
from vera.errors import VeraError, first_line
from vera.hardware import choose_device, choose_dtype
from vera.metrics.inputs import check_clip
from vera.metrics.learned.video_clip import FRAMES, SIDE, TOKENS, VideoClip
from vera.metrics.learned.weights import fill, find_file, read_tensors

SemanticConsistency = Callable[[Frames, str], float | None]

FILE = "VideoCLIP-XL-v2.bin"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_semantic_consistency(
    weights: str, tokenizer: str, device: str = "auto", dtype: str = "float32"
) -> SemanticConsistency:
    """Load OSC as a function of a clip and its target's caption: the cosine of their embeddings; higher is better.

    `weights` is a file, or a folder or a model of the hub with `FILE` (alibaba-pai/VideoCLIP-XL-v2);
    `tokenizer` a folder or a model of the hub with CLIP's, such as openai/clip-vit-base-patch32. Eight frames are
    shown, evenly from the first on, each squeezed to a square; captions are cut after 248 tokens. None for a clip of
    less than eight frames. Raises VeraError if one of the two cannot be loaded, or is another network's.
    """
    where = choose_device(device)
    number = choose_dtype(dtype, where)
    network = _load(weights).to(where, number)
    tokenize = _load_tokenizer(tokenizer, network.text_model.token_embedding.num_embeddings)

    @torch.inference_mode()
    def measure(frames: Frames, caption: str) -> float | None:
        check_clip(frames)
        if len(frames) < FRAMES:
            return None
        shown = torch.from_numpy(network_frames(frames)).to(where, number)
        video = network.vision_model.vision_encoder(shown.permute(3, 0, 1, 2)[None])
        text = network.text_model(tokenize(caption).to(where))
        return float(torch.nn.functional.cosine_similarity(video.float(), text.float()))

    return measure


def network_frames(frames: Frames) -> Float:
    """Take every (T // `FRAMES`)-th frame: float32 `[FRAMES,SIDE,SIDE,3]`, by ImageNet's mean and deviation."""
    chosen = frames[:: len(frames) // FRAMES][:FRAMES]
    squeezed = np.stack([cv2.resize(frame, (SIDE, SIDE)) for frame in chosen])
    return ((squeezed / 255 - _MEAN) / _DEVIATION).astype(np.float32)


def _load(weights: str) -> VideoClip:
    path = find_file(weights, (FILE,), "VideoCLIP-XL")
    tensors = read_tensors(path, "VideoCLIP-XL")
    try:
        vocabulary, text = tensors["text_model.token_embedding.weight"].shape
        vision, out = tensors["vision_model.vision_encoder.proj"].shape
    except (KeyError, ValueError):
        raise VeraError(f"VideoCLIP-XL {path}: does not hold this network") from None
    towers = ("vision_model.vision_encoder", "text_model")
    depths = [len({name for name in tensors if re.fullmatch(rf"{tower}.*\.ln_1\.weight", name)}) for tower in towers]
    with torch.device("meta"):
        network = VideoClip((vision, depths[0]), (text, depths[1]), out, vocabulary)
    fill(network, tensors, path, "VideoCLIP-XL")
    return network.eval()


def _load_tokenizer(name: str, vocabulary: int) -> Callable[[str], Tensor]:
    import ftfy
    from transformers import CLIPTokenizer

    local = Path(name).expanduser()
    try:
        tokenizer = CLIPTokenizer.from_pretrained(
            str(local) if local.is_dir() else name, local_files_only=local.is_dir()
        )
    except Exception as error:  # of a stranger's folder and of the net, anything
        raise VeraError(f"CLIP's tokenizer {name}: cannot be loaded ({first_line(error)})") from None
    if len(tokenizer) != vocabulary:
        raise VeraError(f"CLIP's tokenizer {name}: has {len(tokenizer)} words, the network {vocabulary}")

    def tokenize(caption: str) -> Tensor:
        # As the published code cleans captions; the tokenizer itself joins spaces and takes small letters.
        clean = html.unescape(html.unescape(ftfy.fix_text(caption))).strip()
        return torch.tensor([tokenizer(clean, truncation=True, max_length=TOKENS)["input_ids"]])

    return tokenize
