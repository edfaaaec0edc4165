#!/usr/bin/env bash
# gotest.sh ARGUMENT...
#
# Runs "go test ARGUMENT..." and repeats, at the very end, what tests said could
# not run: go test itself shows nothing of a package that passes. The tests write
# these lines to the file named by TEST_NOT_RUN (package test/dialect).
set -euo pipefail

TEST_NOT_RUN=$(mktemp)
export TEST_NOT_RUN
trap 'rm -f "$TEST_NOT_RUN"' EXIT

# Packages that start the server share one binary instead of linking one each.
race=()
for argument in "$@"; do
	[ "$argument" != -race ] || race=(-race)
done
if [ -z "${TEST_CARILLON:-}" ]; then
	BINARIES=$(mktemp -d)
	trap 'rm -rf "$TEST_NOT_RUN" "$BINARIES"' EXIT
	export TEST_CARILLON=$BINARIES/carillon
	go build "${race[@]}" -o "$TEST_CARILLON" .
fi

status=0
go test "$@" || status=$?
sort -u "$TEST_NOT_RUN"
exit "$status"
