public import Events

/// The name of a delivery: an id is unique within its sender.
public struct DeliveryName: Hashable, Sendable {
    /// The sender.
    public var source: EventSource
    /// The id that the sender gave it.
    public var id: EventID

    /// A name.
    public init(_ source: EventSource, _ id: EventID) {
        self.source = source
        self.id = id
    }
}

/// What one or more calls of ``OwnershipStore/compact(before:after:limit:)`` have done.
public struct Compaction: Hashable, Sendable {
    /// How many times something of an entity was packed.
    public var entities = 0
    /// Transactions whose moves went into their entity's one row.
    public var transactions = 0
    /// Handled events whose contents were deleted.
    public var events = 0
    /// Answers of reads that were deleted.
    public var reads = 0
    /// Where the next call goes on; nil when nothing older is left.
    public var next: Int?

    /// Nothing done.
    public init() {}

    /// Both together, going on where `other` says.
    public mutating func add(_ other: Compaction) {
        entities += other.entities
        transactions += other.transactions
        events += other.events
        reads += other.reads
        next = other.next
    }
}

extension OwnershipStore {
    /// Packs all that is older than `moment`, in transactions of `limit` transactions' moves; others commit between them.
    public func compact(before moment: Timestamp, limit: Int = 1000) async throws -> Compaction {
        var done = Compaction()
        repeat { done.add(try await compact(before: moment, after: done.next ?? 0, limit: limit)) } while done.next != nil
        return done
    }
}
