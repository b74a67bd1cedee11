"""The errors that commands print without a traceback."""


class CorrosionError(Exception):
    """Something the user can put right; the message names the file or key and the way out."""
