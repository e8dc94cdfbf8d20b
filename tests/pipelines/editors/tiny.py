"""Tiny pipelines of random weights, of diffusers' real classes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from tests import tiny_parts
from transformers import BatchFeature

VAE_SIZES: dict[str, Any] = {  # of Wan's autoencoder, and of Qwen's, which is its copy for pictures
    "base_dim": 4,
    "z_dim": 4,
    "dim_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "temperal_downsample": [False, True, True],
    "latents_mean": [0.0] * 4,
    "latents_std": [1.0] * 4,
}
WORDS = (*tiny_parts.WORDS, "</s>")
tokenizer = partial(tiny_parts.tokenizer, WORDS, eos_token="</s>")


def wan_vae() -> Any:
    return diffusers.AutoencoderKLWan(**VAE_SIZES).eval()


def unipc(shift: float = 3.0) -> Any:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=shift
    )


def wan_sizes(channels: int) -> dict[str, Any]:
    return tiny_parts.NETWORK | {"in_channels": channels, "out_channels": 4, "num_layers": 2, "rope_max_seq_len": 64}


def wan_parts(transformer: Any) -> dict[str, Any]:
    return {
        "tokenizer": tokenizer(),
        "text_encoder": tiny_parts.umt5(WORDS),
        "vae": wan_vae(),
        "scheduler": unipc(),
        "transformer": transformer.eval(),
    }


def lucy() -> Any:
    return diffusers.LucyEditPipeline(**wan_parts(diffusers.WanTransformer3DModel(**wan_sizes(8))))


def vace() -> Any:
    network = diffusers.WanVACETransformer3DModel(**wan_sizes(4), vace_layers=[0], vace_in_channels=8 + 64)
    return diffusers.WanVACEPipeline(**wan_parts(network))


def wan() -> Any:
    return diffusers.WanVideoToVideoPipeline(**wan_parts(diffusers.WanTransformer3DModel(**wan_sizes(4))))


def text_to_video() -> Any:
    return diffusers.WanPipeline(**wan_parts(diffusers.WanTransformer3DModel(**wan_sizes(4))))


def ltx2() -> Any:
    from diffusers.pipelines.ltx2 import LTX2TextConnectors
    from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    words = [f"word{index}" for index in range(40)]
    config = Gemma3Config(
        text_config={
            "vocab_size": 64,
            "hidden_size": 32,
            "intermediate_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
        },
        mm_tokens_per_image=4,
        image_token_index=60,
        boi_token_index=61,
        eoi_token_index=62,
    )
    text_encoder = Gemma3ForConditionalGeneration(config).eval()
    transformer = diffusers.LTX2VideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        patch_size=1,
        patch_size_t=1,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        audio_in_channels=4,
        audio_out_channels=4,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        audio_cross_attention_dim=8,
        num_layers=2,
        caption_channels=32,
        rope_double_precision=False,
        rope_type="split",
    ).eval()
    connectors = LTX2TextConnectors(
        caption_channels=32,
        text_proj_in_factor=3,
        video_connector_num_attention_heads=4,
        video_connector_attention_head_dim=8,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=None,
        audio_connector_num_attention_heads=4,
        audio_connector_attention_head_dim=8,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=None,
        connector_rope_base_seq_len=32,
        rope_double_precision=False,
        rope_type="split",
    )
    vae = diffusers.AutoencoderKLLTX2Video(
        latent_channels=4,
        block_out_channels=(8,),
        decoder_block_out_channels=(8,),
        layers_per_block=(1,),
        decoder_layers_per_block=(1, 1),
        spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,),
        decoder_inject_noise=(False, False),
        downsample_type=("spatial",),
        upsample_residual=(False,),
        upsample_factor=(1,),
        timestep_conditioning=False,
        patch_size=8,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    ).eval()
    audio_vae = diffusers.AutoencoderKLLTX2Audio(
        base_channels=4,
        output_channels=2,
        ch_mult=(1,),
        num_res_blocks=1,
        attn_resolutions=None,
        in_channels=2,
        resolution=32,
        latent_channels=2,
        norm_type="pixel",
        causality_axis="height",
        mid_block_add_attention=False,
        sample_rate=16000,
        mel_hop_length=160,
        is_causal=True,
        mel_bins=8,
    ).eval()
    vocoder = LTX2Vocoder(
        in_channels=16,
        hidden_channels=32,
        out_channels=2,
        upsample_kernel_sizes=[4, 4],
        upsample_factors=[2, 2],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3, 5]],
        output_sampling_rate=16000,
    ).eval()
    return diffusers.LTX2InContextPipeline(
        transformer=transformer,
        vae=vae,
        audio_vae=audio_vae,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=text_encoder,
        tokenizer=tokenizer(special=words),
        connectors=connectors,
        vocoder=vocoder,
    )


def klein() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    words = tokenizer(chat_template="{% for m in messages %}{{ m['content'] }}{% endfor %}")
    config = Qwen3Config(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=30,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
    )
    transformer = diffusers.Flux2Transformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,  # of three layers' states
        timestep_guidance_channels=256,
        axes_dims_rope=[4, 4, 4, 4],
        guidance_embeds=False,
    ).eval()
    vae = diffusers.AutoencoderKLFlux2(
        sample_size=32,
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=1,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()
    return diffusers.Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=Qwen3ForCausalLM(config).eval(),
        tokenizer=words,
        transformer=transformer,
        is_distilled=True,
    )


class QwenInputs:
    """What Qwen's own processor makes of a text and pictures; that one wants torchvision, even for pictures."""

    def __init__(self, words: Any) -> None:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        self.words, self.pictures = words, Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56)

    def __call__(self, text: list[str], images: Any, padding: bool, return_tensors: str) -> Any:
        seen = self.pictures(images=images, return_tensors=return_tensors)
        pad = "<|image_pad|>"
        long = [part.replace(pad, pad * int(seen["image_grid_thw"][0].prod() // 4)) for part in text]
        tokens = self.words(long, padding=padding, return_tensors=return_tensors)
        tokens.pop("token_type_ids", None)
        return BatchFeature({**tokens, **seen})


def qwen(kind: str = "QwenImageEditPipeline") -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    special = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>", "<|im_end|>"]
    words = tokenizer(special=special)
    ids = {word: words.convert_tokens_to_ids(word) for word in special}
    text = {
        "vocab_size": 32,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1000000.0},
    }
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    return getattr(diffusers, kind)(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=diffusers.AutoencoderKLQwenImage(**VAE_SIZES).eval(),
        text_encoder=Qwen2_5_VLForConditionalGeneration(config).eval(),
        tokenizer=words,
        processor=QwenInputs(words),
        transformer=diffusers.QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=16,
            guidance_embeds=False,
            axes_dims_rope=(8, 4, 4),
        ).eval(),
    )


def qwen_plus() -> Any:
    return qwen("QwenImageEditPlusPipeline")


def chronoedit() -> Any:
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = wan_sizes(4 + 4 + 4) | {"rope_max_seq_len": 32, "image_dim": 4}
    encoder = CLIPVisionConfig(
        hidden_size=4,
        projection_dim=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        intermediate_size=16,
        patch_size=16,
    )
    return diffusers.ChronoEditPipeline(
        **wan_parts(diffusers.ChronoEditTransformer3DModel(**sizes)),
        image_encoder=CLIPVisionModelWithProjection(encoder).eval(),
        image_processor=CLIPImageProcessor(crop_size=32, size=32),
    )


MAKERS: dict[str, Callable[[], Any]] = {
    "LucyEditPipeline": lucy,
    "WanVACEPipeline": vace,
    "WanVideoToVideoPipeline": wan,
    "WanPipeline": text_to_video,
    "LTX2InContextPipeline": ltx2,
    "Flux2KleinPipeline": klein,
    "QwenImageEditPipeline": qwen,
    "QwenImageEditPlusPipeline": qwen_plus,
    "ChronoEditPipeline": chronoedit,
}


def make(pipeline: str) -> Any:
    """A tiny pipeline of the class of this name."""
    torch.manual_seed(0)
    made = MAKERS[pipeline]()
    made.set_progress_bar_config(disable=True)
    return made
