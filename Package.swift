// swift-tools-version: 6.2

import Foundation
import PackageDescription

// The scenarios are read from the checkout, so the build leaves their folders alone.
let scenarios = try FileManager.default.contentsOfDirectory(atPath: Context.packageDirectory + "/LegacyFixtures")
    .filter { !$0.hasSuffix(".swift") }

// The targets stand in the order in which an event flows through them; read top to bottom.
let package = Package(
    name: "lockstep",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Lockstep", targets: ["Lockstep"]),
        .library(name: "LockstepApp", targets: ["LockstepApp"]),
        .library(name: "LockstepTesting", targets: ["LockstepTesting"]),
        .executable(name: "lockstep", targets: ["LockstepCommand"]),
        .executable(name: "lockstep-bench", targets: ["Benchmarks"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        // 1 what came in: events, their ids, the wire decoders' port
        .target(name: "Events"),
        // 2 who owns the step: ownership with epochs, the routing decision, the store's port
        .target(
            name: "HybridRouter", dependencies: ["Events", "Outcomes", .product(name: "HeapModule", package: "swift-collections")]),
        // 3a the old path: a table of transitions, its queue, its sweeper
        .target(
            name: "LegacyStateMachine",
            dependencies: ["Events", "Outcomes", .product(name: "HeapModule", package: "swift-collections")]),
        // 3b the new path: replayed async workflows, activities, timers, signals
        .target(
            name: "DurableWorkflow",
            dependencies: [
                "Events", "Outcomes", "WorkflowHook", .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "DequeModule", package: "swift-collections"), .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"), .product(name: "Logging", package: "swift-log"),
            ]),
        // ten lines of C: the runtime reports what leaves a workflow's executor
        .target(name: "WorkflowHook"),
        // 4 what it did: effects, the ledger, outcomes
        .target(name: "Outcomes", dependencies: ["Events"]),
        // 5 do both agree: observations and their differences
        .target(name: "ShadowComparator", dependencies: ["Events", "Outcomes"]),
        // 6 move the next step: the migration plan and its stages
        .target(
            name: "Cutover",
            dependencies: ["Events", "Outcomes", "HybridRouter", "ShadowComparator", .product(name: "Yams", package: "Yams")]),
        // 7 say where we are: the report as HTML, Markdown and JSON
        .target(
            name: "MigrationReport",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "ShadowComparator", "Cutover",
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        // the composition: one short pipeline in the order above
        .target(
            name: "Bridge",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        // adapter: every store on one SQLite database
        .target(
            name: "SQLiteStorage",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "DurableWorkflow", "ShadowComparator", "Migrations",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        // adapter: metrics as Prometheus reads them, in a file or on a port
        .target(
            name: "MetricsEndpoint",
            dependencies: [
                .product(name: "CoreMetrics", package: "swift-metrics"), .product(name: "FlyingSocks", package: "FlyingFox"),
            ]),
        // adapter: a legacy machine in another process, by HTTP
        .target(name: "LegacyHTTP", dependencies: ["Events", "LegacyStateMachine"]),
        // the built-in domain: A2P 10DLC registration
        .target(
            name: "A2PRegistration",
            dependencies: [
                "Events", "Outcomes", "LegacyStateMachine", "DurableWorkflow", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        // its legacy machine, which is gone when every step is retired
        .target(name: "A2PLegacy", dependencies: ["Events", "Outcomes", "LegacyStateMachine", "A2PRegistration"]),
        // public test kit
        .target(
            name: "BridgeTesting",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover", "Bridge",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        // every verb of the command line, for any machine
        .target(
            name: "Commands",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover",
                "MigrationReport", "Bridge", "SQLiteStorage", "MetricsEndpoint", "LegacyHTTP", "BridgeTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"), .product(name: "Logging", package: "swift-log"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        // what others import: a machine in hybrid mode, the command line for it, its tests
        .target(
            name: "Lockstep",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover",
                "MigrationReport", "Bridge", "SQLiteStorage", "MetricsEndpoint", "LegacyHTTP",
            ]),
        .target(name: "LockstepApp", dependencies: ["Lockstep", "Commands"]),
        .target(name: "LockstepTesting", dependencies: ["Lockstep", "BridgeTesting"]),
        // the built-in domain without its legacy machine
        .target(
            name: "A2PRetired",
            dependencies: [
                "Events", "Outcomes", "LegacyStateMachine", "DurableWorkflow", "Bridge", "A2PRegistration", "BridgeTesting", "Migrations",
            ]),
        // the built-in domain as an app, and its executable
        .target(
            name: "A2PApp",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover", "Bridge",
                "SQLiteStorage", "A2PRegistration", "A2PLegacy", "A2PRetired", "BridgeTesting", "LegacyFixtures", "Migrations", "Commands",
            ]),
        .executableTarget(name: "LockstepCommand", dependencies: ["A2PApp", "Commands"]),
        // figures beside their floor
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover", "Bridge",
                "BridgeTesting", "SQLiteStorage", "MetricsEndpoint", "Commands", "A2PApp",
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        // SQL schema and migration plans, embedded in the binary
        .target(
            name: "Migrations", path: "Migrations",
            exclude: ["Plans/brand-durable.yaml", "Plans/campaign-durable.yaml", "Plans/interrupts-durable.yaml"],
            resources: [
                .embedInCode("Schema/v001_lockstep.sql"), .embedInCode("Schema/v002_workflows.sql"),
                .embedInCode("Schema/v003_pins.sql"), .embedInCode("Schema/v010_workflow_runtime.sql"),
                .embedInCode("Schema/v011_moves.sql"),
                .embedInCode("Schema/v012_workflow_once.sql"), .embedInCode("Schema/v013_unclaimed.sql"),
                .embedInCode("Schema/v014_legacy_service.sql"), .embedInCode("Schema/v015_intentions_in_order.sql"),
                .embedInCode("Schema/v016_archive.sql"), .embedInCode("Schema/v017_shadow.sql"),
                .embedInCode("Schema/v018_open_rows.sql"),
                .embedInCode("Schema/v019_history_by_place.sql"), .embedInCode("Schema/v020_shadow_follower.sql"),
                .embedInCode("Schema/v021_segment_mark.sql"),
                .embedInCode("Schema/v022_judged_visits.sql"),
                .embedInCode("Plans/hybrid-5.2.yaml"), .embedInCode("Plans/hybrid-2-5.2.yaml"),
                .embedInCode("Plans/legacy.yaml"), .embedInCode("Plans/all-durable.yaml"), .embedInCode("Plans/retired.yaml"),
                .embedInCode("Machines/a2p-registration.json"), .embedInCode("Machines/a2p-registration-5.2.json"),
            ]),
        // recorded scenarios
        .target(name: "LegacyFixtures", path: "LegacyFixtures", exclude: scenarios),

        // test code only: a process that kills itself at a numbered port call
        .executableTarget(
            name: "crash-points",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "DurableWorkflow", "Cutover", "Bridge", "BridgeTesting", "A2PRegistration",
                "A2PRetired", "A2PApp", "Commands", "Migrations", "SQLiteStorage",
            ], path: "Tests/CrashPoints"),
        .testTarget(
            name: "CrashPointTests",
            dependencies: [
                "crash-points", "Events", "Outcomes", "HybridRouter", "DurableWorkflow", "SQLiteStorage", "A2PRegistration",
            ]),

        // test code only: registrations without the legacy machine, which is not linked
        .executableTarget(
            name: "retired-registrations",
            dependencies: ["Outcomes", "A2PRegistration", "A2PRetired", "Commands", "LegacyFixtures", "Migrations"],
            path: "Tests/RetiredRegistrations"),

        // test code only: the legacy machine as it would be with step 5.2, beside links to what stays as it is
        .target(
            name: "ExtendedLegacy",
            dependencies: ["Events", "Outcomes", "LegacyStateMachine", .product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/ExtendedLegacy"),

        // test code only: two versions of one deployment
        .target(name: "Deploys", dependencies: ["Events", "DurableWorkflow", "SQLiteStorage"], path: "Tests/Deploys/Both"),
        .executableTarget(name: "deploy-v1", dependencies: ["Deploys", "DurableWorkflow"], path: "Tests/Deploys/V1"),
        .executableTarget(name: "deploy-v2", dependencies: ["Deploys", "DurableWorkflow"], path: "Tests/Deploys/V2"),
        .testTarget(name: "DeployTests", dependencies: ["deploy-v1", "deploy-v2", "Events"]),

        // test code only: a worker that is killed, and whose disk is taken away
        .target(name: "FaultyDisk", path: "Tests/FaultyDisk"),
        .executableTarget(
            name: "fault-worker", dependencies: ["Events", "DurableWorkflow", "SQLiteStorage", "FaultyDisk"], path: "Tests/FaultWorker"),
        .testTarget(
            name: "FaultTests", dependencies: ["fault-worker", "Benchmarks", "Events", "DurableWorkflow", "SQLiteStorage"]),

        .testTarget(name: "EventsTests", dependencies: ["Events"]),
        .testTarget(name: "OutcomesTests", dependencies: ["Outcomes", "Events"]),
        .testTarget(name: "HybridRouterTests", dependencies: ["HybridRouter", "Events", "Outcomes"]),
        .testTarget(name: "LegacyStateMachineTests", dependencies: ["LegacyStateMachine", "Events", "Outcomes"]),
        .testTarget(
            name: "DurableWorkflowTests",
            dependencies: [
                "DurableWorkflow", "Events", "BridgeTesting", "MetricsEndpoint",
                .product(name: "MetricsTestKit", package: "swift-metrics"), .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"), .product(name: "InMemoryLogging", package: "swift-log"),
            ], exclude: ["Histories", "CommandStreams", "Temporal"]),
        .testTarget(name: "LegacyHTTPTests", dependencies: ["LegacyHTTP", "LegacyStateMachine", "Events"]),
        .testTarget(
            name: "MetricsEndpointTests",
            dependencies: [
                "MetricsEndpoint", .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ]),
        .testTarget(name: "ShadowComparatorTests", dependencies: ["ShadowComparator", "Events", "Outcomes"]),
        .testTarget(
            name: "CutoverTests", dependencies: ["Cutover", "HybridRouter", "Events", "Outcomes", "ShadowComparator", "Migrations"]),
        .testTarget(
            name: "MigrationReportTests",
            dependencies: ["MigrationReport", "Events", "Outcomes", "HybridRouter", "ShadowComparator", "Cutover"]),
        .testTarget(
            name: "A2PRegistrationTests",
            dependencies: [
                "A2PRegistration", "A2PLegacy", "Events", "Outcomes", "LegacyStateMachine", "DurableWorkflow", "Cutover",
                .product(name: "Crypto", package: "swift-crypto"),
            ], exclude: ["Gallery"]),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(
            name: "LiveTests",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover", "Bridge",
                "BridgeTesting", "SQLiteStorage",
            ]),
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "SQLiteStorage", "DurableWorkflow", "HybridRouter", "ShadowComparator", "Events", "Outcomes", "BridgeTesting",
                "A2PRegistration",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "BridgeTesting",
                "Commands",
                "A2PApp", "A2PRegistration", "A2PRetired", "LegacyFixtures", "Bridge", "Cutover", "Migrations", "SQLiteStorage",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], exclude: ["Model"]),
        // the code of the tutorial, which is a package of its own
        .target(name: "ClaimMachine", dependencies: ["Lockstep"], path: "Tests/ParcelClaims/Sources/ParcelClaims"),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "Events", "Outcomes", "HybridRouter", "LegacyStateMachine", "DurableWorkflow", "ShadowComparator", "Cutover", "Bridge",
                "SQLiteStorage", "A2PRegistration", "A2PRetired", "BridgeTesting", "LegacyFixtures", "Migrations", "Commands", "A2PApp",
                "LockstepCommand", "ClaimMachine", "ExtendedLegacy", "retired-registrations", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
    ]
)

let upcomingFeatures = [
    "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility",
    "InferIsolatedConformances", "NonisolatedNonsendingByDefault", "ImmutableWeakCaptures",
]

for target in package.targets where target.type != .system && target.type != .plugin {
    target.swiftSettings =
        (target.swiftSettings ?? []) + upcomingFeatures.map { .enableUpcomingFeature($0) } + [.treatAllWarnings(as: .error)]
}
