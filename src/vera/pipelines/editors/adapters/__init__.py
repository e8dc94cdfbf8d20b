"""One file for each family of editors: how diffusers' pipeline is called, with which defaults, and whose these are."""
