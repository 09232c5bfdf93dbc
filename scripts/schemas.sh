#!/usr/bin/env bash
# Writes the missing dumps of tests/schemas: one per released migration, with the rows of tests/schemas/data in every table.
# Before a release with a new migration: raise NEWEST in tests/it/schemas.rs, add a file with rows for new tables and columns to
# tests/schemas/data (a comment, if there are none), and run this script. A dump that exists is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --workspace --test it -- --ignored --exact schemas::the_dumps_of_released_schemas_are_made
ls -l tests/schemas/*.sql
