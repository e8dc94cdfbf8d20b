"""Several processes of one run, and weights that are sharded among them."""
