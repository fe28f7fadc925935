#!/bin/sh
# Asks the host the same as request.sh, over the command line: no worker is needed.
# The answer, one line of JSON, goes to stdout. Exit code: 0 done, 1 refused, 2 not understood.
set -eu

cd "${1:?usage: request-cli.sh PROJECT}"
exec spec-kitty orchestrator-api contract-version
