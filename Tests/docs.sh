#!/usr/bin/env bash
# Builds the documentation from the debug build's modules. A link that leads nowhere fails.
set -euo pipefail
cd "$(dirname "$0")/.."

modules="Events Outcomes HybridRouter LegacyStateMachine DurableWorkflow ShadowComparator Cutover MigrationReport Bridge"
build="$(swift build --show-bin-path)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
maps=()
for map in "$build"/WorkflowHook.build/module.modulemap Sources/WorkflowHook/include/module.modulemap \
    .build/checkouts/Yams/Sources/CYaml/include/module.modulemap; do
    if [ -f "$map" ]; then maps+=(-Xcc "-fmodule-map-file=$map"); fi
done
for module in $modules; do
    swift symbolgraph-extract -module-name "$module" -I "$build/Modules" "${maps[@]}" -target "$(uname -m)-unknown-linux-gnu" \
        -output-dir "$work" -minimum-access-level public
done
docc convert Sources/Bridge/Documentation.docc --fallback-display-name Bridge --fallback-bundle-identifier lockstep.Bridge \
    --additional-symbol-graph-dir "$work" --output-path "$work/site" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
if grep -A4 '^warning\|^error' "$work/log"; then
    echo "documentation: expected no warnings, found those above" >&2
    exit 1
fi
echo "documentation: $(find "$work/site" -name '*.json' | wc -l) pages, no warnings"
