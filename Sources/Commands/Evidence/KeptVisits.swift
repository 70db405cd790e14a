import Cutover
import Events
import ShadowComparator

/// What has become of the visits that legacy has followed in an evidence file.
struct KeptVisits {
    private let path: String
    private let added: Int
    private let known: Int
    /// Visits that were compared and are no evidence: not one version has run and followed them, or the same visit was made again.
    private let others: Int

    /// Adds those of `visits` to the file that are not in it. `compared` is how many visits were compared.
    init(_ visits: [JudgedVisit], of compared: Int, in file: EvidenceFile) throws {
        var log = try file.log()
        var lines: [EvidenceLine] = []
        for visit in visits where !log.knows(visit) {
            lines.append(.followed(visit))
            log.add(.followed(visit))
        }
        if !lines.isEmpty { try file.append(lines) }
        (path, added, known, others) = (file.path, lines.count, visits.count - lines.count, max(0, compared - visits.count))
    }

    var text: String {
        let without =
            others == 0
            ? ""
            : "; \(others.counted("visit counts", "visits count")) for no gate, because not one build, table and plan has run and followed them"
        return "\(path): \(added.counted("visit")) added, \(known) known before\(without)"
    }

    var json: JSONValue { ["added": .integer(added), "known": .integer(known), "withoutGate": .integer(others)] }
}
