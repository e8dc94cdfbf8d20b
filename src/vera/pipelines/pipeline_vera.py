"""`VeraPipeline`: sample edit layer, alpha matte and composite of clips jointly."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from diffusers.utils import replace_example_docstring
from diffusers.video_processor import VideoProcessor
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.models.baselines import LayerTransformer
from vera.pipelines.folders.check import check_defaults, check_package
from vera.pipelines.folders.code import FolderCode
from vera.pipelines.folders.opening import GuardedLoading
from vera.pipelines.lora.loader import VeraLoraLoaderMixin
from vera.pipelines.sampling.checks import (
    batch_size,
    check_answer,
    check_changed,
    check_embeds,
    check_negatives,
    check_networks,
    check_output,
    check_prompts,
    check_sampling,
    check_scheduler,
    check_source_latents,
    check_unmoved,
)
from vera.pipelines.sampling.clips import read_masks, read_video
from vera.pipelines.sampling.coding import Coding
from vera.pipelines.sampling.defaults import RUN_DEFAULTS, run_numbers
from vera.pipelines.sampling.denoising import Denoising, one_for_each
from vera.pipelines.sampling.output import VeraPipelineOutput
from vera.pipelines.sampling.sizes import check_positions, check_size
from vera.pipelines.sampling.texts import Texts
from vera.pipelines.sampling.windows import latent_length, plan_windows

StepCallback = Callable[[Any, int, Tensor, dict[str, Any]], dict[str, Any]]

EXAMPLE_DOC_STRING = """
    Examples:
        ```python
        >>> from diffusers.utils import export_to_video, load_video  # pip install imageio imageio-ffmpeg
        >>> from vera import VeraPipeline

        >>> pipe = VeraPipeline.from_pretrained("nano")
        >>> video = load_video("clip.mp4")
        >>> output = pipe(video, "add a red balloon", height=192, width=320)
        >>> export_to_video(output.frames[0], "result.mp4", fps=25)
        >>> output.edit.shape, output.alpha.shape
        ```
