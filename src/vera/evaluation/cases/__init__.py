"""What models are asked: validation cases, instructions for real clips, and pictures of every class."""
