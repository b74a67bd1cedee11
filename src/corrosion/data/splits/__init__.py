"""Training, validation and test: stratified, grouped, in folds."""
