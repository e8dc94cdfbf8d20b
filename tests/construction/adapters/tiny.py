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


def save_inpainting(folder: Path, original: bool = False, channels: int = 36) -> Path:
    """A transformer as Casper's and ROSE's, in diffusers' layout or in Wan's own."""
    from diffusers import WanTransformer3DModel
    from safetensors.torch import save_file
    from tests.wan_layouts import original_key

    torch.manual_seed(0)
    network = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, ffn_dim=40, num_layers=2, text_dim=16, freq_dim=32,
        in_channels=channels, out_channels=16, image_dim=32, added_kv_proj_dim=24,
    )  # fmt: skip
    for parameter in network.parameters():  # what is zero at first would hide what is shown
        torch.nn.init.normal_(parameter, std=0.3)
    if not original:
        network.save_pretrained(folder)
        return folder
    folder.mkdir(parents=True)
    pictures = {
        "add_k_proj": "k_img", "add_v_proj": "v_img", "norm_added_k": "norm_k_img",
        "condition_embedder.image_embedder.norm1": "img_emb.proj.0",
        "condition_embedder.image_embedder.ff.net.0.proj": "img_emb.proj.1",
        "condition_embedder.image_embedder.ff.net.2": "img_emb.proj.3",
        "condition_embedder.image_embedder.norm2": "img_emb.proj.4",
    }  # fmt: skip
    weights = {}
    for key, tensor in network.state_dict().items():
        name = next((key.replace(ours, theirs) for ours, theirs in pictures.items() if ours in key), key)
        weights[original_key(name)] = tensor
    save_file(weights, folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text('{"_class_name": "WanModel", "num_heads": 2}')
    return folder


def save_wan_base(folder: Path) -> Path:
    """The other parts of Wan2.1 image-to-video."""
    from tests.wan_layouts import make_wan
    from transformers import CLIPVisionConfig, CLIPVisionModel

    wan = make_wan()
    for part in ("vae", "text_encoder", "tokenizer"):
        getattr(wan, part).save_pretrained(folder / part)
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14
    )
    CLIPVisionModel(config).save_pretrained(folder / "image_encoder")
    return folder


def save_videomama(folder: Path, channels: int = 12) -> Path:
    """VideoMaMa's network in `unet`, and Stable Video Diffusion's autoencoder in `base/vae`."""
    from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel

    torch.manual_seed(0)
    UNetSpatioTemporalConditionModel(
        in_channels=channels, out_channels=4, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=8,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        num_attention_heads=(1, 2), addition_time_embed_dim=8, projection_class_embeddings_input_dim=24,
    ).save_pretrained(folder / "unet")  # fmt: skip
    AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32, 32, 32), layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 4
    ).save_pretrained(folder / "base/vae")
    return folder
