#!/usr/bin/env bash
# Installs what is missing on a Debian machine with the Swift toolchain, builds everything and runs every test.
# With arguments: only the tests that `swift test` selects by them, for example --filter HandoffStoreTests.
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no
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
echo "== building"
swift build --build-tests
echo "== testing"
if [ $# -gt 0 ]; then
    run "$@"
    exit
fi
echo "== Temporal's dev server answers as it did when its answers were stored"
bash Tests/differential.sh
# What plays thousands of deliveries, starts hundreds of processes, or is killed a thousand times is tested further below, optimised.
large='ScenarioTests|CrashPointTests'
run --skip "SimulationTests|MetricsEndpointTests|$large"
# Alone: its sockets have time limits, and the other tests hold the threads that would answer in time.
run --filter MetricsEndpointTests
echo "== a machine of somebody else, in a package of its own"
# In the same build folder: what is built of Lockstep is not built again.
swift build --package-path Tests/ParcelClaims --scratch-path .build --build-tests
run --package-path Tests/ParcelClaims --scratch-path .build
echo "== model of the hand-off"
bash Tests/SimulationTests/Model/check.sh
echo "== simulating (an optimised build: ten times as many registrations in the same time)"
swift build -c release --build-tests
run -c release --filter SimulationTests
echo "== commands of concurrent workflows, memory of live ones, the live service (as an optimised build has them)"
run -c release --filter 'CommandStreamTests|MemoryTests|LiveTests'
echo "== the command line, every mix of owners, mutated deliveries, kills at every point (in an optimised build)"
run -c release --filter "$large"
echo "== the same run in debug and release builds"
digest() { ".build/$1/lockstep" simulate --seed 5 --entities 60 --no-shrink --faults all=0.03 --format json | grep -o '"digest":"[0-9a-f]*"'; }
debug=$(digest debug)
release=$(digest release)
if [ "$debug" != "$release" ]; then
    echo "simulate --seed 5: expected one digest, found $debug in debug and $release in release builds" >&2
    exit 1
fi
echo "$debug in both"
