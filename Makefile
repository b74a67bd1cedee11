# make train [ARGS="model=resnet50 trainer.max_epochs=3"] | make test [ARGS="-k head"] | make lint |
# make docs | make configuration
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.PHONY: train test lint docs configuration
train: .venv/installed
	$(BIN)/python train.py $(ARGS)

test: .venv/installed
	$(BIN)/python -m pytest $(ARGS)

# ruff's cache misses that an import has become one of ours: a clean checkout would differ
lint: .venv/installed
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# docs/configuration.md; a test compares it with the settings
configuration: .venv/installed
	$(BIN)/python docs/document_settings.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable ".[dev]"
	touch $@
