import BridgeTesting
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import Synchronization
import Testing

/// A real bug of somebody's migration, put between the bridge and its ports. The simulation must catch it.
///
/// The numbers are those of the catalogue in the documentation (`Simulation`).
struct Mutant: Sendable, CustomTestStringConvertible {
    let number: Int
    let story: String
    var ports = PortWrapper.none
    var storage: @Sendable (any HandoffStore) -> any HandoffStore = { $0 }
    /// What goes wrong besides, so that the bug has its occasions.
    var rates: [Fault: Double] = [:]
    /// What the parties do with a key that they know.
    var parties = PartyKind.refusesKnownKeys

    var testDescription: String { "\(number) \(story)" }

    /// A bug in what a transaction leads to, knowing what is stored.
    init(_ number: Int, _ story: String, rates: [Fault: Double] = [:], bend: @escaping InMemoryHandoffStore.Bend) {
        self.number = number
        self.story = story
        self.rates = rates
        storage = { _ in InMemoryHandoffStore(bend: bend) }
    }

    /// A bug in the hand-off store.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:], store: @escaping @Sendable (any HandoffStore) -> any HandoffStore
    ) {
        self.init(number, story, ports: PortWrapper(handoffs: store))
        self.rates = rates
    }

    /// A bug anywhere.
    init(_ number: Int, _ story: String, parties: PartyKind = .refusesKnownKeys, ports: PortWrapper) {
        self.number = number
        self.story = story
        self.parties = parties
        self.ports = ports
    }

    /// A bug in what the bridge decides.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:],
        deciding bend: @escaping @Sendable (inout EntityTransaction, EntitySnapshot) -> Void
    ) {
        self.init(number, story, rates: rates, store: { BendingStore(base: $0, bend: bend) })
    }
}

/// Changes what is decided, knowing what is stored.
private struct BendingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let bend: @Sendable (inout EntityTransaction, EntitySnapshot) -> Void

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        if let stored = try await base.snapshot(of: transaction.entity) { bend(&transaction, stored) }
        return try await base.commit(transaction)
    }
}

/// Changes what is accepted.
private struct BendingInbox: ForwardingHandoffStore {
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
private struct InclusiveWatermark: ForwardingHandoffStore {
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
private struct UnguardedMoves: ForwardingHandoffStore {
    let base: any HandoffStore