"""


class VeraPipeline(
    GuardedLoading,
    FolderCode,
    Texts,
    Coding,
    Denoising,
    DiffusionPipeline,  # type: ignore[misc]  # diffusers is untyped
    VeraLoraLoaderMixin,
):
    r"""Layered video editing with a Vera transformer, for any size its strides allow and clips of any length.

    Args:
        transformer ([`VeraTransformer3DModel`] or another of `vera.models.baselines`):
            Predicts the velocity of all layers' latents.
        vae ([`AutoencoderKLWan`] or [`AutoencoderPatch3D`]):
            Codes clips, layers and masks as latents.
        scheduler ([`FlowMatchEulerDiscreteScheduler`], [`UniPCMultistepScheduler`] or another that follows a flow):
            Takes the steps from noise to clean latents.
        tokenizer, text_encoder (*optional*):
            UMT5, BERT or another encoder with `last_hidden_state`; a pipeline without takes `prompt_embeds`.
        num_inference_steps, guidance_scale, negative_prompt (*optional*):
            What a call of this model takes when it does not say: steps, guidance, the negative prompt. They stay with
            the transformer, so that `VeraPipeline(**pipe.components)` has them too; Wan's where nobody says.
        window_frames, window_overlap, max_sequence_length, model_pixels (*optional*):
            The same for length and overlap of the windows in frames, text tokens, and the pixels of a frame at which
            the model was trained.
        text_encoder_package (`str`, *optional*):
            The installed package that holds the text encoder of a checkpoint that has none itself.
    """

    model_cpu_offload_seq = "text_encoder->transformer->vae"
    _callback_tensor_inputs = ["latents", "prompt_embeds", "negative_prompt_embeds"]  # noqa: RUF012  # diffusers' lists
    _callback_tensors_seen = ("velocity",)  # which a callback may see besides, and not change
    _optional_components = ["tokenizer", "text_encoder"]  # noqa: RUF012

    def __init__(
        self,
        transformer: LayerTransformer,
        vae: AutoencoderKLWan | AutoencoderPatch3D,
        scheduler: FlowMatchEulerDiscreteScheduler | UniPCMultistepScheduler,
        tokenizer: PreTrainedTokenizerBase | None = None,
        text_encoder: PreTrainedModel | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        window_frames: int | None = None,
        window_overlap: int | None = None,
        max_sequence_length: int | None = None,
        model_pixels: int | None = None,
        negative_prompt: str | None = None,
        text_encoder_package: str | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer, text_encoder=text_encoder, transformer=transformer, vae=vae, scheduler=scheduler
        )
        given = {
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "window_frames": window_frames,
            "window_overlap": window_overlap,
            "max_sequence_length": max_sequence_length,
            "model_pixels": model_pixels,
            "negative_prompt": negative_prompt,
        }
        said = {name: value for name, value in given.items() if value is not None}
        stored = getattr(getattr(transformer, "config", None), "_run_defaults", None) or {}
        known = {name: stored[name] for name in RUN_DEFAULTS if name in stored}
        check_defaults(RUN_DEFAULTS | known | said, "VeraPipeline")
        if text_encoder_package is not None:
            check_package(text_encoder_package, "text_encoder_package")
        if said and transformer is not None:
            transformer.register_to_config(_run_defaults={**known, **said})
        self.register_to_config(**RUN_DEFAULTS | known | said, text_encoder_package=text_encoder_package)
        self.video_processor = VideoProcessor(vae_scale_factor=self.vae_scale_factor_spatial)
        self.mask_processor = VideoProcessor(vae_scale_factor=self.vae_scale_factor_spatial, resample="bilinear")

        self._guidance_scale = self.config.guidance_scale

    def check_inputs(
        self,
        prompt: str | Sequence[str] | None,
        negative_prompt: str | Sequence[str] | None,
        height: int | None = None,
        width: int | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] | None = None,
        max_sequence_length: int | None = None,
        output_composite: bool = False,
    ) -> None:
        """Raise VeraError, a ValueError, for texts, sizes and names that the network could not run on."""
        check_networks(self.transformer, self.vae, self.text_encoder, output_composite)
        check_scheduler(self.scheduler)
        seen = callback_on_step_end_tensor_inputs or ()
        known = (*self._callback_tensor_inputs, *self._callback_tensors_seen)
        if not isinstance(seen, Collection) or isinstance(seen, str) or not set(seen) <= {*known}:
            raise VeraError(f"a callback may see a list of {', '.join(known)}, not {seen!r}")
        if (height is None) != (width is None):
            raise VeraError("give both height and width, or neither: the clip's own size")
        if height is not None and width is not None:
            check_size((width, height), self.size_strides[::-1])
            stride = self.vae_scale_factor_spatial
            check_positions((1, height // stride, width // stride), self.transformer.config)
        check_embeds(prompt_embeds, negative_prompt_embeds, getattr(self.transformer.config, "text_dim", None))
        texts = check_prompts(prompt, negative_prompt, prompt_embeds, negative_prompt_embeds)
        if self.do_classifier_free_guidance and negative_prompt is None and negative_prompt_embeds is None:
            texts.append(("negative prompt", self.config.negative_prompt))
        for name, text in texts:
            self.check_text(text, name, max_sequence_length or self.config.max_sequence_length)

    @torch.no_grad()
    @replace_example_docstring(EXAMPLE_DOC_STRING)  # type: ignore[untyped-decorator]
    def __call__(
        self,
        video: Any = None,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] | None = None,
        mask: Any = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        window_frames: int | None = None,
        window_overlap: int | None = None,
        output_composite: bool = False,
        output_type: str = "np",
        callback_on_step_end: StepCallback | PipelineCallback | MultiPipelineCallbacks | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] | None = ("latents",),
        return_dict: bool = True,
        max_sequence_length: int | None = None,
        source_latents: Tensor | None = None,
        mask_latents: Tensor | None = None,
        num_frames: int | None = None,
        *,
        instruction: str | list[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        num_videos_per_prompt: int = 1,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> VeraPipelineOutput | tuple[Any, ...]:
        r"""Sample the layers of an edit. What is None of a run's numbers is the model's own.

        Args:
            video: the clip [T,H,W,3], RGB, uint8 or float in [0,1], array or tensor (also [T,3,H,W], as diffusers has
                it) or a list of PIL pictures; or a batch of clips, with another axis or as a list.
            prompt (`str` or `list[str]`, *optional*): the instruction, which may also be given as `instruction`.
            negative_prompt (`str` or `list[str]`, *optional*): what to lead away from, where there is guidance.
            mask: [T,H,W], bool, uint8 (255, or 1 where there is no more) or float in [0,1], or as pictures; white on
                the subject to preserve. One for all clips, or one for each.
            num_inference_steps (`int`, *optional*): of the scheduler.
            guidance_scale (`float`, *optional*): of at most 1 is no guidance, one forward a step instead of two.
            generator: of the noise, that of stochastic schedulers too; a list has one for each clip that is sampled.
            latents: the noise [B,K,C,T',H',W'] to start from.
            window_frames, window_overlap (`int`, *optional*): of the windows that a longer clip is sampled in.
            output_composite (`bool`): whether to decode the network's own picture of the result too.
            output_type (`str`): "np", "pt", "pil" or "latent"; see [`VeraPipelineOutput`].
            callback_on_step_end (`Callable`, `PipelineCallback` or `MultiPipelineCallbacks`, *optional*):
                called as `(pipeline, step, timestep, tensors)` after each step; returns tensors to go on with. It may
                set `_guidance_scale`, with which guidance ends or begins at the next step, and `_interrupt`.
            callback_on_step_end_tensor_inputs: names of the tensors it sees: those that it may change, and "velocity"
                (noise - clean), by which the step went.
            return_dict (`bool`): whether to return a [`VeraPipelineOutput`].
            max_sequence_length (`int`, *optional*): tokens of a text.
            source_latents, mask_latents: [1,C,T',H',W'], or as many as clips, made by `encode_frames`; they stand in
                for `video` and `mask`.
            num_frames (`int`, *optional*): of `source_latents` so many frames are decoded, all they hold if None.
            height, width (`int`, *optional*): the size to bring clip and mask to; their own if None.
            num_videos_per_prompt (`int`): how many videos to sample of each prompt or clip.
            prompt_embeds, negative_prompt_embeds: [B,L,D], made by `encode_prompt`; they stand in for the texts.
            attention_kwargs (`dict`, *optional*): passed to the transformer; `scale` is that of a LoRA.

        Examples:

        Returns:
            [`VeraPipelineOutput`], or the `tuple` (edit, alpha, composite). Raises VeraError, a ValueError, for input
            that cannot be used, and where the network answers with NaN.
        """
        if isinstance(callback_on_step_end, PipelineCallback | MultiPipelineCallbacks):
            callback_on_step_end_tensor_inputs = callback_on_step_end.tensor_inputs
        callback_on_step_end_tensor_inputs = callback_on_step_end_tensor_inputs or ()

        # 1. Check inputs
        if prompt is not None and instruction is not None:
            raise VeraError("prompt and instruction are two names of one thing: give one")
        prompt = instruction if prompt is None else prompt
        steps, scale, window_frames, window_overlap, length = run_numbers(
            self.config, num_inference_steps, guidance_scale, window_frames, window_overlap, max_sequence_length
        )
        if not callable(callback_on_step_end) and callback_on_step_end is not None:
            raise VeraError(f"callback_on_step_end is a function, not {type(callback_on_step_end).__name__}")
        check_output(output_type, num_videos_per_prompt, attention_kwargs)
        self._guidance_scale = scale
        self._attention_kwargs = attention_kwargs
        self._current_timestep = None
        self._interrupt = False
        self.check_inputs(
            prompt,
            negative_prompt,
            height,
            width,
            prompt_embeds,
            negative_prompt_embeds,
            callback_on_step_end_tensor_inputs,
            length,
            output_composite,
        )
        batched = isinstance(prompt, list | tuple) or num_videos_per_prompt > 1
        clips, masks, many = self._read_clips(video, mask, height, width, source_latents, mask_latents, num_frames)
        num_frames, batched = len(clips[0]) if clips else num_frames, batched or many

        # 2. Encode the texts
        prompt_embeds, negative_prompt_embeds = self.encode_prompt(
            prompt,
            negative_prompt,
            self.do_classifier_free_guidance,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative_prompt_embeds,
            max_sequence_length=length,
        )

        # 3. Encode clips and masks
        device = self._execution_device
        if clips:
            source_latents = torch.cat([self.encode_frames(clip) for clip in clips])
            mask_latents = torch.cat([self.encode_frames(clip) for clip in masks]) if masks else None
        assert source_latents is not None
        num_frames = num_frames or 1 + (source_latents.shape[2] - 1) * self.vae_scale_factor_temporal
        count = batch_size(prompts=prompt_embeds.shape[0], clips=source_latents.shape[0])
        check_negatives(negative_prompt_embeds, count)

        spread = partial(one_for_each, count=count, repeats=num_videos_per_prompt)
        prompt_embeds, negative_prompt_embeds = spread(prompt_embeds), spread(negative_prompt_embeds)
        source, mask_latents = (
            None if states is None else spread(states.to(device, torch.float32))
            for states in (source_latents, mask_latents)
        )
        assert source is not None and prompt_embeds is not None
        batched = batched or source.shape[0] > 1

        # 4. Timesteps, windows and noise
        timesteps = self.set_timesteps(steps)
        sigmas = self.scheduler.sigmas
        self._num_timesteps = len(timesteps)
        stride = self.vae_scale_factor_temporal
        windows = plan_windows(source.shape[2], latent_length(window_frames, stride), window_overlap // stride)
        check_positions((windows.size, *source.shape[3:]), self.transformer.config)
        latents = self.prepare_latents(source, generator, latents)
        noisy = self.prepare_extra_step_kwargs(generator)
        self.reset_caches()  # what a run that raised has left there is of other latents

        # 5. Denoising loop
        with self.progress_bar(total=len(timesteps)) as progress_bar:
            for i, t in enumerate(timesteps):
                if self.interrupt:
                    continue
                self._current_timestep = t

                if self.do_classifier_free_guidance and negative_prompt_embeds is None:  # a callback began it
                    encoded = self.encode_prompt(
                        None, negative_prompt, prompt_embeds=prompt_embeds[:1], max_sequence_length=length
                    )
                    negative_prompt_embeds = spread(encoded[1])
                velocity = self.predict_velocity(
                    latents,
                    t,
                    source,
                    mask_latents,
                    prompt_embeds,
                    negative_prompt_embeds if self.do_classifier_free_guidance else None,
                    windows,
                    step_index=i,
                    sigma=float(sigmas[i]),
                    num_inference_steps=self._num_timesteps,
                )

                # compute the previous noisy sample x_t -> x_t-1
                check_unmoved(self.scheduler, i)
                latents = self.scheduler.step(velocity, t, latents, **noisy, return_dict=False)[0]

                if callback_on_step_end is not None:
                    latents, prompt_embeds, negative_prompt_embeds = self._call_back(
                        partial(callback_on_step_end, self, i, t),
                        {
                            "latents": latents,
                            "prompt_embeds": prompt_embeds,
                            "negative_prompt_embeds": negative_prompt_embeds,
                            "velocity": velocity,
                        },
                        callback_on_step_end_tensor_inputs,
                    )
                progress_bar.update()

        self._current_timestep = None
        check_answer(latents)

        # 6. Decode
        output = self._decode_layers(latents, clips, num_frames, output_composite, output_type, batched)
        self.maybe_free_model_hooks()
        return output if return_dict else (output.edit, output.alpha, output.composite)

    def _read_clips(
        self,
        video: Any,
        mask: Any,
        height: int | None,
        width: int | None,
        source_latents: Tensor | None,
        mask_latents: Tensor | None,
        num_frames: int | None,
    ) -> tuple[list[Tensor], list[Tensor], bool]:
        """Read clips and masks, and whether there are many; empty where latents stand in for them."""
        if video is None or source_latents is not None:
            check_source_latents(video, mask, height, source_latents, mask_latents, num_frames, self)
            return [], [], False
        if mask_latents is not None:
            raise VeraError("mask_latents go with source_latents: encode the video as well, or give mask")
        clips, many = read_video(video, height, width, self.video_processor)
        check_size((clips[0].shape[2], clips[0].shape[1]), self.size_strides[::-1])
        masks = [] if mask is None else read_masks(mask, clips, height, width, self.mask_processor)
        if num_frames not in (None, len(clips[0])):
            raise VeraError(f"num_frames is {num_frames}, the video has {len(clips[0])}: it goes with source_latents")
        return clips, masks, many

    def _call_back(
        self,
        callback: Callable[[dict[str, Any]], dict[str, Any]],
        tensors: dict[str, Any],
        names: Sequence[str],
    ) -> tuple[Any, ...]:
        """Show the named tensors to a callback of the step; all of them, with those that it changed."""
        changed = check_changed(tensors, callback({name: tensors[name] for name in names}), self._execution_device)
        check_sampling(self._num_timesteps, self._guidance_scale)
        return tuple(changed[name] for name in self._callback_tensor_inputs)
