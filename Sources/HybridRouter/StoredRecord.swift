public import Events

/// The legacy record of an entity as stored.
public struct StoredRecord: Hashable, Sendable {
    /// The legacy state.
    public var state: String
    /// The record.
    public var body: RecordBody
    /// Grows by one with every commit of the entity.
    public var version: Int
    /// True when the state is one that nothing leaves.
    public var isFinal: Bool
    /// When the entity was born.
    public var createdAt: Timestamp
    /// When it entered the step it is in.
    public var stepEnteredAt: Timestamp
    /// When it last moved on an event that was not a timer.
    public var lastEventAt: Timestamp
    /// When the sweeper last sent it something.
    public var lastSweptAt: Timestamp
    /// When the sweeper should look at it next; nil for never, and while durable owns the entity.
    public var dueAt: Timestamp?
    /// How far a legacy service had the entity when it was last heard; nil for a machine in this process.
    public var mark: LegacyMark?
    /// How far the segment has the entity; nil while legacy has it, and before the segment's first wait point.
    public var reached: SegmentMark?

    /// A record.
    public init(
        state: String, body: RecordBody, version: Int, isFinal: Bool, createdAt: Timestamp, stepEnteredAt: Timestamp,
        lastEventAt: Timestamp, lastSweptAt: Timestamp, dueAt: Timestamp?, mark: LegacyMark? = nil,
        reached: SegmentMark? = nil
    ) {
        self.state = state
        self.body = body
        self.version = version
        self.isFinal = isFinal
        self.createdAt = createdAt
        self.stepEnteredAt = stepEnteredAt
        self.lastEventAt = lastEventAt
        self.lastSweptAt = lastSweptAt
        self.dueAt = dueAt
        self.mark = mark
        self.reached = reached
    }

    /// A durable step has seen to what was due until `moment`: after a recall, legacy does not do it again. A look that legacy has made later
    /// is not forgotten, also when its clock was ahead.
    public mutating func wasChecked(at moment: Timestamp?) { lastSweptAt = max(lastSweptAt, moment ?? lastSweptAt) }
}

/// The last wait point or end of a step that a segment has made true.
///
/// A process can die in a workflow task that has come to several of them. The task is begun anew, and runs through those that are true already.
public struct SegmentMark: Hashable, Sendable {
    /// The workflow run.
    public var run: String
    /// The number of its activity; later ones have greater numbers.
    public var activity: Int

    /// A mark.
    public init(run: String, activity: Int) {
        self.run = run
        self.activity = activity
    }

    /// True when the run has come further than to `other`.
    public func isBeyond(_ other: SegmentMark) -> Bool { run == other.run && activity > other.activity }
}

/// What is known of the record of an entity in a legacy service.
public struct LegacyMark: Hashable, Sendable {
    /// The version of its record that ours is a copy of.
    public var version: Int
    /// The last epoch that it was told of.
    public var epoch: Int

    /// A mark.
    public init(version: Int, epoch: Int) {
        self.version = version
        self.epoch = epoch
    }
}

/// Everything a handling of an entity's event reads.
public struct EntitySnapshot: Hashable, Sendable {
    /// Who owns it.
    public var ownership: Ownership
    /// Its record.
    public var record: StoredRecord

    /// A snapshot.
    public init(ownership: Ownership, record: StoredRecord) {
        self.ownership = ownership
        self.record = record
    }
}
