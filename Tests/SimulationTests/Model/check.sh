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

# Compiles the model with $1 (flags of the model) for $2 (safety or liveness) and $3 (what is expected), and runs it into `output`.
explore() {
    local compile=(-DSAFETY) run=() optimise=-O0
    [ "$2" = liveness ] && compile=(-DNFAIR=3) run=(-a -f)
    # What breaks something does so soon: compiling it well takes longer than running it.
    [ "$3" = holds ] && optimise=-O2
    # shellcheck disable=SC2086
    spin -a $1 ../handoff.pml >output 2>&1 || return 1
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

# In a folder of its own: $1 name, $2 safety or liveness, $3 flags of the model, $4 the expected finding, $5 the least number of states.
# Prints the line of the check, and leaves `states` and, when all was as expected, `passed`.
examine() {
    local started=$SECONDS found count verdict=ok
    explore "$3" "$2" "$4" || true
    found="$(finding)"
    count="$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' output | head -1)"
    count="$(printf '%.0f' "${count:-0}")"
    echo "$count" >states
    rm -f pan
    if [ "$found" = "$4" ] && [ "$count" -ge "${5:-1}" ]; then touch passed; else verdict="WRONG (least states: ${5:-1})"; fi
    printf '%-52s expected %-10s found %-10s %9d states %4d s  %s\n' "$1" "$4" "$found" "$count" $((SECONDS - started)) "$verdict"
    [ "$verdict" = ok ] || tail -40 output
}

# Two checks at a time: each has one thread.
checks=0
running=0
check() {
    checks=$((checks + 1))
    mkdir "$checks"
    [ "$running" -lt 2 ] || { wait -n && running=$((running - 1)); }
    (cd "$checks" && examine "$@") &
    running=$((running + 1))
}

check "I1-I4, step replaced, two events lost" safety "-DLOSSES=2" holds 1000000
check "I1-I4, step replaced, interruptible" safety "-DINTERRUPTIBLE -DLOSSES=0" holds
check "I1-I4, step added, interruptible" safety "-DADDED -DINTERRUPTIBLE -DSEGMENTS=3 -DLOSSES=0" holds 1000000
again="-DREVISITED -DSEGMENTS=2 -DLOSSES=0 -DCROWD=2"
check "I1-I4, step visited again" safety "$again" holds 1000000
two="-DTWO_STEPS -DSEGMENTS=2 -DLOSSES=0"
check "I1-I4, two steps in a segment" safety "$two" holds 1000000

check "I6, step replaced, an event lost" liveness "-DLIVENESS" holds 1000000
check "I6, step added, an event lost" liveness "-DLIVENESS -DADDED" holds
check "I6, step added, interruptible" liveness "-DLIVENESS -DADDED -DINTERRUPTIBLE -DSEGMENTS=2 -DLOSSES=0" holds

check "I6, step visited again" liveness "$again -DLIVENESS" holds 1000000
check "I6, two steps in a segment" liveness "$two -DLIVENESS" holds

check "mutant NO_EPOCH_CHECK" safety "-DNO_EPOCH_CHECK -DPROPERTY=4" "breaks I4"
check "mutant ROUTE_AT_ACCEPT" safety "-DROUTE_AT_ACCEPT -DPROPERTY=2" "breaks I2"
check "mutant NO_REQUEUE_AT_HAND_BACK" safety "-DNO_REQUEUE_AT_HAND_BACK -DPROPERTY=3" "breaks I3"
check "mutant NO_REQUEUE_AT_RECALL" liveness "-DNO_REQUEUE_AT_RECALL -DLIVENESS" "breaks I6"

check "mutant NO_REQUEUE_AFTER_COMPLETE" safety "-DNO_REQUEUE_AFTER_COMPLETE -DPROPERTY=3" "breaks I3"
check "mutant NO_VERSION_AT_RECALL" safety "-DNO_VERSION_AT_RECALL -DPROPERTY=3" "breaks I3"
check "mutant NO_VERSION_AT_SWEEP" safety "-DNO_VERSION_AT_SWEEP -DPROPERTY=3" "breaks I3"

check "mutant SECOND_VISIT_HAS_FIRST_ID" liveness "$again -DLIVENESS -DSECOND_VISIT_HAS_FIRST_ID" "breaks I6"
check "mutant NO_HOLD" safety "$two -DNO_HOLD -DPROPERTY=3" "breaks I3"
check "mutant NO_RELEASE_AT_WAIT" liveness "$two -DLIVENESS -DNO_RELEASE_AT_WAIT" "breaks I6"
check "mutant NO_RELEASE_AT_HAND_BACK" safety "$two -DNO_RELEASE_AT_HAND_BACK -DPROPERTY=3" "breaks I3"
check "mutant NO_VERSION_AT_WAITING" safety "$two -DNO_VERSION_AT_WAITING -DPROPERTY=3" "breaks I3"
wait

# Every move that the model can make was made where it holds: nothing holds only because it never happened.
sed -n 's/.*TAKEN("\([^"]*\)").*/taken: \1/p' handoff.pml | sort -u >moves
for output in */output; do grep -q 'errors: 0$' "$output" && grep -h '^taken: ' "$output" || true; done | sort -u >taken
if missed="$(comm -23 moves taken)" && [ -z "$missed" ]; then
    touch moves.passed
    echo "moves made: $(wc -l <moves) of $(wc -l <moves)"
else
    echo "moves never made:" && echo "$missed"
fi

passed=$(find . -name '*passed' | wc -l)
echo "model: $passed of $((checks + 1)) passed, $(awk '{ sum += $1 } END { print sum }' */states) states, $SECONDS s"
[ "$passed" -eq $((checks + 1)) ]
