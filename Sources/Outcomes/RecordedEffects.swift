public import Events
import Synchronization

/// Answers calls and reads from what an owner has done and heard. Nothing is performed, and there is no way to reach anybody.
///
/// A call is answered by its key, whatever its request says, and a read by the last answer to the same question before it, or else by the
/// first. What was never answered stops whoever asks: the call is ``EffectError/Code/unresolved``.
public final class RecordedEffects: EffectPort {
    private let replies: [EffectKey: JSONValue]
    private let reads: [RecordedRead]
    private let missing = Mutex<(calls: [EffectCall], reads: [ReadQuery])>(([], []))

    /// What an owner has done and heard, in order.
    public init(ledger: [LedgerEntry], reads: [RecordedRead]) {
        replies = Dictionary(ledger.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })
        self.reads = reads
    }

    /// The calls that the ledger does not have, in order.
    public var missingCalls: [EffectCall] { missing.withLock { $0.calls } }
    /// The reads that nobody has made before, in order.
    public var missingReads: [ReadQuery] { missing.withLock { $0.reads } }

    /// Required by ``EffectPort``, which says what it does.
    public func kind(of operation: String) -> PartyKind { .refusesKnownKeys }

    /// Required by ``EffectPort``, which says what it does.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        if let reply = replies[call.key] { return reply }
        missing.withLock { $0.calls.append(call) }
        throw EffectError(.unresolved, vendorCode: "recorded", message: "\(call.key): expected a recorded call, found none such")
    }

    /// Required by ``EffectPort``, which says what it does.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { replies[key] }

    /// Required by ``EffectPort``, which says what it does.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        let same = reads.filter { $0.operation == query.operation && $0.request == query.request }
        if let read = same.last(where: { $0.at <= query.at }) ?? same.first { return read.reply }
        missing.withLock { $0.reads.append(query) }
        throw EffectError(.unresolved, vendorCode: "recorded", message: "\(query.operation): expected a recorded read, found none such")
    }
}
