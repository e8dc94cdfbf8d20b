"""Physically lit objects, rendered in passes by Mitsuba once and placed in many clips."""
