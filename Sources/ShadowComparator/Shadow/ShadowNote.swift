public import Events
public import Outcomes

/// One visit that an entity makes to a step on stage `shadow`.
public struct ShadowVisit: Codable, Hashable, Sendable, CustomStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The step.
    public var step: StepNumber
    /// Which visit it is, from 1.
    public var number: Int

    /// A visit.
    public init(entity: EntityID, step: StepNumber, number: Int) {
        self.entity = entity
        self.step = step
        self.number = number
    }

    /// `ENTITY step STEP`, with the visit's number from the second on.
    public var description: String { "\(entity) step \(step)\(number == 1 ? "" : ", visit \(number)")" }
}

/// What one transaction of the owner was inside a visit: what it was told, what it did outside, and where it then stood.
///
/// The notes of a visit are all that its shadow needs. Each names the version of the record before and after it, so that one that was
/// lost is missed.
public struct ShadowNote: Codable, Hashable, Sendable {
    /// How a visit begins.
    public struct Beginning: Codable, Hashable, Sendable {
        /// The legacy state in the middle of the step in which the durable code is to begin; nil for the step's beginning.
        public var state: String?
        /// When the entity was born.
        public var createdAt: Timestamp
        /// How often each step was completed before.
        public var completions: [StepNumber: Int]

        /// A beginning.
        public init(state: String?, createdAt: Timestamp, completions: [StepNumber: Int]) {
            self.state = state
            self.createdAt = createdAt
            self.completions = completions
        }
    }

    /// The visit.
    public var visit: ShadowVisit
    /// When.
    public var at: Timestamp
    /// The version of the record before.
    public var from: Int
    /// The version of the record after.
    public var to: Int
    /// The event that was handled, when it is one for the step, or one that ends any step.
    public var told: Event?
    /// What was done and heard outside.
    public var calls = RecordedCalls()
    /// The state after it.
    public var state: String
    /// True when nothing leaves that state.
    public var isFinal = false
    /// The record after it; nil when it is as it was.
    public var record: JSONValue?
    /// Set in the first note of a visit.
    public var beginning: Beginning?
    /// True in the last note of a visit: the step is complete, or left.
    public var isLast = false

    /// The class of the visit's way, in its last note: what ended it, and where.
    public var path: String { "\(told?.kind.rawValue ?? "time"), \(state)" }

    /// True when nothing but the version of the record is new, unless the state is.
    public var saysNothing: Bool { told == nil && calls == RecordedCalls() && record == nil && beginning == nil && !isLast }

    /// A note.
    public init(visit: ShadowVisit, at: Timestamp, from: Int, to: Int, state: String) {
        self.visit = visit
        self.at = at
        self.from = from
        self.to = to
        self.state = state
    }
}

/// What an owner has done and heard outside, in order.
public struct RecordedCalls: Codable, Hashable, Sendable {
    /// Effects that were performed.
    public var effects: [LedgerEntry]
    /// What was read.
    public var reads: [RecordedRead]
    /// Calls and reads that failed.
    public var failures: [RecordedFailure]

    /// Calls.
    public init(effects: [LedgerEntry] = [], reads: [RecordedRead] = [], failures: [RecordedFailure] = []) {
        self.effects = effects
        self.reads = reads
        self.failures = failures
    }

    /// Adds what came later.
    public mutating func add(_ other: RecordedCalls) {
        effects += other.effects
        reads += other.reads
        failures += other.failures
    }
}

/// The notes of a visit that is over, from its beginning to its end, without a gap.
public struct ShadowRecord: Sendable {
    /// The visit.
    public let visit: ShadowVisit
    /// The notes; the first has a beginning and a record, the last is the last.
    public let notes: [ShadowNote]
    /// How it begins.
    public let beginning: ShadowNote.Beginning
    /// The record at the beginning.
    public let record: JSONValue
    /// When it was over.
    public let endedAt: Timestamp

    /// The visit that `notes` are about, in order; nil when one is missing.
    public init?(_ notes: [ShadowNote]) {
        guard let first = notes.first, let beginning = first.beginning, let record = first.record, let last = notes.last, last.isLast else {
            return nil
        }
        let isWhole = zip(notes, notes.dropFirst()).allSatisfy { $0.to == $1.from && !$0.isLast && $1.visit == first.visit }
        guard isWhole else { return nil }
        (visit, self.notes, self.beginning, self.record, endedAt) = (first.visit, notes, beginning, record, last.at)
    }
}
