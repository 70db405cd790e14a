public import Events
public import Outcomes

/// What the shadow of one visit came to.
public struct ShadowResult: Codable, Hashable, Sendable {
    /// What it came to, in one word.
    public enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
        /// Who follows did what the owner did.
        case matched
        /// It differs only as the plan announces, or as somebody has signed for.
        case expected
        /// It differs in a way that nothing explains.
        case mismatched
        /// The owner never asked what its follower wants to know, or the visit ended in a way that says nothing.
        case incomparable
        /// Something of the visit was not seen, or too much waited.
        case dropped
        /// Legacy has no such step, so there is nothing to compare with.
        case added

        /// What a comparison came to.
        public init(_ verdict: ShadowComparator.Verdict) {
            switch verdict {
            case .matched: self = .matched
            case .expected: self = .expected
            case .mismatched: self = .mismatched
            }
        }
    }

    /// The visit.
    public var visit: ShadowVisit
    /// When the owner had ended it.
    public var at: Timestamp
    /// The class of its way, see ``ShadowNote/path``.
    public var path: String
    /// What it came to.
    public var verdict: Verdict
    /// The differences, those at wait points first.
    public var differences: [Difference] = []
    /// Why it could not be compared; nil when it was.
    public var reason: String?
    /// Calls and reads of the follower that were answered from what the owner had done and heard.
    public var answered = 0
    /// Calls and reads of the follower that nobody could answer. None of them reached a party.
    public var unanswered = 0
    /// What it is evidence of; nil when durable was the follower, when nothing was compared, and when not one version has run and followed it.
    public var judged: JudgedVisit?

    /// A result.
    public init(visit: ShadowVisit, at: Timestamp, path: String, verdict: Verdict) {
        self.visit = visit
        self.at = at
        self.path = path
        self.verdict = verdict
    }
}

/// What the shadow of one step has come to so far.
public struct ShadowCounts: Hashable, Sendable {
    /// Visits by verdict.
    public var visits: [ShadowResult.Verdict: Int] = [:]
    /// Calls and reads that were answered.
    public var answered = 0
    /// Calls and reads that nobody could answer.
    public var unanswered = 0
    /// Visits that are under way, or wait for their shadow.
    public var open = 0

    /// Nothing yet.
    public init() {}

    /// Visits of one verdict.
    public func count(_ verdict: ShadowResult.Verdict) -> Int { visits[verdict] ?? 0 }
}

/// Where a shadow keeps what it has seen and found: tables of its own, which the owner never waits for.
///
/// Every method is one transaction, durable with the next ``flush()``.
public protocol ShadowBook: Sendable {
    /// Adds notes in their order. One that begins a visit removes what is there of earlier visits of its entity that were never ended.
    func add(_ notes: [ShadowNote]) async throws
    /// A visit that is over and has no result yet, of the path that has the fewest results; nil when there is none.
    func next() async throws -> ShadowVisit?
    /// The notes of a visit, in order.
    func notes(of visit: ShadowVisit) async throws -> [ShadowNote]
    /// Counts a result, keeps it unless it matched and what it is evidence of for ever, and removes the visit's notes.
    func add(_ result: ShadowResult) async throws
    /// What the steps have come to that `follower` follows.
    func counts(of follower: Owner) async throws -> [StepNumber: ShadowCounts]
    /// Results that did not match, newest first.
    func results(limit: Int) async throws -> [ShadowResult]
    /// Notes that the process ends in order: of the visits that are open and that legacy follows, nothing was lost.
    func seal() async throws
    /// Makes everything so far durable.
    func flush() async throws
    /// Removes everything that is about an entity.
    func forget(_ entity: EntityID) async throws
}

extension ShadowBook {
    /// What the steps have come to, those that durable follows and those that legacy follows.
    public func allCounts() async throws -> [ShadowCounts] {
        try await Array(counts(of: .durable).values) + Array(counts(of: .legacy).values)
    }

    /// What the steps have come to whose durable code follows.
    public func counts() async throws -> [StepNumber: ShadowCounts] { try await counts(of: .durable) }
}
