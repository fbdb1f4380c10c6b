#!/bin/sh
# Generates TypeScript from the contract. CI checks that running it leaves no difference.
set -eu
cd "$(dirname "$0")/../proto"
PATH="$PWD/../node_modules/.bin:$PATH"
buf lint
buf generate
# The TypeScript client holds the same code. The Python one needs its own generator: clients/python/generate.sh.
../clients/typescript/generate.sh
