"""Networks of random weights, a few hundred thousand, saved as published ones are."""

from pathlib import Path
from typing import Any

import torch

SIDE = 64


def save_tracker(folder: Path, kind: str = "sam2", **changes: Any) -> Path:
    """SAM 2.1's video network, EdgeTAM's or SAM 3's tracker, that always sees an object."""
    from transformers import (
        EdgeTamVideoConfig,
        EdgeTamVideoModel,
        Sam2VideoConfig,
        Sam2VideoModel,
        Sam3TrackerVideoConfig,
        Sam3TrackerVideoModel,
    )

    torch.manual_seed(0)
    size, hidden = SIDE // 4, 128  # of the memory's 64 channels, the networks want more in the others
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 16, "image_size": [SIDE, SIDE], "num_attention_heads": 1,
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 1, 1], "window_size_per_stage": [4, 2, 2, 2],
        "global_attention_blocks": [3], "window_positional_embedding_background_size": [2, 2],
    }  # fmt: skip
    vision = {
        "model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[size, size], [size // 2, size // 2], [size // 4, size // 4]],
        "fpn_hidden_size": hidden,
    }  # fmt: skip
    decoder = {
        "hidden_size": hidden, "mlp_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "iou_head_hidden_dim": 32,
    }  # fmt: skip
    common: dict[str, Any] = {
        "vision_config": vision, "mask_decoder_config": decoder, "image_size": SIDE,
        "prompt_encoder_config": {"hidden_size": hidden, "image_size": SIDE, "patch_size": 16},
        "memory_attention_hidden_size": hidden, "memory_attention_num_layers": 1,
        "memory_attention_rope_feat_sizes": [size // 4, size // 4], "memory_encoder_hidden_size": hidden,
        "mask_downsampler_embed_dim": hidden, "memory_fuser_embed_dim": hidden, "memory_fuser_intermediate_dim": 32,
        **changes,
    }  # fmt: skip
    if kind == "sam2":
        network: Any = Sam2VideoModel(Sam2VideoConfig(memory_attention_feed_forward_hidden_size=32, **common))
    elif kind == "sam3":
        backbone = {
            "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": SIDE, "patch_size": 16, "window_size": 2,
            "global_attn_indexes": [1], "pretrain_image_size": 32,
        }  # fmt: skip
        common["vision_config"] = {
            "model_type": "sam3_vision_model", "backbone_config": backbone, "fpn_hidden_size": hidden
        }  # fmt: skip
        config = Sam3TrackerVideoConfig(memory_attention_feed_forward_hidden_size=32, **common)
        network = Sam3TrackerVideoModel(config)
    else:
        network = EdgeTamVideoModel(
            EdgeTamVideoConfig(memory_attention_mlp_hidden_size=32, perceiver_resampler_num_latents_2d=4, **common)
        )
    torch.nn.init.constant_(network.mask_decoder.pred_obj_score_head.proj_out.bias, 5.0)
    network.save_pretrained(folder)
    return folder
