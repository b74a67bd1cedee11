"""Results as people and programs read them: tables, figures, provenance."""
