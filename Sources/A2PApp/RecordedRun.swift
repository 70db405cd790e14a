public import Commands
package import Cutover
package import Events
import FoundationEssentials
import Migrations
import SQLiteStorage
import ShadowComparator

/// A recorded trace played once over a fresh database, as the benchmark measures it.
public struct RecordedRun {
    private let run: A2PRun
    private let files: TraceFiles

    /// A run of the trace file at `trace` over a plan of this name: one that ships with the binary, or a file.
    public init(_ mode: RunMode, trace: String, database: String, plan name: String = "hybrid-5.2") throws {
        let plan = try Self.plan(name)
        files = try TraceFiles([trace])
        run = try A2PRun(.init(mode: mode, plan: plan, database: database))
    }

    /// The plan of this name: one that ships with the binary, or a file.
    package static func plan(_ name: String) throws -> MigrationPlan {
        let shipped = [
            "hybrid-5.2": EmbeddedPlans.hybrid, "hybrid-2-5.2": EmbeddedPlans.twoSteps, "all-durable": EmbeddedPlans.allDurable,
            "retired": EmbeddedPlans.retired,
        ]
        guard let yaml = shipped[name] else { return try AppPlan.file(name).read() }
        return try MigrationPlan(yaml: yaml, file: name)
    }

    /// Hands every statement that the database runs to `body`: as it was prepared, and with its values in place.
    public func onWrite(_ body: @escaping @Sendable (_ sql: String, _ expanded: () -> String) -> Void) { run.database.observe(body) }

    /// What the run has made of each registration, as lines of a recording, in order of ids.
    package func recordingLines() async throws -> [(entity: EntityID, line: [UInt8])] {
        try await run.observations().map { ($0.entity, $0.recordingLine) }
    }

    /// Plays the trace to its end.
    public func play() async throws { try await run.play(files) }

    /// Records a trace of so many registrations against the simulated outside.
    public static func generate(_ registrations: Int, seed: UInt64, to path: String) async throws {
        _ = try await A2PSimulator().write(registrations, seed: seed, to: path)
    }
}
