public import Events
import Outcomes

/// One line of an evidence file, in the order of comparison: `{"run":{…},"v":1}` when a comparison begins, and `{"case":{…},"v":1}`
/// for every case that it compared.
public enum EvidenceLine: Hashable, Sendable, Codable {
    /// A comparison began.
    case run(at: Timestamp, version: EvidenceVersion)
    /// It compared a case.
    case compared(EvidenceCase)

    /// The version of the form.
    public static let form = 1

    private enum Keys: String, CodingKey { case v, run, `case` }

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
        }
    }
}
