import Events
public import Outcomes

/// A visit that legacy has followed in the shadow of durable, as a case of evidence: digests and kinds of events, nothing of the entity.
public struct JudgedVisit: Codable, Hashable, Sendable {
    /// Names the visit: the same deliveries in the same visit of the same entity are the same case, in whichever run, and count once.
    public var id: String
    /// The step.
    public var step: StepNumber
    /// Names what was judged: the build, table, plan and rules with which durable ran the visit and legacy followed it.
    public var version: String
    /// The class of its way, see ``ShadowNote/path``.
    public var path: String
    /// The whole way, as a name.
    public var way: String
    /// True when it differs in a way that nothing explains.
    public var isMismatch: Bool

    /// A visit.
    public init(id: String, step: StepNumber, version: String, path: String, way: String, isMismatch: Bool) {
        self.id = id
        self.step = step
        self.version = version
        self.path = path
        self.way = way
        self.isMismatch = isMismatch
    }

    /// What following the visit of `record` is evidence of; nil when it is none. Durable may have run the visit for weeks: only what one
    /// version has run from its beginning to its end, and followed, is a case of that version.
    public init?(_ record: ShadowRecord, _ verdict: ShadowResult.Verdict, version: String) {
        guard record.visit.follower == .legacy, record.notes.allSatisfy({ $0.segment?.version == version }) else { return nil }
        switch verdict {
        case .matched, .expected, .mismatched: break
        case .incomparable, .dropped, .added: return nil
        }
        let (visit, path) = (record.visit, record.notes.last?.path ?? "")
        let told = record.notes.compactMap(\.told)
        let names = told.map { "\($0.source)/\($0.id)" }
        self.init(
            id: StableHash.hexadecimal(
                ([visit.entity.rawValue, visit.step.description, String(visit.number)] + names).joined(separator: "\u{1F}")),
            step: visit.step, version: version, path: path,
            way: StableHash.hexadecimal((told.map(\.kind.rawValue) + [path]).joined(separator: " ")), isMismatch: verdict == .mismatched)
    }
}
