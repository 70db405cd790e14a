import DurableWorkflow
import Events
import HybridRouter
import Outcomes

/// The hand-off store with a failing disk under it, and a process that dies at its calls.
struct FaultyHandoffStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let faults: FaultInjector
    /// Something that happens elsewhere between what a writer has read and what it writes: an operator's recall.
    let meanwhile: @Sendable (EntityID) async -> Void
    let turns: Turns

    private func read<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await turns.aroundRead { try await faults.read(body) }
    }

    private func write<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await turns.around { try await faults.write(body) }
    }

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        try await write { try await base.accept(arrivals, at: now) }
    }
    func snapshot(of entity: EntityID) async throws -> EntitySnapshot? { try await read { try await base.snapshot(of: entity) } }
    func row(_ sequence: Int) async throws -> InboxRow? { try await read { try await base.row(sequence) } }
    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let isRecall = transaction.moves.contains { if case .recalled = $0 { true } else { false } }
        if !isRecall, faults.strikes(faults.onRecall) { await meanwhile(transaction.entity) }
        return try await write { try await base.commit(transaction) }
    }
    func keep(_ effects: [LedgerEntry]) async throws { try await write { try await base.keep(effects) } }
    func ledger(of entity: EntityID) async throws -> [LedgerEntry] { try await read { try await base.ledger(of: entity) } }
    func reply(to key: EffectKey) async throws -> JSONValue? { try await read { try await base.reply(to: key) } }
    func intend(_ call: EffectCall) async throws -> IntentionResult { try await write { try await base.intend(call) } }
    func withdraw(_ key: EffectKey) async throws { try await write { try await base.withdraw(key) } }
    func intention(_ key: EffectKey) async throws -> EffectCall? { try await read { try await base.intention(key) } }
    func intentions() async throws -> [EffectCall] { try await read { try await base.intentions() } }
    func durableOwnerships(after entity: EntityID?, limit: Int) async throws -> [Ownership] {
        try await read { try await base.durableOwnerships(after: entity, limit: limit) }
    }
    func quarantine(_ item: Quarantined) async throws { try await write { try await base.quarantine(item) } }
    func quarantined() async throws -> [Quarantined] { try await read { try await base.quarantined() } }
    func release(_ entity: EntityID) async throws -> [QueuedRow] { try await write { try await base.release(entity) } }
    func pendingRows() async throws -> [QueuedRow] { try await read { try await base.pendingRows() } }
    func pendingOutbox() async throws -> [OutboxMessage] { try await read { try await base.pendingOutbox() } }
    func markDone(_ message: OutboxMessage) async throws { try await write { try await base.markDone(message) } }
    func due(at now: Timestamp) async throws -> [EntityID] { try await read { try await base.due(at: now) } }
    func value(_ name: String) async throws -> String? { try await read { try await base.value(name) } }
    func set(_ name: String, to value: String?) async throws { try await write { try await base.set(name, to: value) } }
    func flush() async throws { try await write { try await base.flush() } }
}

/// The engine's store with a failing disk under it, and a process that dies at its calls.
struct FaultyWorkflowStore: ForwardingWorkflowStore {
    let base: any WorkflowStore
    let faults: FaultInjector

    func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        try await faults.read { try await base.run(workflowID, runID: runID) }
    }
    func history(_ run: Int64) async throws -> [HistoryEvent] { try await faults.read { try await base.history(run) } }
    func commit(_ changes: [WorkflowChange]) async throws { try await faults.write { try await base.commit(changes) } }
}

/// The parties with a bad line to them.
struct FaultyEffects: EffectPort {
    let base: any EffectPort
    let faults: FaultInjector
    /// Something that happens elsewhere in the process while a call is under way: an operator's recall.
    let meanwhile: @Sendable (EntityID) async -> Void
    let turns: Turns
    /// Writes down who asked when, and what was refused.
    var recorder: RunRecorder?

    func kind(of operation: String) -> PartyKind { base.kind(of: operation) }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        try await takeTurn("\(call.key)")
        recorder?.asked(for: call.key.entity)
        let reply = try await answer(call)
        await turns.pause()
        return reply
    }

    /// Waits for its turn. A process that is dead calls nobody.
    private func takeTurn(_ what: @autoclosure () -> String) async throws(EffectError) {
        await turns.pause()
        if turns.isOver { throw EffectError(.unknownOutcome, vendorCode: "timeout", message: "\(what()): the process has died") }
    }

    private func answer(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let fault = faults.strike(faults.onCall)
        switch fault {
        case .crash where faults.isHeads(), .slow: return try refuse(call, fault, isPerformed: false)
        case .tooManyRequests:
            let error = EffectError(
                .temporary, vendorCode: "429", message: "\(call.key): too many requests", retryAfter: .seconds(7))
            recorder?.failed(call.key, .call(isPerformed: false), error)
            throw error
        default: break
        }
        if fault == .recall, faults.isHeads() { await meanwhile(call.key.entity) }
        let reply = try await base.perform(outside(call))
        switch fault {
        case .crash, .responseLost: return try refuse(call, fault, isPerformed: true)
        case .recall: await meanwhile(call.key.entity)
        default: break
        }
        return reply
    }

    /// A party has a clock of its own: the process' may be wrong.
    private func outside(_ call: EffectCall) -> EffectCall {
        var call = call
        call.at = faults.now
        return call
    }

    /// A process that dies is told nothing, so a crash is no answer of the party.
    private func refuse(_ call: EffectCall, _ fault: Fault?, isPerformed: Bool) throws(EffectError) -> JSONValue {
        let error = Self.timeout("\(call.key)")
        if fault == .crash { _ = faults.crash() } else { recorder?.failed(call.key, .call(isPerformed: isPerformed), error) }
        throw error
    }

    private static func timeout(_ what: String) -> EffectError {
        EffectError(.unknownOutcome, vendorCode: "timeout", message: "\(what): no answer in 10 s")
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        try await takeTurn("\(key)")
        recorder?.asked(for: key.entity)
        if faults.strikes(faults.onSlowRead) {
            let error = Self.timeout("\(key)")
            recorder?.failed(key, .lookUp, error)
            throw error
        }
        return try await base.reply(to: key)
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        try await takeTurn(query.operation)
        recorder?.asked(for: query.entity)
        if faults.strikes(faults.onSlowRead) {
            let error = Self.timeout(query.operation)
            recorder?.failed(query, error)
            throw error
        }
        return try await base.read(query)
    }
}

extension PortWrapper {
    /// Ports that fail as `faults` says, of a process that runs live.
    package static func failing(_ faults: FaultInjector) -> PortWrapper { failing(faults, meanwhile: { _ in }, turns: Turns(seed: 0)) }

    /// The same with what happens in the middle of a call, and whose turn it is.
    static func failing(
        _ faults: FaultInjector, meanwhile: @escaping @Sendable (EntityID) async -> Void, turns: Turns, recorder: RunRecorder? = nil
    ) -> PortWrapper {
        PortWrapper(
            handoffs: { FaultyHandoffStore(base: $0, faults: faults, meanwhile: meanwhile, turns: turns) },
            workflows: { FaultyWorkflowStore(base: $0, faults: faults) },
            effects: { FaultyEffects(base: $0, faults: faults, meanwhile: meanwhile, turns: turns, recorder: recorder) })
    }
}
