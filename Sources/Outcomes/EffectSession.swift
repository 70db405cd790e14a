public import Events
import Synchronization

/// What a session needs of the place where effects are recorded.
public protocol EffectLedger: Sendable {
    /// The reply that the ledger has for a key; nil when it has none.
    func reply(to key: EffectKey) async throws -> JSONValue?
    /// Stores the intention to perform an effect; it is durable when the call returns. The ledger's entry replaces it. Nothing is stored
    /// when the key has an intention or a reply already: somebody else, a former owner for example, may have come first.
    func intend(_ call: EffectCall) async throws -> IntentionResult
    /// Forgets an intention that certainly was not carried out.
    func withdraw(_ key: EffectKey) async throws
    /// The intention under `key` that has no result; nil for none.
    func intention(_ key: EffectKey) async throws -> EffectCall?
}

/// What became of an intention.
public enum IntentionResult: Hashable, Sendable {
    /// It is stored, and whoever stored it may call.
    case noted
    /// An intention that has no result stands already.
    case begun(EffectCall)
    /// The effect was performed, with this reply.
    case performed(JSONValue)
}

/// The effects of one handled event or one activity: performs each key at most once and collects the ledger entries to store.
///
/// A legacy action and a durable activity hold the same type, so they call the same domain functions. One
/// session belongs to one handling. A key that is in the ledger is answered from it. What else is done before a call depends on
/// what the other side does with a key that it knows, see ``PartyKind``.
public final class EffectSession: Sendable {
    private struct State {
        var entries: [LedgerEntry] = []
        var reads: [RecordedRead] = []
        var failures: [RecordedFailure] = []
        var unresolved: EffectKey?
        var known: [EffectKey: JSONValue] = [:]
    }

    /// The entity whose event is handled.
    public let entity: EntityID
    /// The moment at which the handling runs.
    public let now: Timestamp
    /// Entries that are new since the session began, in the order performed; stored with the record, also when the action failed.
    public var entries: [LedgerEntry] { state.withLock { $0.entries } }
    /// What was read outside since the session began, in order.
    public var reads: [RecordedRead] { state.withLock { $0.reads } }
    /// What failed outside since the session began, in order. Nobody stores it; a shadow is told.
    public var failures: [RecordedFailure] { state.withLock { $0.failures } }
    /// The effect that nobody knows the result of, when the session came to one; a person has to say what became of it.
    public var unresolved: EffectKey? { state.withLock { $0.unresolved } }

    private let port: any EffectPort
    private let owner: Owner
    private let epoch: Int
    private let attempt: Int
    private let completions: [StepNumber: Int]
    private let ledger: any EffectLedger
    private let state = Mutex(State())

    /// A session under (`owner`, `epoch`). `completions` says how often each step was completed before, which tells its visits apart.
    public init(
        entity: EntityID, now: Timestamp, owner: Owner, epoch: Int, attempt: Int, completions: [StepNumber: Int] = [:],
        ledger: any EffectLedger, port: any EffectPort
    ) {
        self.entity = entity
        self.now = now
        self.owner = owner
        self.epoch = epoch
        self.attempt = attempt
        self.completions = completions
        self.ledger = ledger
        self.port = port
    }

