#!/bin/sh
# Generates src/gen from the contract. tests/contract.test.ts checks that running it leaves no difference.
set -eu
cd "$(dirname "$0")"
PATH="$PWD/node_modules/.bin:$PWD/../../node_modules/.bin:$PATH"
buf generate ../../proto
