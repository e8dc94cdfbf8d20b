"""The part of a pipeline that takes noise to clean latents: timesteps, noise, guided velocities over windows."""

from inspect import signature
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PyramidAttentionBroadcastConfig
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from vera.errors import VeraError, first_line
from vera.pipelines.lora.scale import scaled_once
from vera.pipelines.sampling.checks import (
    check_arrival,
    check_generators,
    check_latents,
    check_scheduler,
    check_sigmas,
)
from vera.pipelines.sampling.windows import Windows, average_windows


class Denoising:
    """Mixin of `VeraPipeline`, whose components it uses; the properties are diffusers' own of a running call."""

    transformer: Any
    scheduler: Any
    _execution_device: torch.device
    _guidance_scale: float
    _attention_kwargs: dict[str, Any] | None = None
    _current_timestep: Tensor | None = None
    _num_timesteps = 0
    _interrupt = False

    @property
    def guidance_scale(self) -> float:
        """Guidance of the running call, which a callback may change."""
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether a step takes a forward without the text as well."""
        return self._guidance_scale > 1.0

    @property
    def attention_kwargs(self) -> dict[str, Any] | None:
        """What the running call passes to the transformer."""
        return self._attention_kwargs

    @property
    def num_timesteps(self) -> int:
        """How many steps the running call takes."""
        return self._num_timesteps

    @property
    def current_timestep(self) -> Tensor | None:
        """Where in [0,1000] the running call is; None outside of one."""
        return self._current_timestep

    @property
    def interrupt(self) -> bool:
        """A callback that sets `_interrupt` ends the sampling; what there is by then is decoded."""
        return self._interrupt

    def prepare_latents(
        self,
        source: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
    ) -> Tensor:
        """Draw noise [B,K,C,T',H',W'] float32 for the K layers of sources [B,C,T',H',W'], or take `latents` for it.

        It is drawn on the generator's device: one on the CPU gives the same noise for every GPU.
        """
        shape = (source.shape[0], len(self.transformer.config.branches), *source.shape[1:])
        check_generators(generator, shape[0])
        if latents is None:
            noise: Tensor = randn_tensor(shape, generator=generator, device=source.device, dtype=torch.float32)
            return noise
        check_latents(latents, shape)
        return latents.to(source.device, torch.float32)

    def set_timesteps(self, num_inference_steps: int) -> Tensor:
        """Set the scheduler's timesteps in [0,1000], noisy first.

        For Euler the unshifted times are 1, (n-1)/n, ..., 1/n. The scheduler's own default would end at its training
        minimum, which shift leaves just beside 0, and so spend a whole step on nothing. VeraError for a scheduler
        that follows no flow, or not to its end.
        """
        check_scheduler(self.scheduler)
        name, device = type(self.scheduler).__name__, self._execution_device
        try:
            if isinstance(self.scheduler, FlowMatchEulerDiscreteScheduler):
                sigmas = np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps)
                self.scheduler.set_timesteps(sigmas=sigmas, device=device)
            else:
                self.scheduler.set_timesteps(num_inference_steps, device=device)
        except (AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
            raise VeraError(f"{name} cannot take {num_inference_steps} steps: {first_line(error)}") from error
        check_sigmas(self.scheduler.sigmas, name)
        self.scheduler.set_begin_index(0)
        check_arrival(self.scheduler, self.prepare_extra_step_kwargs(torch.Generator().manual_seed(0)))
        timesteps: Tensor = self.scheduler.timesteps
        return timesteps

    def prepare_extra_step_kwargs(self, generator: torch.Generator | list[torch.Generator] | None) -> dict[str, Any]:
        """What the scheduler's `step` takes besides: the generator, where steps may add noise."""
        return {"generator": generator} if "generator" in signature(self.scheduler.step).parameters else {}

    def reset_caches(self) -> None:
        """Empty the transformer's caches, where it has any, as diffusers does after a run."""
        if hasattr(self.transformer, "_reset_stateful_cache"):
            self.transformer._reset_stateful_cache()

    def predict_velocity(
        self,
        latents: Tensor,
        timestep: Tensor,
        source: Tensor,
        mask: Tensor | None,
        prompt_embeds: Tensor,
        negative_prompt_embeds: Tensor | None,
        windows: Windows,
        **cache_context: Any,
    ) -> Tensor:
        """Predict the guided velocity (noise - clean) of the layers [B,K,C,T',H',W'] float32, averaged over windows.

        Without negative embeddings it is the conditional one. `cache_context` tells caches where the sampling is.
        """
        dtype = self.transformer.dtype
        time = timestep.expand(latents.shape[0])
        passes = len(windows.starts) * (1 if negative_prompt_embeds is None else 2)
        cache = getattr(self.transformer, "_cache_config", None)
        if passes > 1 and isinstance(cache, PyramidAttentionBroadcastConfig):
            # diffusers keeps one attention for all of them: without the text a pass would get that of the one with it.
            raise VeraError("Pyramid Attention Broadcast is for one window without guidance: use another cache")

        def forward(frames: slice, text: Tensor, name: str) -> Tensor:
            name = name if len(windows.starts) == 1 else f"{name}-{frames.start}"
            once = scaled_once(self.transformer, self.attention_kwargs)
            with once, self.transformer.cache_context(name, **cache_context):
                velocity: Tensor = self.transformer(
                    hidden_states=latents[:, :, :, frames].to(dtype),
                    timestep=time,
                    encoder_hidden_states=text,
                    source=source[:, :, frames].to(dtype),
                    mask=None if mask is None else mask[:, :, frames].to(dtype),
                    attention_kwargs=self.attention_kwargs,
                    return_dict=False,
                )[0]
            return velocity.float()

        def guided(frames: slice) -> Tensor:
            # Two forwards of one clip: batched they are no faster on a CPU, and need twice the memory.
            conditional = forward(frames, prompt_embeds, "cond")
            if negative_prompt_embeds is None:
                return conditional
            unconditional = forward(frames, negative_prompt_embeds, "uncond")
            return unconditional + self.guidance_scale * (conditional - unconditional)

        return average_windows(guided, windows)


def one_for_each(states: Tensor | None, count: int, repeats: int) -> Tensor | None:
    """States [1 or count, ...] as [count * repeats, ...]: one for each video that is sampled."""
    if states is None:
        return None
    if states.shape[0] != count:
        states = states.expand(count, *states.shape[1:])
    return states if repeats == 1 else states.repeat_interleave(repeats, dim=0)
