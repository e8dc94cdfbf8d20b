"""Checkpoints: from Wan2.1, in either of its layouts, to Vera."""

from vera.models.conversion.experts import wan_to_vera

__all__ = ["wan_to_vera"]