    /// A session over a ledger that is in memory.
    public convenience init(
        entity: EntityID, now: Timestamp, owner: Owner, epoch: Int, attempt: Int, ledger: [LedgerEntry], port: any EffectPort
    ) {
        let replies = Dictionary(ledger.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })
        self.init(entity: entity, now: now, owner: owner, epoch: epoch, attempt: attempt, ledger: FixedLedger(replies: replies), port: port)
    }

    /// The number of the visit that the entity makes to `step`, from 1.
    public func visit(of step: StepNumber) -> Int { (completions[step] ?? 0) + 1 }

    /// Performs `operation` for `step` once a visit and returns its reply; see ``EffectKey`` for the meaning of the parameters.
    @discardableResult
    public func perform(
        _ operation: String, step: StepNumber, ordinal: Int = 1, request: JSONValue = [:]
    ) async throws(EffectError) -> JSONValue {
        let key = EffectKey(entity: entity, step: step, visit: visit(of: step), operation: operation, ordinal: ordinal)
        if let reply = state.withLock({ $0.known[key] }) { return reply }
        if let reply = try await recorded(key, { try await self.ledger.reply(to: key) }) { return reply }
        let call = EffectCall(key: key, request: request, owner: owner, epoch: epoch, attempt: attempt, at: now)
        let reply = try await noting({ RecordedFailure(call, $0) }) { () throws(EffectError) in try await once(call) }
        state.withLock { state in
            state.known[key] = reply
            state.entries.append(LedgerEntry(call, reply: reply))
        }
        return reply
    }

    /// Reads something without consequences; what was read is recorded.
    public func read(_ operation: String, request: JSONValue = [:]) async throws(EffectError) -> JSONValue {
        let query = ReadQuery(entity: entity, operation: operation, request: request, at: now)
        let reply = try await noting({ RecordedFailure(query, $0) }) { () throws(EffectError) in try await port.read(query) }
        let read = RecordedRead(
            entity: entity, operation: operation, request: request, reply: reply, owner: owner, epoch: epoch, at: now)
        state.withLock { $0.reads.append(read) }
        return reply
    }

    private func noting(
        _ failure: (EffectError) -> RecordedFailure, _ body: () async throws(EffectError) -> JSONValue
    ) async throws(EffectError) -> JSONValue {
        do { return try await body() } catch {
            state.withLock { $0.failures.append(failure(error)) }
            throw error
        }
    }

    private func recorded<Value>(_ key: EffectKey, _ body: () async throws -> Value) async throws(EffectError) -> Value {
        do { return try await body() } catch {
            throw EffectError(.temporary, vendorCode: "ledger", message: "\(key): the ledger cannot be read or written: \(error)")
        }
    }

    private func once(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        switch port.kind(of: call.key.operation) {
        case .refusesKnownKeys: try await performOrLookUp(call, first: call.attempt > 1)
        case .answersLookUps: try await performOrLookUp(call, first: true)
        case .neither: try await performIntended(call)
        }
    }

    private func performOrLookUp(_ call: EffectCall, first looksFirst: Bool) async throws(EffectError) -> JSONValue {
        if looksFirst, let reply = try await port.reply(to: call.key) { return reply }
        do {
            return try await port.perform(call)
        } catch {
            guard error.code == .duplicate, let reply = try await port.reply(to: call.key) else { throw error }
            return reply
        }
    }

    /// The party tells nobody what it has done: a call that was begun and has no result is never repeated by itself.
    private func performIntended(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let key = call.key
        switch try await recorded(key, { try await self.ledger.intend(call) }) {
        case .noted: break
        case .begun(let begun): throw stranded(begun)
        case .performed(let reply): return reply
        }
        do { return try await port.perform(call) } catch {
            guard error.code == .temporary || error.code == .refused else { throw stranded(call) }
            try await recorded(key) { try await self.ledger.withdraw(key) }
            throw error
        }
    }

    private func stranded(_ call: EffectCall) -> EffectError {
        state.withLock { $0.unresolved = call.key }
        return EffectError(
            .unresolved, vendorCode: "lockstep",
            message: "\(call.key): begun at \(call.at), and its party cannot say whether it was done; find out, then settle it with"
                + " 'lockstep migrate settle'")
    }
}

/// Replies that are in memory; nothing can be intended.
private struct FixedLedger: EffectLedger {
    let replies: [EffectKey: JSONValue]

    func reply(to key: EffectKey) async throws -> JSONValue? { replies[key] }
    func intend(_ call: EffectCall) async throws -> IntentionResult { .noted }
    func withdraw(_ key: EffectKey) async throws {}
    func intention(_ key: EffectKey) async throws -> EffectCall? { nil }
}
