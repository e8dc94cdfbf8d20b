"""`VeraPipeline`: sample edit layer, alpha matte and composite of one clip jointly."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, PyramidAttentionBroadcastConfig
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from vera.errors import VeraError
from vera.models.baselines import LayerTransformer
from vera.pipelines.lora import VeraLoraLoaderMixin
from vera.pipelines.opening import GuardedLoading
from vera.pipelines.output import VeraPipelineOutput
from vera.pipelines.sizes import check_size
from vera.pipelines.spans import decode_spans, encode_spans
from vera.pipelines.text import clean_prompt, encode_text
from vera.pipelines.windows import Windows, average_windows, latent_length, plan_windows

Frames = np.ndarray | Tensor
StepCallback = Callable[["VeraPipeline", int, Tensor, dict[str, Any]], dict[str, Any]]


class VeraPipeline(GuardedLoading, DiffusionPipeline, VeraLoraLoaderMixin):  # type: ignore[misc]  # diffusers is untyped
    """Layered video editing with a Vera transformer, for any size its strides allow and clips of any length.

    Components: `transformer` (VeraTransformer3DModel or another of `vera.models.baselines`), `vae` (AutoencoderKLWan or
    one with its surface), `scheduler` (flow matching: FlowMatchEulerDiscreteScheduler or UniPC), `text_encoder` and
    `tokenizer` (UMT5, BERT or another encoder with `last_hidden_state`). The numbers are the model's own defaults of a
    run and travel in model_index.json: steps, guidance, window length and overlap in frames, text tokens, pixels of a
    frame that the model was trained at, the installed package that holds the text encoder of a checkpoint that has none
    itself, and the negative prompt of a call that gives none.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _callback_tensor_inputs = ("latents", "prompt_embeds", "negative_prompt_embeds")
    _current_timestep: Tensor | None = None
    _optional_components = ["tokenizer", "text_encoder"]  # noqa: RUF012  # diffusers adds lists to it

    def __init__(
        self,
        tokenizer: Any,
        text_encoder: Any,
        transformer: LayerTransformer,
        vae: Any,
        scheduler: Any,
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        window_frames: int = 81,
        window_overlap: int = 16,
        max_sequence_length: int = 512,
        model_pixels: int = 480 * 832,
        text_encoder_package: str | None = None,
        negative_prompt: str = "",
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer, text_encoder=text_encoder, transformer=transformer, vae=vae, scheduler=scheduler
        )
        self.register_to_config(
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            window_frames=window_frames,
            window_overlap=window_overlap,
            max_sequence_length=max_sequence_length,
            model_pixels=model_pixels,
            text_encoder_package=text_encoder_package,
            negative_prompt=negative_prompt,
        )

    @property
    def guidance_scale(self) -> float:
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        return self._guidance_scale > 1.0

    @property
    def num_timesteps(self) -> int:
        return self._num_timesteps

    @property
    def current_timestep(self) -> Tensor | None:
        return self._current_timestep

    @property
    def interrupt(self) -> bool:
        """A callback that sets `_interrupt` ends the sampling; what there is by then is decoded."""
        return self._interrupt

    @property
    def temporal_stride(self) -> int:
        """Frames of one latent frame after the first."""
        return int(self.vae.config.scale_factor_temporal)

    @property
    def size_strides(self) -> tuple[int, int]:
        """Height and width of a frame must be multiples of these: the autoencoder's stride times the patch."""
        patch = self.transformer.config.patch_size
        stride = int(self.vae.config.scale_factor_spatial)
        return stride * int(patch[1]), stride * int(patch[2])

    def check_text(self, text: str, name: str, max_sequence_length: int) -> None:
        """VeraError if the text has more tokens, special ones included, than the transformer reads."""
        tokens = len(self.tokenizer(clean_prompt(text), truncation=False, verbose=False).input_ids)
        if tokens > max_sequence_length:
            raise VeraError(f"the {name} is {tokens} tokens long, the model reads {max_sequence_length}: shorten it")

    def check_inputs(
        self,
        video: Frames | None,
        instruction: str,
        negative_prompt: str,
        mask: Frames | None,
        source_latents: Tensor | None,
        mask_latents: Tensor | None,
        num_frames: int | None,
        num_inference_steps: int,
        guidance_scale: float,
        window_frames: int,
        window_overlap: int,
        max_sequence_length: int,
        output_composite: bool,
        output_type: str,
        callback_on_step_end_tensor_inputs: Sequence[str],
    ) -> None:
        """VeraError for whatever the network could not run on."""
        if (video is None) == (source_latents is None):
            raise VeraError("give either video or source_latents, not both or neither")
        if mask is not None and mask_latents is not None:
            raise VeraError("give either mask or mask_latents, not both")
        if video is not None:
            self._check_video(video, mask, mask_latents)
        elif source_latents is not None:
            self._check_latents(source_latents, mask, mask_latents, num_frames)
        if not instruction.strip():
            raise VeraError("the instruction is empty: say what to add or replace")
        self.check_text(instruction, "instruction", max_sequence_length)
        self.check_text(negative_prompt, "negative prompt", max_sequence_length)
        check_sampling(num_inference_steps, guidance_scale)
        if output_composite and "composite" not in self.transformer.config.branches:
            raise VeraError("this model has no composite branch: do not ask for the composite")
        if window_frames < 1 or not 0 <= window_overlap < window_frames:
            raise VeraError(f"a window of {window_frames} frames cannot overlap the next by {window_overlap}")
        if output_type not in ("np", "pt", "latent"):
            raise VeraError(f"output_type is np, pt or latent, not {output_type!r}")
        unknown = set(callback_on_step_end_tensor_inputs) - set(self._callback_tensor_inputs)
        if unknown:
            raise VeraError(f"a callback may see {list(self._callback_tensor_inputs)}, not {sorted(unknown)}")

    def _check_video(self, video: Frames, mask: Frames | None, mask_latents: Tensor | None) -> None:
        if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape:
            raise VeraError(f"video is [frames, height, width, 3], not {list(video.shape)}")
        height, width = video.shape[1:3]
        check_size((width, height), self.size_strides[::-1])
        if mask is not None and tuple(mask.shape) != tuple(video.shape[:3]):
            raise VeraError(f"mask is {list(mask.shape)}, the video's is {list(video.shape[:3])}: make them equal")
        if mask_latents is not None:
            raise VeraError("mask_latents go with source_latents: encode the video as well, or give the mask's frames")

    def _check_latents(
        self, source: Tensor, mask: Frames | None, mask_latents: Tensor | None, num_frames: int | None
    ) -> None:
        channels, strides = self.transformer.config.in_channels, self.transformer.config.patch_size
        shape = list(source.shape)
        if len(shape) != 5 or shape[0] != 1 or shape[1] != channels or 0 in shape:
            raise VeraError(f"source_latents are [1, {channels}, frames, height, width], not {shape}")
        if any(side % stride for side, stride in zip(shape[2:], strides, strict=True)):
            raise VeraError(f"source_latents of {shape[2:]} are no multiples of the model's patch {list(strides)}")
        if mask is not None:
            raise VeraError("mask goes with video: encode it as well (encode_frames), and give mask_latents")
        if mask_latents is not None and list(mask_latents.shape) != shape:
            raise VeraError(f"mask_latents are {list(mask_latents.shape)}, source_latents {shape}: make them equal")
        if num_frames is not None and latent_length(num_frames, self.temporal_stride) != shape[2]:
            raise VeraError(f"num_frames {num_frames} does not fit source_latents of {shape[2]} latent frames")

    def encode_prompt(
        self,
        instruction: str,
        negative_prompt: str = "",
        do_classifier_free_guidance: bool = True,
        max_sequence_length: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """States of the two texts, each [1, max_sequence_length, text_dim] in the transformer's dtype.

        States beyond the end of a text are zeros, as in Wan: the transformer has no text mask.
        """
        length = max_sequence_length or self.config.max_sequence_length
        texts = [instruction, negative_prompt] if do_classifier_free_guidance else [instruction]
        states = encode_text(self.tokenizer, self.text_encoder, texts, length, self._execution_device)
        states = states.to(self._execution_device, self.transformer.dtype)
        return states[:1], states[1:] if do_classifier_free_guidance else None

    @torch.no_grad()
    def encode_frames(self, frames: Frames | Iterable[Frames], total: int | None = None) -> Tensor:
        """Normalised latents [1,C,T',H/8,W/8] float32 of frames [T,H,W,3] or, as grey, [T,H,W]; the posterior's mode.

        Frames are uint8, bool or float in [0,1]; a clip that is not 1 + 4k long repeats its last frame. Instead of an
        array they may come as an iterator of chunks [n,H,W,3] or [n,H,W] that hold `total` frames together; no more of
        it is held than is coded at once. VeraError if there are more or fewer.
        """
        device = self._execution_device

        def prepare(group: Tensor) -> Tensor:
            return to_network(group).to(device, self.vae.dtype)

        chunks = [frames] if total is None else frames
        spans = encode_spans(self.vae, chunks, len(frames) if total is None else total, prepare)  # type: ignore[arg-type]
        mean, std = self._latent_statistics(device)
        return (torch.cat(list(spans), dim=2) - mean) / std

    @torch.no_grad()
    def decode_spans(self, latents: Tensor, frames: int, grey: bool = False) -> Iterator[Tensor]:
        """Decode normalised latents [1,C,T',h,w] or [C,T',h,w], as `output_type="latent"` gives, span by span.

        Yields RGB [n,H,W,3], or for `grey` (alpha, masks) the channels' mean [n,H,W], float32 in [0,1] on the CPU,
        `frames` in all. What is decoded at once does not grow with the clip, unless Wan's autoencoder works in tiles.
        """
        latents = latents.to(self._execution_device)
        mean, std = self._latent_statistics(latents.device)
        z = (latents.reshape(1, *latents.shape[-4:]) * std + mean).to(self.vae.dtype)
        for decoded in decode_spans(self.vae, z):
            check_finite(decoded)
            part = (decoded[:, :frames].float().permute(1, 2, 3, 0) / 2 + 0.5).clamp(0, 1)
            frames -= len(part)
            if len(part):
                yield (part.mean(dim=-1) if grey else part).cpu()

    def decode_latents(self, latents: Tensor, frames: int, grey: bool = False) -> Tensor:
        """Decode as `decode_spans` does, to one tensor: RGB [frames,H,W,3], or [frames,H,W] if `grey`."""
        return torch.cat(list(self.decode_spans(latents, frames, grey)))

    def _latent_statistics(self, device: torch.device) -> tuple[Tensor, Tensor]:
        config = self.vae.config
        mean, std = (torch.tensor(values, device=device) for values in (config.latents_mean, config.latents_std))
        return mean[:, None, None, None], std[:, None, None, None]

    def prepare_latents(
        self, source: Tensor, generator: torch.Generator | None = None, latents: Tensor | None = None
    ) -> Tensor:
        """Noise [1,K,C,T',H',W'] float32 for the K layers of a source [1,C,T',H',W'].

        It is drawn on the generator's device: one on the CPU gives the same noise for every GPU.
        """
        shape = (source.shape[0], len(self.transformer.config.branches), *source.shape[1:])
        if latents is None:
            noise: Tensor = randn_tensor(shape, generator=generator, device=source.device, dtype=torch.float32)
            return noise
        if tuple(latents.shape) != shape:
            raise VeraError(f"latents are {list(latents.shape)}, this clip needs {list(shape)}")
        return latents.to(source.device, torch.float32)

    def set_timesteps(self, num_inference_steps: int) -> Tensor:
        """Timesteps in [0,1000], noisy first. For Euler the unshifted times are 1, (n-1)/n, ..., 1/n.

        The scheduler's own default would end at its training minimum, which shift leaves just beside 0, and so spend
        a whole step on nothing.
        """
        if isinstance(self.scheduler, FlowMatchEulerDiscreteScheduler):
            sigmas = np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps)
            self.scheduler.set_timesteps(sigmas=sigmas, device=self._execution_device)
        else:
            self.scheduler.set_timesteps(num_inference_steps, device=self._execution_device)
        self.scheduler.set_begin_index(0)
        timesteps: Tensor = self.scheduler.timesteps
        return timesteps

    def predict_velocity(
        self,
        latents: Tensor,
        timestep: Tensor,
        source: Tensor,
        mask: Tensor | None,
        prompt_embeds: Tensor,
        negative_prompt_embeds: Tensor | None,
        windows: Windows,
    ) -> Tensor:
        """Guided velocity (noise - clean) of the layers [1,K,C,T',H',W'] float32, averaged over the windows."""
        dtype = self.transformer.dtype
        time = timestep.expand(latents.shape[0])

        def forward(frames: slice, text: Tensor, context: str) -> Tensor:
            with self.transformer.cache_context(context):
                velocity: Tensor = self.transformer(
                    hidden_states=latents[:, :, :, frames].to(dtype),
                    timestep=time,
                    encoder_hidden_states=text,
                    source=source[:, :, frames].to(dtype),
                    mask=None if mask is None else mask[:, :, frames].to(dtype),
                    return_dict=False,
                )[0]
            return velocity.float()

        def guided(frames: slice) -> Tensor:
            # Two forwards of one clip: batched they are no faster on a CPU, and need twice the memory.
            conditional = forward(frames, prompt_embeds, f"cond-{frames.start}")
            if negative_prompt_embeds is None:
                return conditional
            unconditional = forward(frames, negative_prompt_embeds, f"uncond-{frames.start}")
            return unconditional + self.guidance_scale * (conditional - unconditional)

        return average_windows(guided, windows)

    @torch.no_grad()
    def denoise(
        self,
        latents: Tensor,
        num_inference_steps: int,
        guidance_scale: float,
        source: Tensor,
        mask: Tensor | None,
        prompt_embeds: Tensor,
        negative_prompt_embeds: Tensor | None,
        windows: Windows,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Tensor:
        """From noise to the layers' latents, both [1,K,C,T',H',W'] float32; guided where there is a negative prompt."""
        passes = len(windows.starts) * (1 if negative_prompt_embeds is None else 2)
        cache = getattr(self.transformer, "_cache_config", None)
        if passes > 1 and isinstance(cache, PyramidAttentionBroadcastConfig):
            # diffusers keeps one attention for all of them: without the text a pass would get that of the one with it.
            raise VeraError("Pyramid Attention Broadcast is for one window without guidance: use another cache")
        x = latents
        self._guidance_scale = guidance_scale
        self._interrupt = False
        timesteps = self.set_timesteps(num_inference_steps)
        self._num_timesteps = len(timesteps)
        with self.progress_bar(total=len(timesteps)) as bar:
            for i, t in enumerate(timesteps):
                if self.interrupt:
                    continue
                self._current_timestep = t
                velocity = self.predict_velocity(x, t, source, mask, prompt_embeds, negative_prompt_embeds, windows)
                x = self.scheduler.step(velocity, t, x, return_dict=False)[0]
                if callback_on_step_end is not None:
                    tensors: dict[str, Any] = {
                        "latents": x,
                        "prompt_embeds": prompt_embeds,
                        "negative_prompt_embeds": negative_prompt_embeds,
                    }
                    seen = {name: tensors[name] for name in callback_on_step_end_tensor_inputs}
                    tensors |= callback_on_step_end(self, i, t, seen) or {}
                    x, prompt_embeds, negative_prompt_embeds = (tensors[name] for name in self._callback_tensor_inputs)
                bar.update()
        self._current_timestep = None
        check_finite(x)
        return x

    @torch.no_grad()
    def __call__(
        self,
        video: Frames | None = None,
        instruction: str = "",
        negative_prompt: str | None = None,
        mask: Frames | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: torch.Generator | None = None,
        latents: Tensor | None = None,
        window_frames: int | None = None,
        window_overlap: int | None = None,
        output_composite: bool = False,
        output_type: str = "np",
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        return_dict: bool = True,
        max_sequence_length: int | None = None,
        source_latents: Tensor | None = None,
        mask_latents: Tensor | None = None,
        num_frames: int | None = None,
    ) -> VeraPipelineOutput | tuple[Any, ...]:
        """Sample the layers of an edit.

        `video` [T,H,W,3] is RGB, uint8 or float in [0,1]; `mask` [T,H,W] (bool, uint8 or float in [0,1]) is white on
        the subject to preserve. What is None comes from the pipeline's config. A guidance scale of at most 1 is no
        guidance and costs one forward a step instead of two. `latents` [1,K,C,T',H',W'] are the noise to start from.
        `source_latents` and `mask_latents` [1,C,T',H',W'], made by `encode_frames`, stand in for `video` and `mask`;
        `num_frames` then says how many frames to decode, all that the latents hold if None.
        Returns the edit layer, the alpha matte and, if `output_composite`, the composite; raises VeraError for
        unusable input.
        """
        config = self.config
        negative_prompt = config.negative_prompt if negative_prompt is None else negative_prompt
        steps = config.num_inference_steps if num_inference_steps is None else num_inference_steps
        self._guidance_scale = config.guidance_scale if guidance_scale is None else guidance_scale
        window_frames = config.window_frames if window_frames is None else window_frames
        window_overlap = config.window_overlap if window_overlap is None else window_overlap
        length = config.max_sequence_length if max_sequence_length is None else max_sequence_length
        self.check_inputs(
            video,
            instruction,
            negative_prompt,
            mask,
            source_latents,
            mask_latents,
            num_frames,
            steps,
            self._guidance_scale,
            window_frames,
            window_overlap,
            length,
            output_composite,
            output_type,
            callback_on_step_end_tensor_inputs,
        )
        prompt_embeds, negative_prompt_embeds = self.encode_prompt(
            instruction, negative_prompt, self.do_classifier_free_guidance, length
        )
        if video is not None:
            source, num_frames = self.encode_frames(video), len(video)
            mask_latents = None if mask is None else self.encode_frames(mask)
        else:
            source, mask_latents = (
                None if held is None else held.to(self._execution_device, torch.float32)
                for held in (source_latents, mask_latents)
            )
            num_frames = num_frames or 1 + (source.shape[2] - 1) * self.temporal_stride
        x = self.prepare_latents(source, generator, latents)
        stride = self.temporal_stride
        windows = plan_windows(source.shape[2], latent_length(window_frames, stride), window_overlap // stride)
        seen = (callback_on_step_end, callback_on_step_end_tensor_inputs)
        texts = (prompt_embeds, negative_prompt_embeds)
        x = self.denoise(x, steps, self._guidance_scale, source, mask_latents, *texts, windows, *seen)

        layers = self._decode_layers(x, num_frames, output_composite, output_type)
        self.maybe_free_model_hooks()
        return VeraPipelineOutput(*layers) if return_dict else tuple(layers)

    def _decode_layers(self, latents: Tensor, frames: int, composite: bool, output_type: str) -> list[Any]:
        """Edit, alpha and composite (None unless asked for); one decode at a time, to hold one layer's activations.

        A model without an alpha branch makes the whole frame anew: its last layer is the edit, opaque everywhere.
        """
        coded = dict(zip(self.transformer.config.branches, latents.unbind(1), strict=True))  # [1,C,T',H',W'] each
        edit = coded["edit"] if "alpha" in coded else latents[:, -1]
        if output_type == "latent":
            alpha = coded["alpha"] if "alpha" in coded else self.encode_frames(self._opaque(edit, frames))
            return [edit[0], alpha[0], coded["composite"][0] if composite else None]
        layers: list[Any] = [
            self.decode_latents(edit, frames),
            self.decode_latents(coded["alpha"], frames, grey=True) if "alpha" in coded else self._opaque(edit, frames),
            self.decode_latents(coded["composite"], frames) if composite else None,
        ]
        return [layer.numpy() if output_type == "np" and layer is not None else layer for layer in layers]

    def _opaque(self, latents: Tensor, frames: int) -> Tensor:
        """Alpha of 1 for a clip that has these latents [1,C,T',H',W']: [frames,H,W] float32."""
        stride = int(self.vae.config.scale_factor_spatial)
        return torch.ones(frames, *(length * stride for length in latents.shape[-2:]))


def check_sampling(steps: int, guidance: float) -> None:
    """VeraError unless a run can have this many steps and this guidance scale."""
    if not 1 <= steps <= 1000:
        raise VeraError(f"steps must be between 1 and 1000, not {steps}")
    if not 0.0 <= guidance <= 100.0:
        raise VeraError(f"guidance must be between 0 (or 1: off) and 100, not {guidance:g}")


def check_finite(x: Tensor) -> None:
    """VeraError if some of these values are no numbers, as those of a diverged model are."""
    if not torch.isfinite(x).all():
        raise VeraError("the model gave values that are no numbers: its weights are damaged, or its training diverged")


def to_network(frames: Tensor) -> Tensor:
    """Frames [T,H,W,3] or grey [T,H,W], uint8, bool or float in [0,1], to [1,3,T,H,W] float32 in [-1,1].

    Grey becomes three equal channels.
    """
    x = frames.float() / 255 if frames.dtype == torch.uint8 else frames.float()
    if x.ndim == 3:
        x = x[..., None].expand(*x.shape, 3)
    return (x * 2 - 1).permute(3, 0, 1, 2)[None].contiguous()
