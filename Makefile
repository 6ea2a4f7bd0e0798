# Everything a person types. Each target sets up what it needs.

PYTHON ?= python3
BIN := .venv/bin
CODE := docpipe doc_assets resources sensors samples benchmarks tests

.PHONY: demo test up worker-cpu worker-gpu worker-io bench bench-peers samples format lint types check-definitions tests clean reset

demo: .venv/ready
	$(BIN)/python -m samples.demo

up: .venv/ready
	$(BIN)/docpipe up

# DOCPIPE_EXECUTOR=celery, here and for `make up`; Redis at REDIS_URL or on this machine.
worker-cpu worker-gpu worker-io: worker-%: .venv/ready
	$(BIN)/docpipe worker $*

test: lint types check-definitions tests

# What wants Postgres, Redis, root, a card or a folder of files is not here, and says so in its first lines.
bench: .venv/ready
	$(BIN)/python -m benchmarks.listing
	$(BIN)/python -m benchmarks.end_to_end
	$(BIN)/python -m benchmarks.small_documents
	$(BIN)/python -m benchmarks.parse_quality
	$(BIN)/python -m benchmarks.parse_quality --sweep
	$(BIN)/python -m benchmarks.parse_speed
	$(BIN)/python -m benchmarks.render
	$(BIN)/python -m benchmarks.embed_speed
	$(BIN)/python -m benchmarks.embed_cache
	$(BIN)/python -m benchmarks.index_load
	$(BIN)/python -m benchmarks.index_search
	$(BIN)/python -m benchmarks.search
	$(BIN)/python -m benchmarks.retrieval

# In an environment of their own: the product never depends on what it is compared with.
bench-peers: .venv/ready .venv-peers/ready
	$(BIN)/python -m benchmarks.peers.run

samples: .venv/ready
	$(BIN)/python -m samples.make

format: .venv/ready
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lint: .venv/ready
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

types: .venv/ready
	$(BIN)/mypy

check-definitions: .venv/ready
	$(BIN)/dagster definitions validate --workspace workspace.yaml
	$(BIN)/dg check toml
	$(BIN)/dg check defs

# A file at a time, so that what its tests share is made once; in the order of their names, which has the slow ones in the middle.
tests: .venv/ready
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

clean:
	rm -rf .venv .venv-peers build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Not part of clean: the documents in the embedded bucket may be the only copy.
reset:
	@printf 'Remove .docpipe with its documents, index and history? Type yes: '; \
	read -r answer && [ "$$answer" = yes ] || { echo 'Nothing was removed.'; exit 1; }; \
	rm -rf .docpipe

# torch comes first and alone: with it in place nothing else pulls another build of it in.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

.venv-peers/ready: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet $$(grep '^torch==' $<)
	.venv-peers/bin/python -m pip install --quiet --requirement benchmarks/peers/requirements.txt
	@touch $@
