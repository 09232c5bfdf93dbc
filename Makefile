# The commands of this project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# A Rust that was just installed is not on the path of this shell yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET_DIR = $${CARGO_TARGET_DIR:-target}
# Always the whole workspace: for another selection cargo chooses other features, and compiles the dependencies again.
RELEASE = cargo build --release --workspace
# Debug binaries with the features that tests have, so that they share their dependencies.
DEBUG = cargo build --workspace --features portcullis-actors/test-clock

.PHONY: help ensure run build test lint fmt fuzz test-clients loadtest bench scale settings

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

ensure: ## check that the compiler and PostgreSQL are there, and get what is missing
	@scripts/ensure.sh

run: ensure ## build the server and start it with everything it needs (ARGS="--port 9000")
	@$(RELEASE) --bin portcullis
	@exec "$(TARGET_DIR)/release/portcullis" dev $(ARGS)

build: ensure ## build the release binaries
	@$(RELEASE)

test: ensure ## run every test (some drive a real browser, Chromium; PORTCULLIS_SKIP_BROWSER=1 leaves them out)
	@scripts/ensure.sh browser
	@cargo test --workspace $(ARGS)

lint: ensure ## check format, lints, documentation, licences and the rules of the house
	@scripts/lint.sh

fmt: ## format the code
	@cargo fmt --all

test-clients: ensure ## run the real client libraries of other languages against the server
	@$(DEBUG) --bin portcullis
	@PORTCULLIS_BIN="$(TARGET_DIR)/debug/portcullis" tests/clients/run.sh $(ARGS)

settings: ## write docs/settings.md anew from the table of settings
	@$(DEBUG) --bin portcullis
	@"$(TARGET_DIR)/debug/portcullis" config reference > docs/settings.md

fuzz: ## fuzz the decoders (FUZZ_MINUTES=10 per target; ARGS="json")
	@scripts/fuzz.sh $(ARGS)

loadtest: ensure ## drive a running server (ARGS="revoke --help")
	@$(RELEASE) --bin loadtest
	@exec "$(TARGET_DIR)/release/loadtest" $(if $(ARGS),$(ARGS),--help)

bench: ensure ## start a server of its own and measure revocation, idle connections and fan-out
	@scripts/bench.sh

scale: ensure ## fill a database with a million sessions and check the promises at that size (ten minutes, 6 GB)
	@scripts/scale.sh $(ARGS)
