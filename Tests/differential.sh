#!/usr/bin/env bash
# Asks a Temporal dev server again for the answers that the tests compare the engine with: what becomes of starts under every id policy, to
# which events it resets, when schedules come, who wins races. 1 when it answers anything differently.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

port=${LOCKSTEP_TEMPORAL_PORT:-7299}
scripts=Tests/DurableWorkflowTests/Temporal
.build/temporal/bin/temporal server start-dev --headless --port "$port" --log-level error >/dev/null &
server=$!
trap 'kill "$server"' EXIT
ready() { .build/temporal/bin/temporal operator cluster health --address "localhost:$port" >/dev/null 2>&1; }
for _ in $(seq 120); do
    ready && break
    sleep 0.5
done
for script in policy_answers reset_answers cron_answers race_answers; do
    echo "$script"
    .build/temporal/bin/python "$scripts/$script.py" compare "localhost:$port" 2>/dev/null
done
