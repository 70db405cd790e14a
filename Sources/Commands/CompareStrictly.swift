import Bridge
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Compares each input by itself, in memory, and leaves nothing out: small tests may tell in several ways what becomes of one entity.
struct StrictComparing {
    let plan: MigrationPlan
    private let comparator: Comparator

    init(plan: MigrationPlan, at moment: Timestamp) { (self.plan, comparator) = (plan, plan.comparator(at: moment, strict: true)) }

    /// What all inputs come to, and the names of those that are not the same.
    func run(
        _ inputs: [String], _ app: some Application, progress: (String, Int) -> Void
    ) async throws -> (summary: ComparisonSummary, failing: [String]) {
        var summary = ComparisonSummary(comparator: comparator)
        var failing: [String] = []
        for (index, input) in inputs.enumerated() {
            progress(input, index)
            let known = summary.mismatched
            try await compare(try InputOptions.load([input]).lines, app.typed, into: &summary)
            if summary.mismatched > known { failing.append(input) }
        }
        return (summary, failing)
    }

    private func compare<State: MachineState, Record: Codable & Sendable>(
        _ files: TraceFiles, _ app: LockstepApp<State, Record>, into summary: inout ComparisonSummary
    ) async throws {
        let comparison = try AppComparison(app, plan: plan, database: ":memory:")
        try await comparison.play(files)
        try await comparison.add(to: &summary, by: comparator)
    }
}
