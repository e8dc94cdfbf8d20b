"""Measures of edits as pure functions of arrays: each states its definition, range and good direction."""
