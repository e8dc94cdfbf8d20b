"""The data engine: stages run over sources, clips and objects; what is done is on disk, and nothing is done twice."""
