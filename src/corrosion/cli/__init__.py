"""The `corrosion` command: arguments in, one call of the package behind it, exit code out."""
