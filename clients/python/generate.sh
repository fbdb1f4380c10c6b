#!/bin/sh
# Generates src/ozwald/v1 from the contract with the pinned generator. Needs python3 with venv.
set -eu
cd "$(dirname "$0")"
venv="${VENV:-.venv}"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements-generate.txt
rm -rf src/ozwald
mkdir -p src
# shellcheck disable=SC2046 # names of proto files hold no spaces
"$venv/bin/python" -m grpc_tools.protoc -I ../../proto --python_out=src --pyi_out=src --grpc_python_out=src \
  $(cd ../../proto && ls ozwald/v1/*.proto)
# Messages without a service need no stubs.
for file in src/ozwald/v1/*_pb2_grpc.py; do grep -q '^class .*Stub' "$file" || rm "$file"; done
