#!/usr/bin/env bash
# need.sh COMMAND PACKAGE...
#
# Makes sure that COMMAND is there. Where it is missing, root on Debian gets the
# packages by apt; anybody else gets one line that says how to install them, and
# exit status 1. TEST_INSTALL=no installs nothing.
set -euo pipefail

command=$1
shift

# Debian keeps servers and their tools outside an ordinary user's PATH.
there() {
	PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null ||
		compgen -G "/usr/lib/postgresql/*/bin/$command" >/dev/null
}

there && exit 0

if [ "$(id -u)" != 0 ] || [ "${TEST_INSTALL:-yes}" = no ] || ! command -v apt-get >/dev/null; then
	echo "'$command' is missing: on Debian, install it with 'apt-get install $*'" >&2
	exit 1
fi

echo "installing $* ('$command' is missing)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "'$command' is missing and 'apt-get install $*' failed" >&2
	exit 1
fi
if ! there; then
	echo "'$command' is missing, even after 'apt-get install $*'" >&2
	exit 1
fi
