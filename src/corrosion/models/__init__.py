"""Backbones, the head, and where their weights come from."""

from corrosion.models import nasnet as nasnet
