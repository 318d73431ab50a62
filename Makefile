# What people type. `make demo` and `make test` do all the set-up themselves; a second call reuses it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INPUTS := pyproject.toml constraints.txt Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name 'Cargo.toml')
# Without build isolation, pip looks for maturin in the PATH.
INSTALL := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --no-build-isolation -c constraints.txt

.PHONY: help demo test check bench fuzz docs wheel bounds clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

demo: $(VENV)/demo ## the main job, end to end, on the embedded data (about 5 minutes; ARGS=--quick for one, ARGS=--overwrite to run again)
	@$(BIN)/unicl demo $(ARGS)

# The seed makes a run repeatable: it judges the change, not the draw. `make fuzz` looks for new inputs.
test: $(VENV)/dev ## cargo test + pytest, with doctests and README's code
	@PROPTEST_RNG_SEED=1 cargo test --quiet --locked --workspace
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev ## formatting, lints, types, layers, spelling
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest unicl._native
	$(BIN)/lint-imports
	$(BIN)/typos

$(VENV)/python:
	@command -v cargo >/dev/null || { echo 'unicl-rs builds a Rust extension, and cargo was not found. Install Rust (https://rustup.rs, or your package manager), then run this again.' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'unicl-rs builds a Rust extension, and it needs a C compiler to link: cc was not found. Install gcc or clang (Debian: apt-get install build-essential), then run this again.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"unicl-rs needs Python 3.11 or newer; $(PYTHON) is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 ...")'
	@echo 'Making the virtual environment in $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -c constraints.txt maturin
	@touch $@

# An editable install builds the extension (release profile, Cargo.lock) and installs what pyproject.toml names, at the versions of
# constraints.txt.
$(VENV)/demo: $(VENV)/python $(INPUTS)
	@echo 'Building the Rust extension and installing the dependencies (the first time: a few minutes, most of it torch) ...'
	@$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/dev: $(VENV)/python $(INPUTS)
	@echo 'Building the Rust extension and installing the dependencies and tools (the first time: a few minutes) ...'
	@$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/demo $@

bench: $(VENV)/dev ## the benchmarks that need no GPU, the longest 10 minutes (CAPTIONS=file.txt.gz: real captions, one a line)
	$(BIN)/python benches/text/tokenization.py $(CAPTIONS)
	$(BIN)/python benches/text/labels.py $(CAPTIONS)
	$(BIN)/python benches/text/jobs.py $(CAPTIONS)
	$(BIN)/python benches/data/order.py
	$(BIN)/python benches/data/transform.py
	$(BIN)/python benches/data/index.py
	$(BIN)/python benches/loss/aot.py
	$(BIN)/python benches/loss/cpu.py $(ARGS)

FUZZ_SECONDS ?= 60
fuzz: ## each fuzz target of rust/fuzz for FUZZ_SECONDS (60); needs a nightly compiler and cargo-fuzz
	@command -v cargo-fuzz >/dev/null || { echo 'cargo-fuzz was not found: cargo install cargo-fuzz, and rustup toolchain install nightly' >&2; exit 1; }
	@for target in $$(cargo +nightly fuzz list --fuzz-dir rust/fuzz); do \
	  mkdir -p rust/fuzz/corpus/$$target; \
	  cargo +nightly fuzz run --fuzz-dir rust/fuzz $$target rust/fuzz/corpus/$$target rust/fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS); \
	done

# Every package by its public names, the package itself and the commands; not the inner modules.
PACKAGES := $(addprefix unicl.,files text phrases labels loss models data training evaluation jobs demo cli)
docs: $(VENV)/dev ## the reference of all packages, Python and Rust, into site/
	@$(BIN)/pdoc --docformat google --output-directory site unicl $(PACKAGES) '!unicl\.(?!cli)[a-z]+\.'
	@cargo doc --quiet --locked --no-deps --package unicl-core --target-dir target && rm -rf site/rust && cp -r target/doc site/rust
	@echo 'site/index.html, site/rust/unicl_core/index.html'

# zig links against the symbols of an old glibc, and the wheel then runs on every Linux since 2014; torch asks for more.
WHEEL_TOOLS := ziglang==0.17.1 auditwheel==6.8.2
wheel: $(VENV)/python ## a wheel for x86-64 or arm64 Linux with glibc 2.17 or newer, in dist/, installed and tried
	@$(BIN)/python -m pip install --quiet -c constraints.txt $(WHEEL_TOOLS)
	@rm -rf dist
	@PATH="$(CURDIR)/$(BIN):$$PATH" maturin build --release --locked --zig --compatibility manylinux_2_17 --out dist
	@$(BIN)/auditwheel show dist/*.whl
	@$(BIN)/python tools/check_wheel.py dist/*.whl

LOWEST := $(VENV)-lowest
bounds: $(VENV)/python ## the tests at the lowest versions that pyproject.toml allows (ARGS=tests/python/files: some of them)
	@$(PYTHON) -m venv --clear $(LOWEST)
	@$(BIN)/python tools/lowest_versions.py > $(LOWEST)/versions.txt
	@$(LOWEST)/bin/python -m pip install --quiet -c $(LOWEST)/versions.txt maturin setuptools  # triton 3.2 imports setuptools
	@PATH="$(CURDIR)/$(LOWEST)/bin:$$PATH" $(LOWEST)/bin/python -m pip install --no-build-isolation -c $(LOWEST)/versions.txt --editable '.[dev]'
	@$(LOWEST)/bin/python -m pytest $(ARGS)

clean: ## remove the environment and every build output
	rm -rf $(VENV) $(LOWEST) target runs site dist
