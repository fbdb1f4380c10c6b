#!/bin/sh
# Generates TypeScript from the contract. CI checks that running it leaves no difference.
set -eu
cd "$(dirname "$0")/../proto"
PATH="$PWD/../node_modules/.bin:$PATH"
buf lint
buf generate
