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

    var testDescription: String { "\(number) \(story)" }

    /// A bug in what a transaction of the hand-off store writes.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:], bend: @escaping @Sendable (inout Change, EntitySnapshot) -> Void
    ) {
        self.init(number, story, store: { BendingStore(base: $0, bend: bend) })
        self.rates = rates
    }

    /// A bug in the hand-off store.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:], store: @escaping @Sendable (any HandoffStore) -> any HandoffStore
    ) {
        self.init(number, story, ports: PortWrapper(handoffs: store))
        self.rates = rates
    }

    /// A bug anywhere.
    init(_ number: Int, _ story: String, ports: PortWrapper) {
        self.number = number
        self.story = story
        self.ports = ports
    }

    /// A bug of the storage itself.
    init(_ number: Int, _ story: String, storage: @escaping @Sendable (inout Change, EntitySnapshot) -> Void) {
        self.number = number
        self.story = story
        self.storage = { BendingStore(base: $0, bend: storage) }
    }
}

/// Changes what is written, knowing what is stored.
private struct BendingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let bend: @Sendable (inout Change, EntitySnapshot) -> Void

    func commit(_ change: Change) async throws -> Committed {
        var change = change
        if let stored = try await base.snapshot(of: change.entity) { bend(&change, stored) }
        return try await base.commit(change)
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

    func commit(_ change: Change) async throws -> Committed {
        let committed = try await base.commit(change)
        if let row = change.rows.first(where: { $0.disposition == .consumed }), let stored = try await base.row(row.sequence) {
            position.last.withLock {
                $0 = QueuedRow(sequence: row.sequence, entity: change.entity, priority: 1, attempt: 1, visibleAt: stored.visibleAt)
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

    func commit(_ change: Change) async throws -> Committed {
        var change = change
        change.unlessHalted = false
        return try await base.commit(change)
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
        call.key.step += "@\(call.epoch)"
        return try await base.perform(call)
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
}

/// A ledger that does not know what the other engine has performed.
private struct ForgetfulLedger: ForwardingHandoffStore {
    let base: any HandoffStore
    func reply(to key: EffectKey) async throws -> JSONValue? { nil }
}

/// Waits for a moment at which nothing of the entity is open before it hands off.
private struct IdleGate: ForwardingHandoffStore {
    let base: any HandoffStore

    func commit(_ change: Change) async throws -> Committed {
        if change.unlessHalted, try await base.rows(of: change.entity).contains(where: { $0.disposition == .pending }) {
            throw MigrationHalted()
        }
        return try await base.commit(change)
    }
}

extension Change {
    fileprivate var isRecall: Bool { counters.contains("recalls") || counters.contains("failures") }
    fileprivate var isHandBack: Bool { counters.contains("handBacks") }
    fileprivate var isHandOff: Bool { counters.contains("handOffs") }
}

extension Mutant {
    /// One or more for every bug of the catalogue that router, bridge, store or engine can have.
    static let all: [Mutant] = [
        Mutant(1, "an event that the segment used is also given back to legacy", storage: { change, _ in change.consumedEvents = [] }),
        Mutant(
            2, "two events share an id, and deduplication eats one",
            store: { BendingInbox(base: $0, bend: { $0.id = EventID("\($0.source)-\($0.kind)-\($0.reference)") }) }),
        Mutant(3, "an event is done when the segment has been told, not when it has used it") { change, _ in
            for index in change.rows.indices where change.rows[index].disposition == .signalled {
                change.rows[index].disposition = .consumed
            }
        },
        Mutant(4, "legacy is not woken after the hand back") { change, _ in
            if change.isHandBack { change.append.removeAll { $0.kind == .continue } }
        },
        Mutant(5, "no fence: a write counts under whatever epoch", rates: [.recall: 0.1]) { change, stored in
            change.epoch = stored.ownership.epoch
        },
        Mutant(6, "a second segment of an entity gets the id of its first") { change, _ in
            for index in change.outbox.indices where change.outbox[index].kind == .start { change.outbox[index].epoch = 2 }
        },
        Mutant(7, "the record is not read back when a step is taken back") { change, _ in
            if change.isRecall { change.record?.state = "BRAND_SUBMITTED" }
        },
        Mutant(
            8, "an effect's key is made anew by each owner",
            ports: PortWrapper(handoffs: { ForgetfulLedger(base: $0) }, effects: { RenamedEffects(base: $0) })),
        Mutant(9, "completed steps are open again after a recall") { change, _ in if change.isRecall { change.ownership?.completed = [] } },
        Mutant(10, "the hand-off waits for a moment that never comes", store: { IdleGate(base: $0) }),
        Mutant(11, "the sweeper's next look is forgotten at a recall", rates: [.recall: 0.05, .loss: 0.3]) { change, _ in
            if change.isRecall { change.record?.dueAt = nil }
        },
        Mutant(11, "the time of birth is shifted at the hand back") { change, _ in
            if change.isHandBack, let born = change.record?.createdAt { change.record?.createdAt = born + (.zero - .days(90)) }
        },
        Mutant(12, "the recalled segment is not cancelled") { change, _ in change.outbox.removeAll { $0.kind == .cancel } },
        Mutant(13, "an operator's path skips the guard of the halt", store: { UnguardedMoves(base: $0) }),
        Mutant(14, "the end of a halt is lost", store: { StuckHalt(base: $0) }),
        Mutant(14, "events told to a segment stay its own after the recall") { change, _ in
            if change.isRecall { change.requeueSignalled = false }
        },
        Mutant(14, "events told to a segment stay its own after the hand back") { change, _ in
            if change.isHandBack { change.requeueSignalled = false }
        },
        Mutant(15, "legacy goes on although the durable side has the entity") { change, _ in
            if change.isHandOff { change.ownership?.owner = .legacy }
        },
        Mutant(16, "parked events stay parked", rates: [.delay: 0.2, .reorder: 0.3]) { change, _ in change.unpark = false },
        Mutant(
            17, "an inclusive watermark handles the last event again",
            store: { [position = InclusiveWatermark.Position()] in InclusiveWatermark(base: $0, position: position) }),
        Mutant(18, "the sweep sends no timer") { change, _ in change.append.removeAll { $0.source == .timer } },
        Mutant(20, "a recall is forgotten: the step may go to the durable side again") { change, _ in
            if change.isRecall { change.ownership?.pins = [:] }
        },
        Mutant(
            22, "a repeated webhook is news", rates: [.duplicate: 0.3],
            store: {
                BendingInbox(base: $0) { event in
                    event.id = EventID("\(event.id)-\(event.receivedAt)")
                    event.subject = nil
                }
            }),
        Mutant(23, "an early event is answered and dropped", rates: [.delay: 0.2, .reorder: 0.3]) { change, _ in
            for index in change.rows.indices where change.rows[index].disposition == .parked { change.rows[index].disposition = .consumed }
        },
    ]
}
