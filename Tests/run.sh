#!/usr/bin/env bash
# Installs what is missing on a Debian machine with the Swift toolchain, builds everything and runs every test.
# With arguments: only the tests that `swift test` selects by them, for example --filter HandoffStoreTests.
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no
# What tests and what they kill leave behind goes with this folder. PostgreSQL runs as a user of its own, who has to get in.
TMPDIR="$(mktemp -d)"
export TMPDIR
chmod 1777 "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
# Runs the tests that the arguments select. To select none is a failure, and not a success.
run() {
    swift test --skip-build "$@" --xunit-output .build/results.xml
    if grep -q '<testsuite .* tests="0"' .build/results-swift-testing.xml; then
        echo "swift test $*: expected some tests, found none" >&2
        exit 1
    fi
}

bash Tests/setup.sh spin gcc python3-venv tzdata postgresql python3-psycopg2
echo "== installing Temporal's Python SDK, whose Replayer reads our exports"
[ -x .build/temporal/bin/python ] || python3 -m venv .build/temporal
.build/temporal/bin/pip install --quiet --requirement Tests/requirements.txt
TEMPORAL_PYTHON="$PWD/.build/temporal/bin/python"
export TEMPORAL_PYTHON
if [ $# -gt 0 ]; then
    echo "== building"
    swift build --build-tests
    echo "== testing"
    run "$@"
    exit
fi
echo "== building"
# Optimised: the same tests take a third of the time, and simulations have ten times as many registrations.
swift build -c release --build-tests
echo "== Temporal's dev server answers as it did when its answers were stored"
bash Tests/differential.sh
echo "== testing"
large='ScenarioTests|CrashPointTests'
run -c release --skip "SimulationTests|MetricsEndpointTests|CommandStreamTests|MemoryTests|LiveTests|$large"
# Alone: its sockets have time limits, and the other tests hold the threads that would answer in time.
run -c release --filter MetricsEndpointTests
echo "== commands of concurrent workflows, memory of live ones, the live service"
run -c release --filter 'CommandStreamTests|MemoryTests|LiveTests'
echo "== the command line, every mix of owners, mutated deliveries, kills at every point"
run -c release --filter "$large"
echo "== simulating"
run -c release --filter SimulationTests
echo "== model of the hand-off"
bash Tests/SimulationTests/Model/check.sh
echo "== a machine of somebody else, in a package of its own, in a debug build, which checks how continuations are used"
# In the same build folder: what is built of Lockstep is not built again.
swift build --package-path Tests/ParcelClaims --scratch-path .build --build-tests
run --package-path Tests/ParcelClaims --scratch-path .build
swift build --product lockstep
echo "== the same run in debug and release builds"
digest() { ".build/$1/lockstep" simulate --seed 5 --entities 60 --no-shrink --faults all=0.03 --format json | grep -o '"digest":"[0-9a-f]*"'; }
debug=$(digest debug)
release=$(digest release)
if [ "$debug" != "$release" ]; then
    echo "simulate --seed 5: expected one digest, found $debug in debug and $release in release builds" >&2
    exit 1
fi
echo "$debug in both"
