import Events
import HybridRouter
import Outcomes
import Synchronization

extension Mutant {
    /// Bugs of the real code that leave out what a mutant of the hand-off's model leaves out, and that are in no other list. Each wants several
    /// lanes, or two durable steps in one segment.
    package static let model: [Mutant] = [
        Mutant(nil, "who gets an event is decided when it comes", ports: PortWrapper(handoffs: { AddressedRows(base: $0) })),
        Mutant(nil, "a row that comes again at once is not queued", ports: PortWrapper(handoffs: { ForgetfulQueue(base: $0) })),
        unversioned("a recall writes back a record that somebody wrote meanwhile", rates: [.recall: 0.05]) {
            if case .recalled = $0 { true } else { false }
        },
        unversioned("a sweep writes back a record that somebody wrote meanwhile") { if case .swept = $0 { true } else { false } },
        unversioned("an event is set aside for what a segment was before it went on") {
            switch $0 {
            case .held, .parked, .dropped, .late: true
            default: false
            }
        },
        Mutant(
            nil, "an event that comes while the segment is at work is dropped",
            ports: PortWrapper(handoffs: {
                BendingStore(base: $0) { transaction, stored in
                    transaction.moves = transaction.moves.map { move in
                        guard case .held(let row) = move else { return move }
                        return .dropped(row, before: stored.ownership.step)
                    }
                }
            })),
        Mutant(
            nil, "a workflow task that is begun anew makes wait points true that were passed", rates: [.crash: 0.002],
            ports: PortWrapper(handoffs: { BendingStore(base: $0) { transaction, _ in transaction.record?.reached = nil } })),
        keepingHeld("held events stay held when the segment waits or goes on") {
            switch $0 {
            case .entered, .wentOn: true
            default: false
            }
        },
        keepingHeld("held events stay held when the segment hands back") { if case .handedBack = $0 { true } else { false } },
    ]

    /// A move of a kind is made whatever became of the record since it was read.
    private static func unversioned(
        _ story: String, rates: [Fault: Double] = [:], _ isMeant: @escaping @Sendable (Move) -> Bool
    ) -> Mutant {
        Mutant(
            nil, story, rates: rates,
            ports: PortWrapper(handoffs: {
                BendingStore(base: $0) { transaction, _ in if transaction.moves.contains(where: isMeant) { transaction.version = nil } }
            }))
    }

    /// What was held is not looked at again with a move of a kind.
    private static func keepingHeld(_ story: String, _ isMeant: @escaping @Sendable (Move) -> Bool) -> Mutant {
        var mutant = Mutant(nil, story)
        mutant.storage = { _ in
            let rows = HeldRows()
            return InMemoryHandoffStore { consequences, transaction, _ in
                rows.note(transaction.moves)
                guard transaction.moves.contains(where: isMeant) else { return }
                consequences.rows.removeAll { rows.contains($0.sequence) && $0.disposition == .pending }
                consequences.requeued.removeAll { rows.contains($0.sequence) }
            }
        }
        return mutant
    }
}

/// The rows that are held, in one store.
private final class HeldRows: Sendable {
    private let rows = Mutex<Set<Int>>([])

    func note(_ moves: [Move]) {
        rows.withLock { rows in
            for move in moves {
                if case .held(let row) = move { rows.insert(row.sequence) } else if let row = move.row { rows.remove(row.sequence) }
            }
        }
    }

    func contains(_ row: Int) -> Bool { rows.withLock { $0.contains(row) } }
}

/// Tells a segment of an event that came while a segment had the entity, whoever has it now.
private struct AddressedRows: ForwardingHandoffStore {
    private final class Addresses: Sendable { let isSegments = Mutex<Set<Int>>([]) }

    let base: any HandoffStore
    private let addresses = Addresses()

    init(base: any HandoffStore) { self.base = base }

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        let answers = try await base.accept(arrivals, at: now)
        for case .accepted(_, let row) in answers where try await base.snapshot(of: row.entity)?.ownership.owner == .durable {
            addresses.isSegments.withLock { _ = $0.insert(row.sequence) }
        }
        return answers
    }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        if case .handled(let row, _, _)? = transaction.moves.first, addresses.isSegments.withLock({ $0.contains(row.sequence) }) {
            transaction.moves = [.signalled(row)]
            transaction.record = nil
        }
        return try await base.commit(transaction)
    }
}

/// Does not queue a row that becomes pending again with the commit after its own.
private struct ForgetfulQueue: ForwardingHandoffStore {
    private final class Last: Sendable { let rows = Mutex<[EntityID: Int]>([:]) }

    let base: any HandoffStore
    private let last = Last()

    init(base: any HandoffStore) { self.base = base }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var committed = try await base.commit(transaction)
        let row = last.rows.withLock { rows in
            defer { rows[transaction.entity] = transaction.moves.lazy.compactMap(\.row).first?.sequence }
            return rows[transaction.entity]
        }
        committed.queued.removeAll { $0.sequence == row }
        return committed
    }
}
