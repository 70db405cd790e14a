#!/bin/sh
# Tests/fuzz.sh TARGET RUNS: runs libFuzzer over a target of Tests/A2PRegistrationTests/FuzzProperties.swift, from the corpus in
# Tests/Fuzz/Corpus/TARGET: tcr, twilio, telnyx, decoders (all of them), traces, timestamps, json, plans, histories, queries or crons.
# Needs a build, which BUILT names: .build/debug, or an optimised one, which is faster. What is read is compiled again with coverage.
# A finding ends with an exit code above 0 and a file in the folder that is printed; what is new goes to the corpus by hand.
set -eu
cd "$(dirname "$0")/.."
target=${1:?a target: the name of a folder in Tests/Fuzz/Corpus}
runs=${2:?the number of runs}
built=$(cd "${BUILT:-.build/debug}" && pwd)
out=$PWD/.build/fuzz
features="-enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature InferIsolatedConformances
    -enable-upcoming-feature NonisolatedNonsendingByDefault -enable-upcoming-feature ImmutableWeakCaptures"
mkdir -p "$out/found/$target" "$out/new/$target"
compile() { # MODULE FOLDER: one object with coverage
    [ ! -e "$out/$1.o" ] || [ -n "$(find "$2" -name '*.swift' -newer "$out/$1.o" | head -1)" ] || return 0
    swiftc -O -wmo -swift-version 6 $features -sanitize=fuzzer -parse-as-library -module-name "$1" -package-name lockstep \
        -I "$out" -I "$built/Modules" -I "$PWD/Sources/WorkflowHook/include" $includes \
        -emit-module -emit-module-path "$out/$1.swiftmodule" -c $(find "$2" -name '*.swift') -o "$out/$1.o"
}
includes=$(find "$built"/WorkflowHook.build "$built"/CCrypto*.build -name module.modulemap -exec sh -c 'printf -- "-Xcc -fmodule-map-file=%s " "$1"' _ {} \;)
includes="$includes $(find .build/checkouts/swift-crypto/Sources/CCrypto*/include .build/checkouts/Yams/Sources/CYaml/include \
    -maxdepth 0 -exec printf -- '-Xcc -I%s ' {} \;)"
properties="Tests/A2PRegistrationTests/FuzzProperties.swift Tests/A2PRegistrationTests/FuzzReaders.swift"
covered="Events DurableWorkflow Cutover A2PRegistration"
newest=$(find $(printf 'Sources/%s ' $covered) Tests/Fuzz/*.swift $properties -name '*.swift' -newer "$out/fuzz" 2>/dev/null | head -1 || true)
if [ ! -x "$out/fuzz" ] || [ -n "$newest" ]; then
    objects=
    for module in $covered; do
        compile "$module" "Sources/$module"
        objects="$objects $out/$module.o"
    done
    rm -f "$out/rest.a"
    for module in Outcomes HybridRouter LegacyStateMachine ShadowComparator WorkflowHook HeapModule DequeModule InternalCollectionsUtilities \
        ContainersPreview BasicContainers CoreMetrics Tracing Instrumentation ServiceContextModule Logging Crypto CryptoBoringWrapper \
        CCryptoBoringSSL CCryptoBoringSSLShims CXKCP CXKCPShims Yams CYaml; do
        [ ! -d "$built/$module.build" ] || find "$built/$module.build" -name '*.o' -print0 | xargs -0 ar qc "$out/rest.a"
    done
    ar s "$out/rest.a"
    swiftc -O -swift-version 6 -sanitize=fuzzer -parse-as-library -module-name Fuzz -package-name lockstep -I "$out" -I "$built/Modules" \
        $includes Tests/Fuzz/FuzzDriver.swift $properties $objects "$out/rest.a" -o "$out/fuzz"
fi
echo "findings go to $out/found/$target"
SWIFT_BACKTRACE=enable=no FUZZ_TARGET=$target exec "$out/fuzz" -runs="$runs" -timeout=1 -malloc_limit_mb=64 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$out/found/$target/" "$out/new/$target" "Tests/Fuzz/Corpus/$target"
