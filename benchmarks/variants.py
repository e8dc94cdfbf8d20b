"""Parameters and arithmetic of every variant beside Wan2.1: `python benchmarks/variants.py`.

Counted on torch's meta device, which has shapes and no data, so that 14B needs no memory: one forward pass of one
sample with its mask, without guidance. Sizes are Wan2.1's, 49 frames of 832x480 unless told otherwise.
"""

import argparse
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from torch.utils.flop_counter import FlopCounterMode

from vera.models.baselines import VARIANTS

SIZES: dict[str, dict[str, Any]] = {
    "1.3b": {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30},
    "14b": {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40},
}
ALL = ["edit", "alpha", "composite"]
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "mot": ("mot", {}),
    "alpha-text": ("mot", {"text_branches": ALL}),
    "mot-separate": ("mot", {"joint_attention": False}),
    "mot-no-composite": ("mot", {"branches": ["edit", "alpha"]}),
    "dense": ("dense", {}),
    "v2v": ("v2v", {}),
    "v2v_concat": ("v2v_concat", {}),
    "vace": ("vace", {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1.3b")
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--resolution", default="832x480")
    arguments = parser.parse_args()
    width, height = map(int, arguments.resolution.split("x"))
    latent = (1 + (arguments.frames - 1) // 4, height // 8, width // 8)

    with torch.device("meta"), torch.no_grad():
        video, text, time = torch.empty(1, 16, *latent), torch.empty(1, 512, 4096), torch.empty(1)
        wan = WanTransformer3DModel(**SIZES[arguments.size])
        wan_flops = count(wan, video, time, text)
        print(f"{'wan':18}{wan.num_parameters() / 1e9:8.3f} B{wan_flops / 1e12:10.1f} TFLOP")
        for name, (variant, config) in ROWS.items():
            # VACE 14B has a context block for every fifth of its blocks, 1.3B for every second.
            context = {"vace_layers": list(range(0, 40, 5))} if (variant, arguments.size) == ("vace", "14b") else {}
            model = VARIANTS[variant].model(**VARIANTS[variant].config(SIZES[arguments.size] | config | context))
            layers = torch.empty(1, len(model.config.branches), *video.shape[1:])
            flops = count(model, layers, time, text, video, video)
            size = f"{model.num_parameters() / 1e9:8.3f} B"
            print(f"{name:18}{size}{flops / 1e12:10.1f} TFLOP{flops / wan_flops:8.2f} x Wan")


def count(model: Any, *inputs: torch.Tensor) -> int:
    """Floating-point operations of a forward pass: two for each multiplication with its addition."""
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
