"""Colour: the tags of footage, transfer functions, primaries, LUTs and the view that a model sees."""
