public import Events
public import Outcomes
import Synchronization

/// The outside as our code sees it: registry, partner, vetting provider, carriers, number provider, billing, notifications.
///
/// It answers with deterministic ids, performs a key as often as parties of its kind do, knows what has happened whether or not
/// the webhook reached us, enforces rate limits, and misbehaves as the trace's `world` lines say.
public final class World: EffectPort {
    private struct State {
        var truths: [EntityID: WorldTruth] = [:]
        var replies: [EffectKey: JSONValue] = [:]
        var scripts = AnswerScripts()
        var limiter: RateLimiter
    }

    private let journal: any EffectJournal
    private let parties: PartyKind
    private let state: Mutex<State>
    private let onCall: (@Sendable (WorldCall) -> Void)?

    /// A world that remembers what `journal` has. `limits` are enforced on the calls' own (virtual) times. `parties` is what everybody
    /// out there does with a key that is known; the registry and its like refuse it. `onCall` is told of every effect at the moment it
    /// is performed, and of every read.
    public init(
        journal: any EffectJournal, limits: RateLimits = .none, parties: PartyKind = .refusesKnownKeys,
        onCall: (@Sendable (WorldCall) -> Void)? = nil
    ) {
        self.journal = journal
        self.parties = parties
        self.onCall = onCall
        let replies = Dictionary(journal.entries.map { ($0.key, $0.reply) }, uniquingKeysWith: { first, _ in first })
        state = Mutex(State(replies: replies, limiter: RateLimiter(limits)))
    }

    private init(copying other: World) {
        journal = MemoryJournal()
        (parties, onCall) = (other.parties, nil)
        state = Mutex(other.state.withLock { $0 })
    }

    /// A world of its own that knows what this one knows now, and tells nobody of calls.
    package func fork() -> World { World(copying: self) }

    /// All that it knows and that can still matter, as text. Scripts are the recording's, the same for all copies.
    package var standing: String {
        state.withLock { state in
            let truths = state.truths.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.standing)" }
            return (truths + state.replies.keys.map(\.description).sorted()).joined(separator: "\n")
        }
    }

    /// Tells the world of something that has happened there.
    public func occur(_ kind: EventKind, _ payload: JSONValue, entity: EntityID, at moment: Timestamp) {
        state.withLock { $0.truths[entity, default: WorldTruth()].occur(kind, payload, at: moment) }
    }

    /// Scripts an answer as ``AnswerScripts`` says, or a fact: `{"registration", "fact", "value"}`.
    public func script(_ body: JSONValue) throws(TraceError) {
        guard let fact = body["fact"]?.string, let entity = body["registration"]?.string else {
            let result: Result<Void, TraceError> = state.withLock { state in
                do throws(TraceError) { return .success(try state.scripts.take(body)) } catch { return .failure(error) }
            }
            return try result.get()
        }
        state.withLock { $0.truths[EntityID(entity), default: WorldTruth()].set(fact, body["value"] ?? .null, at: .distantPast) }
    }

    /// The same for every operation.
    public func kind(of operation: String) -> PartyKind { parties }

    /// Required by ``EffectPort``, which says what it does.
    public func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        let result: Result<JSONValue, EffectError> = state.withLock { state in perform(call, &state) }
        return try result.get()
    }

    private func perform(_ call: EffectCall, _ state: inout State) -> Result<JSONValue, EffectError> {
        if parties == .refusesKnownKeys, state.replies[call.key] != nil {
            return .failure(EffectError(.duplicate, vendorCode: "503", message: "\(call.key) was performed before"))
        }
        if let wait = state.limiter.wait(for: call.key.operation, at: call.at) {
            return .failure(EffectError(.temporary, vendorCode: "429", message: "\(call.key): too many requests", retryAfter: wait))
        }
        let failure = state.scripts.failure(of: call)
        if let failure, !failure.isPerformed { return .failure(failure.error) }
        return performed(call, failure?.error, &state)
    }

    private func performed(_ call: EffectCall, _ failure: EffectError?, _ state: inout State) -> Result<JSONValue, EffectError> {
        let reply = state.scripts.reply(to: call) ?? Self.reply(call, state.truths[call.key.entity] ?? WorldTruth())
        do { try journal.append(LedgerEntry(call, reply: reply)) } catch {
            return .failure(EffectError(.temporary, vendorCode: "journal", message: "\(error)"))
        }
        state.replies[call.key] = reply
        Self.consequences(call, &state.truths[call.key.entity, default: WorldTruth()])
        onCall?(
            WorldCall(entity: call.key.entity, operation: call.key.operation, ordinal: call.key.ordinal, request: call.request, at: call.at)
        )
        return failure.map { .failure($0) } ?? .success(reply)
    }

    /// Required by ``EffectPort``, which says what it does.
    public func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        parties == .neither ? nil : performed(key)
    }

    /// The reply of an effect that was performed, as a person would find it out; nil for one that was not.
    public func performed(_ key: EffectKey) -> JSONValue? { state.withLock { $0.replies[key] } }

    /// Required by ``EffectPort``, which says what it does.
    public func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        onCall?(WorldCall(entity: query.entity, operation: query.operation, ordinal: 1, request: query.request, at: query.at))
        return state.withLock { $0.scripts.answer(to: query) ?? Self.answer(query, $0.truths[query.entity] ?? WorldTruth()) }
    }

    private static func reply(_ call: EffectCall, _ truth: WorldTruth) -> JSONValue {
        let entity = call.key.entity
        switch call.key.operation {
        case "provider.evaluateBundle":
            let isBad = call.key.ordinal <= truth["bundle/noncompliant"].integer ?? 0
            return isBad ? ["status": "noncompliant", "reasons": ["30793"]] : ["status": "compliant"]
        case "provider.submitBundle": return ["bundleSid": .string(SyntheticIDs.bundleSid(entity))]
        case "registry.submitBrand":
            return ["brandId": .string(SyntheticIDs.brand(entity)), "brandSid": .string(SyntheticIDs.brandSid(entity))]
        case "provider.createMessagingService": return ["messagingServiceSid": .string(SyntheticIDs.messagingServiceSid(entity))]
        case "registry.createCampaign":
            return ["campaignId": .string(SyntheticIDs.campaign(entity)), "campaignSid": .string(SyntheticIDs.campaignSid(entity))]
        case "vetting.order": return ["vettingId": .string(SyntheticIDs.vetting(entity, ordinal: call.key.ordinal))]
        case "provider.attachNumber":
            return ["numberSid": .string(SyntheticIDs.numberSid(entity, index: call.request["number"]?.integer ?? 0))]
        default: return [:]
        }
    }

    /// What our own calls change outside.
    private static func consequences(_ call: EffectCall, _ truth: inout WorldTruth) {
        switch call.key.operation {
        case "registry.resubmitCampaign":
            truth.set("campaign/sharing", "PENDING", at: call.at)
            truth.set("campaign/dcaComplete", false, at: call.at)
            for (mno, status) in truth.below("carrier/") where status == "REJECTED" { truth.set("carrier/\(mno)", "REVIEW", at: call.at) }
        case "vetting.appeal": truth.set("vetting/status", "PENDING", at: call.at)
        case "provider.attachNumber": truth.set("attached/\(call.request["number"]?.integer ?? 0)", true, at: call.at)
        default: break
        }
    }

    private static func answer(_ query: ReadQuery, _ truth: WorldTruth) -> JSONValue {
        switch query.operation {
        case "provider.bundle": return ["status": truth["bundle/status"], "reasons": truth["bundle/reasons"]]
        case "registry.brand":
            return [
                "exists": .bool(truth["brand/exists"].bool ?? false), "brandId": .string(SyntheticIDs.brand(query.entity)),
                "identityStatus": truth["brand/identity"], "score": truth["brand/score"],
            ]
        case "registry.qualification": return ["qualified": .bool(truth["qualified"].bool ?? true)]
        case "registry.otp": return ["verified": .bool(truth["otp/verified"].bool ?? false)]
        case "registry.campaign":
            return [
                "exists": .bool(truth["campaign/exists"].bool ?? false), "campaignId": .string(SyntheticIDs.campaign(query.entity)),
                "sharing": truth["campaign/sharing"], "reasons": truth["campaign/reasons"],
                "dcaComplete": .bool(truth["campaign/dcaComplete"].bool ?? false), "carriers": .object(truth.below("carrier/")),
            ]
        case "vetting.report": return ["status": truth["vetting/status"], "score": truth["vetting/score"]]
        case "vetting.authPlus": return ["status": truth["authplus/status"]]
        case "provider.number": return ["status": truth["number/\(query.request["number"]?.integer ?? 0)"]]
        default: return [:]
        }
    }
}

