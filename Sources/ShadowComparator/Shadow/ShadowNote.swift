public import Events
public import Outcomes

/// One visit that an entity makes to a step, and who follows it there in the owner's shadow.
public struct ShadowVisit: Codable, Hashable, Sendable, CustomStringConvertible {
    /// The entity.
    public var entity: EntityID
    /// The step.
    public var step: StepNumber
    /// Which visit it is, from 1.
    public var number: Int
    /// Who follows: the side that does not own the step.
    public var follower: Owner

    /// A visit.
    public init(entity: EntityID, step: StepNumber, number: Int, follower: Owner = .durable) {
        self.entity = entity
        self.step = step
        self.number = number
        self.follower = follower
    }

    /// Reads a visit; one that was written before legacy could follow is followed by durable.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        entity = try members.decode(EntityID.self, forKey: .entity)
        step = try members.decode(StepNumber.self, forKey: .step)
        number = try members.decode(Int.self, forKey: .number)
        follower = try members.decodeIfPresent(Owner.self, forKey: .follower) ?? .durable
    }

    /// `ENTITY step STEP`, with the visit's number from the second on, and `followed by legacy` when it is.
    public var description: String {
        "\(entity) step \(step)\(number == 1 ? "" : ", visit \(number)")\(follower == .legacy ? ", followed by legacy" : "")"
    }
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
        /// What legacy's cron job counts from; nil when legacy is the owner.
        public var times: Times?

        /// A beginning.
        public init(state: String?, createdAt: Timestamp, completions: [StepNumber: Int], times: Times? = nil) {
            self.state = state
            self.createdAt = createdAt
            self.completions = completions
            self.times = times
        }
    }

    /// The times of a record that legacy's cron job looks at.
    public struct Times: Codable, Hashable, Sendable {
        /// When it entered the step it is in.
        public var stepEnteredAt: Timestamp
        /// When it last moved on an event that was not a timer.
        public var lastEventAt: Timestamp
        /// When it was last sent a timer.
        public var lastSweptAt: Timestamp

        /// The times.
        public init(stepEnteredAt: Timestamp, lastEventAt: Timestamp, lastSweptAt: Timestamp) {
            self.stepEnteredAt = stepEnteredAt
            self.lastEventAt = lastEventAt
            self.lastSweptAt = lastSweptAt
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
    /// What only a note about durable code has; nil when legacy is the owner.
    public var segment: SegmentNote?

    /// The class of the visit's way, in its last note: what ended it, and where.
    public var path: String { "\(told?.kind.rawValue ?? segment?.end?.word ?? "time"), \(state)" }

    /// True when nothing but the version of the record is new, unless the state is.
    public var saysNothing: Bool {
        told == nil && calls == RecordedCalls() && record == nil && beginning == nil && !isLast && segment == nil
    }

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

/// What a note about durable code has beside what every note has. A transaction of a segment that only performs or is told leaves the
/// version of the record as it is, so other things say whether a note before it was lost.
public struct SegmentNote: Codable, Hashable, Sendable {
    /// How a visit to a durable step ends.
    public enum End: Codable, Hashable, Sendable {
        /// The step is complete, or the entity has left it for another one.
        case left
        /// Legacy goes on in the step, with the event of this kind.
        case givenBack(EventKind)
        /// Somebody has taken the entity back in the middle of the step.
        case recalled
        /// The code threw an error.
        case failed(reason: String)

        /// In a word, without what an error says.
        var word: String {
            switch self {
            case .left: "left"
            case .givenBack(let kind): kind.rawValue
            case .recalled: "recalled"
            case .failed: "failed"
            }
        }
    }

    /// Who has noted it: one word for each process, and another one when a process has lost count of what it left out.
    public var desk: String
    /// Names what the process ran: its build, table, plan and rules of the step; nil when it was not told.
    public var version: String?
    /// True when something of the entity was left out before it.
    public var isAfterGap = false
    /// True in the last note of a process that has ended in order: it has lost nothing.
    public var isSealed = false
    /// True when the transaction has written the record.
    public var isWritten = false
    /// The inbox row of the event that was told.
    public var row: Int?
    /// The inbox rows that the code has used.
    public var used: [Int] = []
    /// How the visit ends, in its last note.
    public var end: End?

    /// A note by `desk`, which runs `version`.
    public init(desk: String, version: String? = nil) { (self.desk, self.version) = (desk, version) }
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
        let pairs = zip(notes, notes.dropFirst())
        guard pairs.allSatisfy({ !$0.isLast && $1.visit == first.visit }) else { return nil }
        guard first.visit.follower == .legacy ? Self.isWhole(segment: notes) : pairs.allSatisfy({ $0.to == $1.from }) else { return nil }
        (visit, self.notes, self.beginning, self.record, endedAt) = (first.visit, notes, beginning, record, last.at)
    }

    /// True when nothing is missing between notes about durable code, and nothing was used that nobody was told.
    private static func isWhole(segment notes: [ShadowNote]) -> Bool {
        var version = notes[0].to
        for (before, note) in zip(notes, notes.dropFirst()) {
            guard let earlier = before.segment, let segment = note.segment, !segment.isAfterGap else { return false }
            guard earlier.desk == segment.desk || earlier.isSealed else { return false }
            guard segment.isWritten else { continue }
            guard note.from == version else { return false }
            version = note.to
        }
        return Set(notes.flatMap { $0.segment?.used ?? [] }).isSubset(of: notes.compactMap { $0.segment?.row })
    }
}
