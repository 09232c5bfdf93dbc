# The commands of this project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# A Rust that was just installed is not on everybody's path yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET_DIR = $${CARGO_TARGET_DIR:-target}

.PHONY: help ensure run build test lint fmt fuzz test-clients loadtest bench

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

ensure: ## check that the compiler and PostgreSQL are there, and get what is missing
	@scripts/ensure.sh

run: ensure ## build the server and start it with everything it needs (ARGS="--port 9000")
	@cargo build --release --bin portcullis
	@exec "$(TARGET_DIR)/release/portcullis" dev $(ARGS)

build: ensure ## build the release binaries
	@cargo build --release --workspace

test: ensure ## run every test (some drive a real browser, Chromium; PORTCULLIS_SKIP_BROWSER=1 leaves them out)
	@scripts/ensure.sh browser
	@cargo test --workspace $(ARGS)

lint: ensure ## check format, lints, documentation, licences and the rules of the house
	@scripts/lint.sh

fmt: ## format the code
	@cargo fmt --all

test-clients: ensure ## let the real client libraries of other languages talk to the server
	@cargo build --bin portcullis
	@PORTCULLIS_BIN="$(TARGET_DIR)/debug/portcullis" tests/clients/run.sh $(ARGS)

fuzz: ## feed the decoders with bytes that nobody thought of (FUZZ_MINUTES=10 per target; ARGS="json")
	@scripts/fuzz.sh $(ARGS)

loadtest: ensure ## drive a running server (ARGS="revoke --help")
	@cargo run --release -p portcullis-loadtest -- $(if $(ARGS),$(ARGS),--help)

bench: ensure ## start a server of its own and measure revocation, idle connections and fan-out
	@scripts/bench.sh
