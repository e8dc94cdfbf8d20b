"""Numbers of a run: what the call says, else the model, else Wan."""

from collections.abc import Mapping
from typing import Any

from vera.pipelines.sampling.checks import check_sampling, check_tokens, check_windows

# What a run takes where neither the call nor the model says: Wan's own numbers.
RUN_DEFAULTS: dict[str, Any] = {
    "num_inference_steps": 50,
    "guidance_scale": 5.0,
    "window_frames": 81,
    "window_overlap": 16,
    "max_sequence_length": 512,
    "model_pixels": 480 * 832,
    "negative_prompt": "",
}


def run_numbers(config: Mapping[str, Any], *given: Any) -> tuple[int, float, int, int, int]:
    """Steps, guidance, window frames, overlap and tokens of a call: the model's own where `given` is None."""
    names = ("num_inference_steps", "guidance_scale", "window_frames", "window_overlap", "max_sequence_length")
    steps, guidance, frames, overlap, tokens = (
        config[name] if value is None else value for name, value in zip(names, given, strict=True)
    )
    check_sampling(steps, guidance)
    check_windows(frames, overlap)
    check_tokens(tokens)
    return int(steps), float(guidance), int(frames), int(overlap), int(tokens)
