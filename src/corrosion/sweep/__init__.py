"""Search for hyperparameters: trials in a shared study, and what comes out of them.

`sweeper` is what Hydra calls: it reads the search `space`, claims trials of the `study` that all
processes share in a `storage`, as far as the `budget` goes, and lets Hydra run them. `pruning`
stops hopeless trials early; `sweep_results` writes what was found.
"""
