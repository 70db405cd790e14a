#!/usr/bin/env bash
# Installs what is missing on a Debian machine with the Swift toolchain, builds everything and runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

if [ ! -e /usr/include/sqlite3.h ]; then
    echo "== installing libsqlite3-dev"
    as_root apt-get update -qq
    as_root apt-get install -y -qq libsqlite3-dev
fi

echo "== building"
swift build --build-tests
echo "== testing"
SWIFT_BACKTRACE=enable=no swift test --skip-build "$@"
