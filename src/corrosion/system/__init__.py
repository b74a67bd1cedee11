"""The machine and its files: writing safely, progress, processors and memory, provenance."""
