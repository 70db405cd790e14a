import Synchronization

/// The memory of the outside: every effect that was performed with effect, once. It outlives our crashes, as the outside does.
public protocol EffectJournal: Sendable {
    /// What was performed before.
    var entries: [LedgerEntry] { get }
    /// Adds an effect at the moment it is performed.
    func append(_ entry: LedgerEntry) throws
}

/// A journal that goes with the process.
public final class MemoryJournal: EffectJournal {
    private let list = Mutex<[LedgerEntry]>([])
    /// An empty journal.
    public init() {}
    /// Required by ``EffectJournal``, which says what it does.
    public var entries: [LedgerEntry] { list.withLock { $0 } }
    /// Required by ``EffectJournal``, which says what it does.
    public func append(_ entry: LedgerEntry) throws { list.withLock { $0.append(entry) } }
}
