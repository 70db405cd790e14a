public import Events
import Synchronization

/// Answers calls and reads from what an owner has done and heard. Nothing is performed, and there is no way to reach anybody.
///
/// A call is answered by its key, whatever its request says: what failed fails as often, and then it succeeds if it ever did. A read is
/// answered by the answer to the same question that was given nearest to its moment: who looks every day looks an hour earlier or later
/// than another. What was never answered stops whoever asks: the call is ``EffectError/Code/unresolved``.
public final class RecordedEffects: EffectPort {
    private struct State {
        var failures: [EffectKey: [EffectError]]
        var answered = 0
        var missingCalls: [EffectCall] = []
        var missingReads: [ReadQuery] = []
    }

    /// An answer to a question, and when it was given.
    private struct Answer {
        let at: Timestamp
        let result: Result<JSONValue, EffectError>

        func distance(to moment: Timestamp) -> UInt64 { (at.milliseconds - moment.milliseconds).magnitude }
    }

    private struct Question: Hashable {
        let operation: String
        let request: JSONValue
    }

    private let replies: [EffectKey: JSONValue]
    /// What a call comes to whose every attempt has failed.
    private let lastFailures: [EffectKey: EffectError]
    private let answers: [Question: [Answer]]
    private let state: Mutex<State>

    /// What an owner has done and heard, in order.
    public init(ledger: [LedgerEntry], reads: [RecordedRead], failures: [RecordedFailure] = []) {
        replies = Dictionary(ledger.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })
        let calls = failures.compactMap { failure in failure.key.map { ($0, failure.error) } }
        lastFailures = Dictionary(calls, uniquingKeysWith: { $1 })
        state = Mutex(State(failures: Dictionary(grouping: calls, by: \.0).mapValues { $0.map(\.1) }))
        var answers: [Question: [Answer]] = [:]
        for read in reads {
            let question = Question(operation: read.operation, request: read.request)
            answers[question, default: []].append(Answer(at: read.at, result: .success(read.reply)))
        }
        for failure in failures where failure.key == nil {
            let question = Question(operation: failure.operation, request: failure.request)
            answers[question, default: []].append(Answer(at: failure.at, result: .failure(failure.error)))
        }
        self.answers = answers.mapValues { all in all.sorted { $0.at < $1.at } }
    }

    /// The calls that the ledger does not have, in order.
    public var missingCalls: [EffectCall] { state.withLock { $0.missingCalls } }
    /// The reads that nobody has made before, in order.
    public var missingReads: [ReadQuery] { state.withLock { $0.missingReads } }
    /// How many calls and reads were answered.
    public var answered: Int { state.withLock { $0.answered } }

    /// Required by ``EffectPort``, which says what it does.
    public func kind(of operation: String) -> PartyKind { .refusesKnownKeys }

    /// Required by ``EffectPort``, which says what it does.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let failure = state.withLock { state -> EffectError? in
            guard let next = state.failures[call.key]?.first else { return nil }
            state.answered += 1
            state.failures[call.key]?.removeFirst()
            return next
        }
        if let failure { throw failure }
        if let reply = replies[call.key] { return answer(reply) }
        if let failure = lastFailures[call.key] { throw failure }
        state.withLock { $0.missingCalls.append(call) }
        throw EffectError(.unresolved, vendorCode: "recorded", message: "\(call.key): expected a recorded call, found none such")
    }

    /// Required by ``EffectPort``, which says what it does. While an attempt is left that failed, nothing is known.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        guard state.withLock({ $0.failures[key]?.isEmpty ?? true }) else { return nil }
        return replies[key].map(answer)
    }

    /// Required by ``EffectPort``, which says what it does.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        let same = answers[Question(operation: query.operation, request: query.request)] ?? []
        let nearest = same.min { $0.distance(to: query.at) < $1.distance(to: query.at) }
        if let nearest { return answer(try nearest.result.get()) }
        state.withLock { $0.missingReads.append(query) }
        throw EffectError(.unresolved, vendorCode: "recorded", message: "\(query.operation): expected a recorded read, found none such")
    }

    private func answer(_ value: JSONValue) -> JSONValue {
        state.withLock { $0.answered += 1 }
        return value
    }
}
