#!/usr/bin/env bash
# Installs what is missing on a Debian machine with the Swift toolchain, builds everything and runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."

bash Tests/setup.sh
echo "== building"
swift build --build-tests
echo "== testing"
SWIFT_BACKTRACE=enable=no swift test --skip-build "$@"
