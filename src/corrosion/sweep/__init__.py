"""Search for hyperparameters: trials in a shared study, and what comes out of them."""
