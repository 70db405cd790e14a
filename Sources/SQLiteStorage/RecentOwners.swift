import Events
import HybridRouter
import Synchronization

/// Ownership rows that this process has read or written lately, by the checksum they are stored under.
///
/// Every commit looks at the stored row, because another process may have changed it; one that has the same checksum is the same and
/// is not decoded again. A write that was rolled back leaves an entry whose checksum no row has.
final class RecentOwners: Sendable {
    private static let limit = 4096
    private let known = Mutex<[EntityID: (ownership: Ownership, sum: Int64)]>([:])

    /// The ownership that is stored under `sum`, when it is known.
    func ownership(of entity: EntityID, sum: Int64?) -> Ownership? {
        known.withLock { known in
            guard let sum, let found = known[entity], found.sum == sum else { return nil }
            return found.ownership
        }
    }

    /// Remembers what is stored from now on.
    func note(_ ownership: Ownership) {
        known.withLock { known in
            if known[ownership.entity]?.ownership == ownership { return }
            if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
            known[ownership.entity] = (ownership, Rows.sum(ownership))
        }
    }
}
