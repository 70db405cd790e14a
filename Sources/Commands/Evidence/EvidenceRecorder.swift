import Cutover
import Events

/// Collects what one comparison is evidence for.
struct EvidenceRecorder {
    private let file: EvidenceFile
    private let plan: MigrationPlan
    private var lines: [EvidenceLine]

    /// Refuses a file that holds something else, before anything is compared.
    init(path: String, app: some Application, plan: MigrationPlan, at now: Timestamp) throws {
        file = EvidenceFile(path: path)
        _ = try file.log()
        self.plan = plan
        lines = [.run(at: now, version: try BuildIdentity.version(of: app, plan: plan))]
    }

    mutating func add(_ one: EvidenceCase?) {
        if let one { lines.append(.compared(one)) }
    }

    /// Writes it, and says what the file comes to.
    func append(_ app: some Application) throws -> EvidenceSummary {
        try file.append(lines)
        return try file.weigh(plan, app)
    }
}
