import Cutover
import Events

/// Collects what one comparison is evidence for.
struct EvidenceRecorder {
    private let file: EvidenceFile
    private let plan: MigrationPlan
    private let version: EvidenceVersion
    private var lines: [EvidenceLine]

    /// Refuses a file that holds something else, before anything is compared.
    init(path: String, app: some Application, plan: MigrationPlan, at now: Timestamp) throws {
        file = EvidenceFile(path: path)
        _ = try file.log()
        self.plan = plan
        version = try BuildIdentity.version(of: app, plan: plan)
        lines = [.run(at: now, version: version)]
    }

    mutating func add(_ one: EvidenceCase?) {
        if let one { lines.append(.compared(one)) }
    }

    /// Writes it, and says what the file comes to.
    func append() throws -> EvidenceSummary {
        try file.append(lines)
        return try file.log().summary(of: plan, version: version)
    }
}
