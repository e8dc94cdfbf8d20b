"""From decoded layers to layers of every frame at the source's size: floor, rate, up-sampling, soft edges, grain."""
