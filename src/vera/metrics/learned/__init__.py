"""Measures by networks that others trained: named by the user, never fetched or replaced unasked."""