/// A call that reached the outside.
public struct WorldCall: Sendable {
    /// On whose behalf.
    public let entity: EntityID
    /// `party.operation`.
    public let operation: String
    /// The effect's ordinal; 1 for a read.
    public let ordinal: Int
    /// What was asked.
    public let request: JSONValue
    /// When.
    public let at: Timestamp
}

/// How many calls the parties take in how long (A2P guide §1.6, §3.1).
public struct RateLimits: Hashable, Sendable {
    /// Operation prefixes with calls and window; the first that fits counts.
    public var classes: [RateClass]

    /// One limit.
    public struct RateClass: Hashable, Sendable {
        /// Operations that begin like this share the limit.
        public var prefix: String
        /// Calls in a window.
        public var calls: Int
        /// The window.
        public var window: Duration

        /// A limit.
        public init(_ prefix: String, _ calls: Int, per window: Duration) {
            self.prefix = prefix
            self.calls = calls
            self.window = window
        }
    }

    /// Limits.
    public init(classes: [RateClass]) { self.classes = classes }

    /// No limits: a recorded trace was limited when it was recorded.
    public static let none = RateLimits(classes: [])
    /// The parties' published limits.
    public static let published = RateLimits(classes: [
        RateClass("partner.associate", 1, per: .seconds(5)), RateClass("registry.", 20, per: .seconds(10)),
        RateClass("vetting.", 20, per: .seconds(10)), RateClass("partner.", 20, per: .seconds(10)),
        RateClass("provider.attachNumber", 1, per: .seconds(1)), RateClass("provider.", 1, per: .seconds(1)),
    ])
}

/// A sliding window per class, on virtual time.
struct RateLimiter: Sendable {
    private let limits: RateLimits
    private var calls: [String: [Timestamp]] = [:]

    init(_ limits: RateLimits) { self.limits = limits }

    /// Nil when the call is within the limit, and counted; else how long until one is.
    mutating func wait(for operation: String, at now: Timestamp) -> Duration? {
        guard let limit = limits.classes.first(where: { operation.hasPrefix($0.prefix) }) else { return nil }
        let recent = calls[limit.prefix, default: []].filter { now - $0 < limit.window }
        if recent.count >= limit.calls, let oldest = recent.first { return limit.window - (now - oldest) }
        calls[limit.prefix] = recent + [now]
        return nil
    }
}
