"""Learn from masks where rust is: photographs, LightningModule, and the training itself.

The classifier stays as it is: its checkpoint gets a `MaskNetwork` beside it.
"""
