#!/usr/bin/env bash
# Explores the model of the hand-off protocol exhaustively, then sees that Spin finds what each mutant breaks.
#
# One line per check: name, expected, found, states, seconds. Exit codes: 0 all as expected, 1 not, 3 a tool is missing.
set -euo pipefail

model="$(cd "$(dirname "$0")" && pwd)/handoff.pml"
for tool in spin gcc; do
    command -v "$tool" >/dev/null || {
        echo "$tool: expected in PATH, found none; install it with 'bash Tests/setup.sh spin gcc'" >&2
        exit 3
    }
done
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$model" handoff.pml

passed=0
failed=0
states=0
: >taken

# Compiles the model with $1 (flags of the model) for $2 (safety or liveness) and $3 (what is expected), and runs it into `output`.
explore() {
    local compile=(-DSAFETY) run=() optimise=-O0
    [ "$2" = liveness ] && compile=(-DNFAIR=3) run=(-a -f)
    # What breaks something does so soon: compiling it well takes longer than running it.
    [ "$3" = holds ] && optimise=-O2
    rm -f pan pan.* ./*.trail
    # shellcheck disable=SC2086
    spin -a $1 handoff.pml >output 2>&1 || return 1
    gcc "$optimise" -w "${compile[@]}" -DMEMLIM=5500 -o pan pan.c >>output 2>&1 || return 1
    ./pan "${run[@]}" -m100000 -w24 >output 2>&1 || return 1
}

# What the search came to: `holds` only for a whole state space without an error, else what was broken.
finding() {
    local broken
    broken="$(sed -n 's/^pan:.*assertion violated (((\([0-9]\)!=0).*/breaks I\1/p' output | head -1)"
    if [ -n "$broken" ]; then
        echo "$broken"
    elif grep -q '^pan:.*acceptance cycle' output; then
        echo "breaks I6"
    elif grep -q '^Full statespace search' output && grep -q 'errors: 0$' output &&
        ! grep -Eqi 'not completed|too small|out of memory|MEMLIM bound|aborting' output; then
        echo holds
    else
        echo "no result"
    fi
}

# $1 name, $2 safety or liveness, $3 flags of the model, $4 the expected finding, $5 the least number of states.
check() {
    local started=$SECONDS found count verdict=ok
    explore "$3" "$2" "$4" || true
    found="$(finding)"
    count="$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' output | head -1)"
    count="$(printf '%.0f' "${count:-0}")"
    if [ "$found" = "$4" ] && [ "$count" -ge "${5:-1}" ]; then
        passed=$((passed + 1))
    else
        verdict="WRONG (least states: ${5:-1})"
        failed=$((failed + 1))
    fi
    states=$((states + count))
    grep -h '^taken: ' output >>taken || true
    printf '%-52s expected %-10s found %-10s %9d states %4d s  %s\n' "$1" "$4" "$found" "$count" $((SECONDS - started)) "$verdict"
    [ "$verdict" = ok ] || tail -40 output
}

check "I1-I4, step replaced, two events lost" safety "-DLOSSES=2" holds 1000000
check "I1-I4, step replaced, interruptible" safety "-DINTERRUPTIBLE -DLOSSES=0" holds
check "I1-I4, step added, interruptible" safety "-DADDED -DINTERRUPTIBLE -DSEGMENTS=3 -DLOSSES=0" holds 1000000

# Every move that the model can make was made: nothing above holds only because it never happened.
sed -n 's/.*TAKEN("\([^"]*\)").*/taken: \1/p' handoff.pml | sort -u >moves
sort -u taken -o taken
if missed="$(comm -23 moves taken)" && [ -z "$missed" ]; then
    passed=$((passed + 1))
    echo "moves made: $(wc -l <moves) of $(wc -l <moves)"
else
    failed=$((failed + 1))
    echo "moves never made:" && echo "$missed"
fi

check "I6, step replaced, an event lost" liveness "-DLIVENESS" holds 1000000
check "I6, step added, an event lost" liveness "-DLIVENESS -DADDED" holds
check "I6, step added, interruptible" liveness "-DLIVENESS -DADDED -DINTERRUPTIBLE -DSEGMENTS=2 -DLOSSES=0" holds

check "mutant NO_EPOCH_CHECK" safety "-DNO_EPOCH_CHECK -DPROPERTY=4" "breaks I4"
check "mutant ROUTE_AT_ACCEPT" safety "-DROUTE_AT_ACCEPT -DPROPERTY=2" "breaks I2"
check "mutant NO_REQUEUE_AT_HAND_BACK" safety "-DNO_REQUEUE_AT_HAND_BACK -DPROPERTY=3" "breaks I3"
check "mutant NO_REQUEUE_AT_RECALL" liveness "-DNO_REQUEUE_AT_RECALL -DLIVENESS" "breaks I6"

check "mutant NO_REQUEUE_AFTER_COMPLETE" safety "-DNO_REQUEUE_AFTER_COMPLETE -DPROPERTY=3" "breaks I3"
check "mutant NO_VERSION_AT_RECALL" safety "-DNO_VERSION_AT_RECALL -DPROPERTY=3" "breaks I3"
check "mutant NO_VERSION_AT_SWEEP" safety "-DNO_VERSION_AT_SWEEP -DPROPERTY=3" "breaks I3"

echo "model: $passed passed, $failed failed, $states states, $SECONDS s"
[ "$failed" -eq 0 ]
