public import Events

/// How an outside is to answer, as the `world` lines of a recording say it.
///
/// A line is `{"entity", "operation", "ordinal"?, "attempts"?, "until"?, "answer"}`: the first `attempts` attempts of each try (1), or all
/// calls before `until`, fail as `answer` says: `429`, `500`, `591`, `timeout` (nothing done), `timeout-after-success`, `refused:CODE`. Or
/// it is `{"entity", "operation", "ordinal"?, "reply"}`: what is said to that call or read.
/// `registration` may stand for `entity`.
public struct AnswerScripts: Sendable {
    private struct Failure: Hashable {
        let attempts: Int
        let until: Timestamp
        let answer: String
    }

    private var failures: [String: Failure] = [:]
    private var replies: [String: JSONValue] = [:]

    /// No scripts.
    public init() {}

    /// Takes the body of a `world` line. Throws a sentence when it is none.
    public mutating func take(_ body: JSONValue) throws(TraceError) {
        guard let entity = (body["entity"] ?? body["registration"])?.string else { throw TraceError("a world line: expected \"entity\"") }
        guard let operation = body["operation"]?.string else { throw TraceError("a world line: expected \"operation\"") }
        let place = Self.place(EntityID(entity), operation, body["ordinal"]?.integer ?? 1)
        if let reply = body["reply"] {
            replies[place] = reply
            return
        }
        guard let answer = body["answer"]?.string else { throw TraceError("a world line: expected \"answer\" or \"reply\"") }
        let until = body["until"]?.string.flatMap { Timestamp($0) }
        let attempts = body["attempts"]?.integer ?? (until == nil ? 1 : .max)
        failures[place] = Failure(attempts: attempts, until: until ?? .distantFuture, answer: answer)
    }

    /// How a call fails, and whether it is performed all the same; nil when it succeeds.
    public func failure(of call: EffectCall) -> (error: EffectError, isPerformed: Bool)? {
        guard let script = failures[Self.place(call.key.entity, call.key.operation, call.key.ordinal)], call.attempt <= script.attempts,
            call.at < script.until
        else { return nil }
        return (Self.error(script.answer, call), script.answer == "timeout-after-success")
    }

    /// What is said to a call that succeeds; nil when no line says it.
    public func reply(to call: EffectCall) -> JSONValue? { replies[Self.place(call.key.entity, call.key.operation, call.key.ordinal)] }

    /// What is said to a read; nil when no line says it.
    public func answer(to query: ReadQuery) -> JSONValue? { replies[Self.place(query.entity, query.operation, 1)] }

    private static func place(_ entity: EntityID, _ operation: String, _ ordinal: Int) -> String { "\(entity) \(operation) \(ordinal)" }

    private static func error(_ answer: String, _ call: EffectCall) -> EffectError {
        switch answer {
        case "timeout", "timeout-after-success":
            EffectError(.unknownOutcome, vendorCode: "timeout", message: "\(call.key): no answer in 10 s")
        case "591", "630": EffectError(.temporary, vendorCode: answer, message: "\(call.key): temporary", retryAfter: .seconds(30))
        case _ where answer.hasPrefix("refused"):
            EffectError(.refused, vendorCode: String(answer.dropFirst("refused:".count)), message: "\(call.key): refused")
        default: EffectError(.temporary, vendorCode: answer, message: "\(call.key): temporary")
        }
    }
}
