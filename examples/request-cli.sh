#!/bin/sh
# Sends the request of request.sh at the command line, which needs no worker.
# Prints the answer, one line of JSON. Exit code: 0 success, 1 refused, 2 usage error.
set -eu

cd "${1:?usage: request-cli.sh PROJECT}"
exec spec-kitty orchestrator-api contract-version
