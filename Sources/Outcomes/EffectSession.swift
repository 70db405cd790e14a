public import Events

/// The effects of one handled event or one activity: performs each key at most once and collects the ledger entries to store.
///
/// A legacy action and a durable activity hold the same type, so they call the same domain functions. Not thread-safe: one
/// session belongs to one handling. A key that is in the ledger is answered from it; a key that the other side has seen before
/// (crash or timeout after success) is looked up and never performed again.
public final class EffectSession {
    /// The entity whose event is handled.
    public let entity: EntityID
    /// The moment at which the handling runs.
    public let now: Timestamp
    /// Entries that are new since the session began, in the order performed; stored with the record, also when the action failed.
    public private(set) var entries: [LedgerEntry] = []

    private let port: any EffectPort
    private let owner: String
    private let epoch: Int
    private let attempt: Int
    private let recall: (EffectKey) async throws -> JSONValue?
    private var known: [EffectKey: JSONValue] = [:]

    /// A session under (`owner`, `epoch`); `recall` finds the reply that the entity's ledger has for a key.
    public init(
        entity: EntityID, now: Timestamp, owner: String, epoch: Int, attempt: Int, port: any EffectPort,
        recall: @escaping (EffectKey) async throws -> JSONValue?
    ) {
        self.entity = entity
        self.now = now
        self.owner = owner
        self.epoch = epoch
        self.attempt = attempt
        self.port = port
        self.recall = recall
    }

    /// A session over a ledger that is in memory.
    public convenience init(
        entity: EntityID, now: Timestamp, owner: String, epoch: Int, attempt: Int, ledger: [LedgerEntry], port: any EffectPort
    ) {
        let replies = Dictionary(ledger.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })
        self.init(entity: entity, now: now, owner: owner, epoch: epoch, attempt: attempt, port: port, recall: { replies[$0] })
    }

    /// Performs `operation` for `step` once and returns its reply; see ``EffectKey`` for the meaning of the parameters.
    @discardableResult
    public func perform(
        _ operation: String, step: String, ordinal: Int = 1, request: JSONValue = [:]
    ) async throws(EffectError) -> JSONValue {
        let key = EffectKey(entity: entity, step: step, operation: operation, ordinal: ordinal)
        if let reply = known[key] { return reply }
        if let reply = try await recorded(key) { return reply }
        let call = EffectCall(key: key, request: request, owner: owner, epoch: epoch, attempt: attempt, at: now)
        let reply = try await performOrLookUp(call)
        known[key] = reply
        entries.append(
            LedgerEntry(key: key, request: request, reply: reply, owner: owner, epoch: epoch, attempt: attempt, at: now))
        return reply
    }

    /// Reads something without consequences.
    public func read(_ operation: String, request: JSONValue = [:]) async throws(EffectError) -> JSONValue {
        try await port.read(ReadQuery(entity: entity, operation: operation, request: request, at: now))
    }

    private func recorded(_ key: EffectKey) async throws(EffectError) -> JSONValue? {
        do { return try await recall(key) } catch {
            throw EffectError(.temporary, vendorCode: "ledger", message: "\(key): the ledger cannot be read: \(error)")
        }
    }

    private func performOrLookUp(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if call.attempt > 1, let reply = try await port.reply(to: call.key) { return reply }
        do {
            return try await port.perform(call)
        } catch {
            guard error.code == .duplicate, let reply = try await port.reply(to: call.key) else { throw error }
            return reply
        }
    }
}
