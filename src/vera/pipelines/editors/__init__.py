"""Anybody's editor as one of Vera's: a diffusers pipeline draws the edited frames, Vera makes layers of them."""
