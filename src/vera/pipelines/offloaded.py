"""Networks whose weights an offloading holds elsewhere between two calls, where nothing can read or change them."""

from typing import Any

from diffusers.hooks import HookRegistry


def has_no_values(network: Any) -> bool:
    """Whether parameters have no values between two calls: on meta, or in files of a group offloading."""
    return any(parameter.is_meta for parameter in network.parameters()) or is_on_disk(network)


def is_on_disk(network: Any) -> bool:
    """Whether group offloading keeps weights in files: what stands in their place is memory that nobody filled."""
    for module in network.modules():
        registry: HookRegistry | None = getattr(module, "_diffusers_hook", None)
        hook: Any = None if registry is None else registry.get_hook("group_offloading")
        if hook is not None and hook.group.offload_to_disk_path is not None:
            return True
    return False
