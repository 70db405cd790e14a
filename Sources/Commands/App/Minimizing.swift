import Bridge
package import Cutover
package import Events
import FoundationEssentials
import HybridRouter
package import LegacyStateMachine
import Outcomes
package import ShadowComparator

/// Makes a scenario of a mismatch: the fewest deliveries that show it.
package struct Minimizing: Sendable {
    private let plan: MigrationPlan
    private let folder: String
    private let moment: Timestamp
    /// More causes than this have something in common that is mended first.
    private static let mostCauses = 5

    /// Scenarios for mismatches under `plan`, whose rules count as they do at `moment`, in folders of `folder`.
    package init(plan: MigrationPlan, folder: String, at moment: Timestamp) {
        (self.plan, self.folder, self.moment) = (plan, folder, moment)
    }

    /// Writes a scenario folder for each cause; returns what to say about each.
    func write(_ causes: [ComparisonSummary.Cause], of trace: TraceFiles, _ app: some Application) async throws -> [String] {
        guard !causes.isEmpty else { return [] }
        var (trace, lines) = (trace, [TraceLine]())
        while let line = try trace.nextReceived() { lines.append(line) }
        var said: [String] = []
        for cause in causes.prefix(Self.mostCauses) {
            let few = try await minimize(lines, cause, app.typed)
            let path = "\(folder)/\(Self.name(of: cause))"
            try write(few, to: path, cause)
            said.append(
                "\(path): \(few.count) of \(lines.count.counted("line")) \(few.count == 1 ? "shows" : "show") it; '\(Program.name) compare \(path)' fails until it is mended, '\(Program.name) compare --replay \(path)' shows what both paths did"
            )
        }
        return said
    }

    /// The fewest lines of which both paths make a mismatch of the same cause.
    package func minimize<State: MachineState, Record: Codable & Sendable>(
        _ lines: [TraceLine], _ cause: ComparisonSummary.Cause, _ app: LockstepApp<State, Record>
    ) async throws -> [TraceLine] {
        try await Minimizer.minimize(lines) { lines in
            let comparison = try AppComparison(app, plan: plan, database: ":memory:")
            try await comparison.play(lines)
            return try await comparison.summary(at: moment).causes.contains { $0.resembles(cause) }
        }
    }

    /// Writes the scenario of a cause, without an outcome: what a mended step comes to is not known before it is mended.
    package func write(_ lines: [TraceLine], to path: String, _ cause: ComparisonSummary.Cause) throws {
        let reason = "Minimised from \(cause.example): \(cause.first) \(cause.kind.rawValue)."
        let readme = "# \(Self.name(of: cause))\n\n\(reason)\n\nEvery line is needed to show it. Record outcome.json when it is mended.\n"
        try ScenarioFolder(lines: lines, readme: readme).write(to: path, "--minimize")
    }

    private static func name(of cause: ComparisonSummary.Cause) -> String {
        let words = [cause.step?.description, cause.first, cause.kind.rawValue].compactMap { $0 }.joined(separator: "-")
        return String(words.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" })
    }
}

extension ComparisonSummary.Cause {
    /// True when it is the same difference of the same effect or fact, wherever the entity stands.
    fileprivate func resembles(_ other: ComparisonSummary.Cause) -> Bool {
        (step, first, kind) == (other.step, other.first, other.kind)
    }
}
