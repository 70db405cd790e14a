public import Events

/// One bad thing that was set aside, so that everything else goes on.
public struct Quarantined: Hashable, Sendable {
    /// What kind of thing it is.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// An inbox row that cannot be handled; the key is its sequence.
        case event
        /// A registration whose stored rows cannot be read or used; the key is the entity.
        case entity
        /// A message that the engine refuses; the key is its sequence.
        case message
        /// An effect that was begun and of which nobody knows whether it was done; the key is the effect's.
        case effect
    }

    /// What kind of thing it is.
    public var kind: Kind
    /// Which one.
    public var key: String
    /// The entity that it is about; nothing of it is handled until it is released.
    public var entity: EntityID
    /// One sentence: expected, found, remedy. No personal data.
    public var reason: String
    /// Since when.
    public var since: Timestamp

    /// Something that is set aside.
    public init(_ kind: Kind, key: String, entity: EntityID, reason: String, since: Timestamp) {
        self.kind = kind
        self.key = key
        self.entity = entity
        self.reason = reason
        self.since = since
    }
}

/// A stored row that cannot be read: it is set aside, and everything else goes on.
public struct UnreadableRow: Error, Hashable, Sendable, CustomStringConvertible {
    /// The table.
    public var table: String
    /// The row's key.
    public var key: String
    /// What is wrong with it: the column, what was expected, what was found.
    public var problem: String

    /// A row that cannot be read.
    public init(table: String, key: String, problem: String) {
        self.table = table
        self.key = key
        self.problem = problem
    }

    /// One sentence.
    public var description: String {
        "table \(table), row \(key): \(problem); restore the row from a backup, or use the build that wrote it, then release it"
    }
}

/// The environment has failed: the storage is full, gone or busy for too long, or the engine cannot be reached. The process stops, and the
/// event that it was handling is not to blame: it is handled again after the restart.
public protocol EnvironmentFailure: Error {}
