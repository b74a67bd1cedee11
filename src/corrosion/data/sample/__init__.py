"""Photograph-like pictures of metal, with and without rust, drawn from random numbers."""
