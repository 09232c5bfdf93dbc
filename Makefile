# The commands of this project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# If Rust was just installed, it is not yet on the path of this shell.
export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET_DIR = $${CARGO_TARGET_DIR:-target}
# Always builds the whole workspace. For another selection, cargo would choose other features and compile the dependencies
# again.
RELEASE = cargo build --release --workspace
# Debug binaries with the features that tests have, so that they share their dependencies.
DEBUG = cargo build --workspace --features portcullis-actors/test-clock

.PHONY: help ensure run build test lint fmt fuzz test-clients deployment dist dist-smoke advisories image proxies loadtest bench scale audit-cost schemas settings openapi web-types pictures schemathesis

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

ensure: ## check that the compiler and PostgreSQL are installed, and install missing ones
	@scripts/ensure.sh

run: ensure ## build the server and start it with everything it needs (ARGS="--port 9000")
	@$(RELEASE) --bin portcullis
	@exec "$(TARGET_DIR)/release/portcullis" dev $(ARGS)

build: ensure ## build the release binaries
	@$(RELEASE)

test: ensure ## run every test (PORTCULLIS_SKIP_BROWSER=1 leaves out those with Chromium, PORTCULLIS_SKIP_ACME=1 those with pebble)
	@scripts/ensure.sh browser
	@scripts/ensure.sh acme
	@scripts/ensure.sh pgbouncer
	@scripts/ensure.sh s3
	@scripts/ensure.sh promtool
	@scripts/ensure.sh web >/dev/null || true
	@scripts/test.sh $(ARGS)

lint: ensure ## check format, lints, documentation, licences and the rules of the house
	@scripts/lint.sh

fmt: ## format the code
	@cargo fmt --all

test-clients: ensure ## run the real client libraries of other languages against the server
	@$(DEBUG) --bin portcullis
	@PORTCULLIS_BIN="$(TARGET_DIR)/debug/portcullis" tests/clients/run.sh $(ARGS)

deployment: ## check the files of docker/ with the programs that read them
	@scripts/deployment.sh

dist: ensure ## build the archive and the package for Debian in dist/
	@scripts/dist.sh

dist-smoke: ensure ## install what make dist has built in a small Debian, and use it (as root)
	@scripts/dist-smoke.sh

advisories: ## look for known vulnerabilities of the dependencies (fetches the database of advisories with git)
	@scripts/advisories.sh

image: ensure ## build the container image and run it (as root)
	@scripts/image.sh

proxies: ensure ## test Caddy, nginx and HAProxy in front of the server (six minutes; QUICK=1: half a minute)
	@scripts/proxies.sh

audit-cost: ensure ## measure what the audit log costs a sign-in (four minutes)
	@scripts/audit-cost.sh

schemas: ensure ## make the missing dumps of released schemas, which tests migrate (tests/schemas)
	@scripts/schemas.sh

settings: ## generate docs/settings.md from the table of settings
	@$(DEBUG) --bin portcullis
	@"$(TARGET_DIR)/debug/portcullis" config reference > docs/settings.md

openapi: ## generate docs/openapi.json from the descriptions in src/http/openapi
	@$(DEBUG) --bin portcullis
	@"$(TARGET_DIR)/debug/portcullis" openapi > docs/openapi.json

web-types: ## generate web/types/api.d.ts from docs/openapi.json
	@tools=$$(scripts/ensure.sh web) && node scripts/web/types.mjs "$$tools" docs/openapi.json > web/types/api.d.ts

pictures: ensure ## make pictures of every page in target/pictures, and those of the README (needs Node and Chromium)
	@scripts/ensure.sh browser
	@$(DEBUG) --bin portcullis
	@node scripts/web/pictures.mjs "$(TARGET_DIR)/debug/portcullis" "$(TARGET_DIR)/pictures"
	@for old in docs/pictures/*.png; do cp "$(TARGET_DIR)/pictures/$${old##*/}" "$$old"; done

schemathesis: ensure ## send a development server what schemathesis makes of the OpenAPI document (a few minutes)
	@$(DEBUG) --bin portcullis
	@PORTCULLIS_BIN="$(TARGET_DIR)/debug/portcullis" scripts/schemathesis.sh $(ARGS)

fuzz: ## fuzz the decoders (FUZZ_MINUTES=10 per target; ARGS="json")
	@scripts/fuzz.sh $(ARGS)

loadtest: ensure ## drive a running server (ARGS="revoke --help")
	@$(RELEASE) --bin loadtest
	@exec "$(TARGET_DIR)/release/loadtest" $(if $(ARGS),$(ARGS),--help)

bench: ensure ## start a separate server and measure revocation, idle connections and fan-out
	@scripts/bench.sh

scale: ensure ## fill a database with a million sessions and check the promises at that size (ten minutes, 6 GB)
	@scripts/scale.sh $(ARGS)
