"""Which images may be trained on: screening, duplicates, conflicts, quality, audits."""
