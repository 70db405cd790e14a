public import Events
import Outcomes
public import ShadowComparator

/// One line of an evidence file, in the order of time: `{"run":{…},"v":1}` when a comparison begins, `{"case":{…},"v":1}` for every case
/// that it compared, `{"mutants":{…},"v":1}` and `{"explored":{…},"v":1}` for the bugs and the schedules that were tried for a step, and
/// `{"visit":{…},"v":1}` for every visit that legacy has followed in the shadow of durable.
///
/// A build that is older than a kind of line refuses a file that has one.
public enum EvidenceLine: Hashable, Sendable, Codable {
    /// A comparison began.
    case run(at: Timestamp, version: EvidenceVersion)
    /// It compared a case.
    case compared(EvidenceCase)
    /// Bugs were put in on purpose.
    case mutants(MutantEvidence)
    /// Schedules were explored.
    case explored(ExplorationEvidence)
    /// Legacy followed a visit.
    case followed(JudgedVisit)

    /// The version of the form.
    public static let form = 1

    private enum Keys: String, CodingKey { case v, run, `case`, mutants, explored, visit }

    private struct Run: Codable {
        var at: Timestamp
        var version: EvidenceVersion
    }

    /// Reads a line; throws for one of another form.
    public init(from decoder: any Decoder) throws {
        let line = try decoder.container(keyedBy: Keys.self)
        let form = try line.decode(Int.self, forKey: .v)
        guard form == Self.form else {
            throw DecodingError.dataCorruptedError(
                forKey: .v, in: line, debugDescription: "expected evidence of form \(Self.form), found form \(form)")
        }
        if let run = try line.decodeIfPresent(Run.self, forKey: .run) {
            self = .run(at: run.at, version: run.version)
        } else if let score = try line.decodeIfPresent(MutantEvidence.self, forKey: .mutants) {
            self = .mutants(score)
        } else if let explored = try line.decodeIfPresent(ExplorationEvidence.self, forKey: .explored) {
            self = .explored(explored)
        } else if let visit = try line.decodeIfPresent(JudgedVisit.self, forKey: .visit) {
            self = .followed(visit)
        } else {
            self = .compared(try line.decode(EvidenceCase.self, forKey: .case))
        }
    }

    /// Writes a line.
    public func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: Keys.self)
        try line.encode(Self.form, forKey: .v)
        switch self {
        case .run(let at, let version): try line.encode(Run(at: at, version: version), forKey: .run)
        case .compared(let one): try line.encode(one, forKey: .case)
        case .mutants(let score): try line.encode(score, forKey: .mutants)
        case .explored(let explored): try line.encode(explored, forKey: .explored)
        case .followed(let visit): try line.encode(visit, forKey: .visit)
        }
    }
}
