"""Layered data: the sample, its synthesis and its files."""

from vera.data.sample import LayeredSample, Task

__all__ = ["LayeredSample", "Task"]