    func value(_ name: String) async throws -> String? { name == MigrationHalted.setting ? nil : try await base.value(name) }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        var transaction = transaction
        transaction.unlessHalted = false
        return try await base.commit(transaction)
    }
}

/// Forgets the end of a halt.
private struct StuckHalt: ForwardingHandoffStore {
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
private struct RenamedEffects: ForwardingEffects {
    let base: any EffectPort

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        var call = call
        call.key.operation += "@\(call.epoch)"
        return try await base.perform(call)
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
}

/// A ledger that does not know what the other engine has performed.
private struct ForgetfulLedger: ForwardingHandoffStore {
    let base: any HandoffStore
    func reply(to key: EffectKey) async throws -> JSONValue? { nil }
}

/// Does not ask the parties what they have done.
private struct NoLookUps: ForwardingEffects {
    let base: any EffectPort
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
}

/// Forgets what was begun.
private struct NoIntentions: ForwardingHandoffStore {
    let base: any HandoffStore
    func intention(_ key: EffectKey) async throws -> EffectCall? { nil }
}

/// Waits for a moment at which nothing of the entity is open before it hands off.
private struct IdleGate: ForwardingHandoffStore {
    let base: any HandoffStore

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        if transaction.unlessHalted, try await base.rows(of: transaction.entity).contains(where: { $0.disposition == .pending }) {
            throw MigrationHalted()
        }
        return try await base.commit(transaction)
    }
}

extension EntityTransaction {
    fileprivate var isRecall: Bool {
        moves.contains { if case .recalled = $0 { true } else if case .failed = $0 { true } else { false } }
    }
    fileprivate var isHandBack: Bool { moves.contains { if case .handedBack = $0 { true } else { false } } }
    fileprivate var isHandOff: Bool { moves.contains { if case .handedOff = $0 { true } else { false } } }
}

extension Consequences {
    /// Leaves told rows with the segment.
    fileprivate mutating func keepSignalled() {
        let back = Set(requeued.map(\.sequence))
        rows.removeAll { back.contains($0.sequence) }
        requeued = []
    }
}

extension Mutant {
    /// One or more for every bug of the catalogue that router, bridge, store or engine can have.
    static let all: [Mutant] = [
        Mutant(1, "an event that the segment used is also given back to legacy") { consequences, transaction, _ in
            let used = Set(transaction.moves.flatMap(\.used))
            for index in consequences.rows.indices where used.contains(consequences.rows[index].sequence) {
                consequences.rows[index].disposition = .pending
            }
        },
        Mutant(
            2, "two events share an id, and deduplication eats one",
            store: { BendingInbox(base: $0, bend: { $0.id = EventID("\($0.source)-\($0.kind)-\($0.reference)") }) }),
        Mutant(3, "an event is done when the segment has been told, not when it has used it") { consequences, _, _ in
            for index in consequences.rows.indices where consequences.rows[index].disposition == .signalled {
                consequences.rows[index].disposition = .consumed
            }
        },
        Mutant(
            4, "legacy is not woken after the hand back",
            deciding: { transaction, _ in if transaction.isHandBack { transaction.moves.removeAll { $0 == .continued } } }),
        Mutant(5, "no fence: a write counts under whatever epoch", rates: [.recall: 0.1], deciding: { $0.epoch = $1.ownership.epoch }),
        Mutant(6, "a second segment of an entity gets the id of its first") { consequences, _, _ in
            for index in consequences.outbox.indices where consequences.outbox[index].kind == .start {
                consequences.outbox[index].epoch = 2
            }
        },
        Mutant(
            7, "the record is not read back when a step is taken back",
            deciding: { transaction, _ in if transaction.isRecall { transaction.record?.state = "BRAND_SUBMITTED" } }),
        Mutant(
            8, "an effect's key is made anew by each owner",
            ports: PortWrapper(handoffs: { ForgetfulLedger(base: $0) }, effects: { RenamedEffects(base: $0) })),
        Mutant(
            8, "parties that answer look-ups are not asked before a call", parties: .answersLookUps,
            ports: PortWrapper(effects: { NoLookUps(base: $0) })),
        Mutant(
            8, "parties that say nothing are asked again after a call of unknown outcome", parties: .neither,
            ports: PortWrapper(handoffs: { NoIntentions(base: $0) })),
        Mutant(9, "completed steps are open again after a recall") { consequences, transaction, _ in
            if transaction.isRecall { consequences.ownership.completions = [:] }
        },
        Mutant(10, "the hand-off waits for a moment that never comes", store: { IdleGate(base: $0) }),
        Mutant(
            11, "the sweeper's next look is forgotten at a recall", rates: [.recall: 0.2, .loss: 0.6],
            deciding: { transaction, _ in if transaction.isRecall { transaction.record?.dueAt = nil } }),
        Mutant(
            11, "the time of birth is shifted at the hand back",
            deciding: { transaction, _ in
                if transaction.isHandBack, let born = transaction.record?.createdAt {
                    transaction.record?.createdAt = born + (.zero - .days(90))
                }
            }),
        Mutant(12, "the recalled segment is not cancelled") { consequences, _, _ in consequences.outbox.removeAll { $0.kind == .cancel } },
        Mutant(13, "an operator's path skips the guard of the halt", store: { UnguardedMoves(base: $0) }),
        Mutant(14, "the end of a halt is lost", store: { StuckHalt(base: $0) }),
        Mutant(14, "events told to a segment stay its own after the recall") { consequences, transaction, _ in
            if transaction.isRecall { consequences.keepSignalled() }
        },
        Mutant(14, "events told to a segment stay its own after the hand back") { consequences, transaction, _ in
            if transaction.isHandBack { consequences.keepSignalled() }
        },
        Mutant(15, "legacy goes on although the durable side has the entity") { consequences, transaction, _ in
            if transaction.isHandOff { consequences.ownership.owner = .legacy }
        },
        Mutant(16, "parked events stay parked", rates: [.delay: 0.2, .reorder: 0.3]) { consequences, _, _ in
            consequences.rows.removeAll { consequences.unparked.contains($0.sequence) }
            consequences.requeued.removeAll { consequences.unparked.contains($0.sequence) }
        },
        Mutant(
            17, "an inclusive watermark handles the last event again",
            store: { [position = InclusiveWatermark.Position()] in InclusiveWatermark(base: $0, position: position) }),
        Mutant(18, "the sweep sends no timer") { consequences, _, _ in consequences.appended.removeAll { $0.source == .timer } },
        Mutant(20, "a recall is forgotten: the step may go to the durable side again") { consequences, transaction, _ in
            if transaction.isRecall { consequences.ownership.pins = [:] }
        },
        Mutant(
            22, "a repeated webhook is news", rates: [.duplicate: 0.3],
            store: {
                BendingInbox(base: $0) { event in
                    event.id = EventID("\(event.id)-\(event.receivedAt)")
                    event.subject = nil
                }
            }),
        Mutant(
            23, "an early event is answered and dropped", rates: [.delay: 0.2, .reorder: 0.3]
        ) { consequences, _, _ in
            for index in consequences.rows.indices where consequences.rows[index].disposition == .parked {
                consequences.rows[index].disposition = .consumed
            }
        },
    ]
}
