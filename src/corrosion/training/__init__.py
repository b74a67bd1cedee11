"""Train one configuration: the run, its Lightning module and trainer, and what lets it go on."""
