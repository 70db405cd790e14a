import Events
package import HybridRouter
import Outcomes
import Synchronization

/// A run under a bug that works without an end.
package struct EndlessWork: Error, CustomStringConvertible {
    /// One sentence.
    package let description: String
}

/// Counts transactions, and refuses all that come after so many: a bug can make a run go round for ever at one moment.
package struct CountedStore: ForwardingHandoffStore {
    /// The other one.
    package let base: any HandoffStore
    private let most: Int
    private let count: Count

    private final class Count: Sendable { let value = Mutex(0) }

    /// A store that makes at most so many transactions.
    package init(_ base: any HandoffStore, atMost most: Int) { (self.base, self.most, count) = (base, most, Count()) }

    /// How many were asked for.
    package var transactions: Int { count.value.withLock { $0 } }

    /// Forwards, as long as there are not too many.
    package func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let number = count.value.withLock { count in
            count += 1
            return count
        }
        guard number <= most else {
            throw EndlessWork(description: "expected at most \(most) transactions, found more: it goes round without an end")
        }
        return try await base.commit(transaction)
    }
}

/// Changes what is decided, knowing what is stored.
struct BendingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let bend: @Sendable (inout EntityTransaction, EntitySnapshot) -> Void

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        if let stored = try await base.snapshot(of: transaction.entity) { bend(&transaction, stored) }
        return try await base.commit(transaction)
    }
}

/// Changes what is accepted.
struct BendingInbox: ForwardingHandoffStore {
    let base: any HandoffStore
    let bend: @Sendable (inout IncomingEvent) -> Void

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        let bent = arrivals.map { arrival in
            guard case .event(var incoming, let birth) = arrival else { return arrival }
            bend(&incoming)
            return .event(incoming, birth: birth)
        }
        return try await base.accept(bent, at: now)
    }
}

/// Reads the rows after the last one that was handled, that one included.
struct InclusiveWatermark: ForwardingHandoffStore {
    /// What outlives a restart: the last row that was handled, and the one that is read again.
    final class Position: Sendable {
        let last = Mutex<QueuedRow?>(nil)
        let again = Mutex<Int?>(nil)
    }

    let base: any HandoffStore
    let position: Position

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let committed = try await base.commit(transaction)
        if let row = transaction.moves.compactMap(\.row).first, let stored = try await base.row(row.sequence),
            stored.disposition == .consumed
        {
            position.last.withLock {
                $0 = QueuedRow(
                    sequence: row.sequence, entity: transaction.entity, priority: 1, attempt: 1, visibleAt: stored.visibleAt)
            }
        }
        return committed
    }

    func pendingRows() async throws -> [QueuedRow] {
        let rows = try await base.pendingRows()
        guard let row = position.last.withLock({ $0 }) else { return rows }
        position.again.withLock { $0 = row.sequence }
        return [row] + rows
    }

    func row(_ sequence: Int) async throws -> InboxRow? {
        var row = try await base.row(sequence)
        let isAgain = position.again.withLock { again in
            defer { if again == sequence { again = nil } }
            return again == sequence
        }
        if isAgain { row?.disposition = .pending }
        return row
    }
}

/// An operator's path that does not look whether the migration is halted.
struct UnguardedMoves: ForwardingHandoffStore {
    let base: any HandoffStore

    func value(_ name: String) async throws -> String? { name == MigrationHalted.setting ? nil : try await base.value(name) }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        transaction.unlessHalted = false
        return try await base.commit(transaction)
    }
}

/// Forgets the end of a halt.
struct StuckHalt: ForwardingHandoffStore {
    let base: any HandoffStore

    func value(_ name: String) async throws -> String? {
        if name == MigrationHalted.setting, try await base.value("halted.once") != nil { return "for ever" }
        return try await base.value(name)
    }

    func set(_ name: String, to value: String?) async throws {
        if name == MigrationHalted.setting { try await base.set("halted.once", to: "yes") }
        try await base.set(name, to: value)
    }
}

/// Asks the parties under keys that depend on who asks.
struct RenamedEffects: ForwardingEffects {
    let base: any EffectPort

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        var call = call
        call.key.operation += "@\(call.epoch)"
        return try await base.perform(call)
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
}

/// A ledger that does not know what the other engine has performed.
struct ForgetfulLedger: ForwardingHandoffStore {
    let base: any HandoffStore
    func reply(to key: EffectKey) async throws -> JSONValue? { nil }
}

/// Does not ask the parties what they have done.
struct NoLookUps: ForwardingEffects {
    let base: any EffectPort
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
}

/// Forgets what was begun.
struct NoIntentions: ForwardingHandoffStore {
    let base: any HandoffStore
    func intention(_ key: EffectKey) async throws -> EffectCall? { nil }
    func intend(_ call: EffectCall) async throws -> IntentionResult {
        let result = try await base.intend(call)
        if case .begun = result { return .noted }
        return result
    }
}

/// Looks for what was begun before it notes its own, and not again when it does.
struct HastyIntentions: ForwardingHandoffStore {
    let base: any HandoffStore
    func intend(_ call: EffectCall) async throws -> IntentionResult {
        if let begun = try await base.intention(call.key) { return .begun(begun) }
        _ = try await base.intend(call)
        return .noted
    }
}

/// Waits for a moment at which nothing of the entity is open before it hands off.
struct IdleGate: ForwardingHandoffStore {
    let base: any HandoffStore

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        if transaction.unlessHalted, try await base.rows(of: transaction.entity).contains(where: { $0.disposition == .pending }) {
            throw MigrationHalted()
        }
        return try await base.commit(transaction)
    }
}
