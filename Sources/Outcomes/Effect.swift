public import Events

/// The derived idempotency key of an effect: the same logical effect has the same key whichever engine performs it.
public struct EffectKey: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// The entity on whose behalf it is performed.
    public var entity: EntityID
    /// The step that wants it.
    public var step: StepNumber
    /// Which visit of the step wants it, from 1. A process that goes round comes to a step again, and its effects are new ones.
    public var visit: Int
    /// What is done, `party.operation`, for example `registry.submitBrand`.
    public var operation: String
    /// Its number among the effects of this kind in the visit, from 1; it comes from business data, never from a retry counter.
    public var ordinal: Int

    /// A key.
    public init(entity: EntityID, step: StepNumber, visit: Int = 1, operation: String, ordinal: Int = 1) {
        self.entity = entity
        self.step = step
        self.visit = visit
        self.operation = operation
        self.ordinal = ordinal
    }

    /// `entity/step/operation/ordinal`, the text that is stored and sent to the carrier as reference. The step of a later visit has
    /// its number behind it: `R-1/5.2#2/vetting.order/1`.
    public var description: String { "\(entity)/\(withoutEntity)" }

    /// `step/operation/ordinal`, the step of a later visit with its number behind it: `5.2#2/vetting.order/1`.
    package var withoutEntity: String { "\(step)\(visit == 1 ? "" : "#\(visit)")/\(operation)/\(ordinal)" }

    /// Reads ``description``; nil when `text` has another form.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 4, let ordinal = Int(parts[parts.count - 1]) else { return nil }
        let place = parts[parts.count - 3].split(separator: "#", omittingEmptySubsequences: false)
        guard let step = StepNumber(String(place[0])), place.count <= 2, let visit = place.count == 2 ? Int(place[1]) : 1, visit > 0 else {
            return nil
        }
        self.init(
            entity: EntityID(parts[0..<(parts.count - 3)].joined(separator: "/")), step: step, visit: visit,
            operation: String(parts[parts.count - 2]), ordinal: ordinal)
    }

    /// The operation that a key's text form names, without reading the rest; nil when it has no such form.
    package static func operation(of text: String) -> Substring? {
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: "/")), let slash = text.utf8[..<end].lastIndex(of: UInt8(ascii: "/")) else {
            return nil
        }
        return text[text.utf8.index(after: slash)..<end]
    }

    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let key = EffectKey(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected an effect key entity/step/operation/ordinal, found \"\(text)\"")
        }
        self = key
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// Orders by the text form.
    public static func < (left: EffectKey, right: EffectKey) -> Bool { left.description < right.description }
}

/// One call of an effect: what is asked, by whom, and at which attempt.
public struct EffectCall: Codable, Hashable, Sendable {
    /// The idempotency key.
    public var key: EffectKey
    /// What is asked.
    public var request: JSONValue
    /// Who asks.
    public var owner: Owner
    /// The ownership epoch under which it is asked.
    public var epoch: Int
    /// From 1; grows with every retry of the same key.
    public var attempt: Int
    /// When.
    public var at: Timestamp

    /// A call.
    public init(key: EffectKey, request: JSONValue, owner: Owner, epoch: Int, attempt: Int, at: Timestamp) {
        self.key = key
        self.request = request
        self.owner = owner
        self.epoch = epoch
        self.attempt = attempt
        self.at = at
    }
}

/// Why an effect has no reply.
public struct EffectError: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// What the caller should do about it.
    public enum Code: String, Hashable, Sendable, Codable {
        /// Nothing was done (429, 5xx, temporary registry codes): try again later.
        case temporary
        /// Nobody knows whether it was done (timeout): look it up by its key, then perhaps try again.
        case unknownOutcome
        /// The other side has done it before under this key: look up the reply.
        case duplicate
        /// It was refused and will be refused again.
        case refused
        /// It was begun, and only a person can find out whether it was done: see ``PartyKind/neither``.
        case unresolved
    }

    /// What to do.
    public var code: Code
    /// The other side's own code, for example `429` or `527`.
    public var vendorCode: String
    /// One sentence without personal data.
    public var message: String
    /// Not before this much later, where the other side says so.
    public var retryAfter: Duration?

    /// An error.
    public init(_ code: Code, vendorCode: String, message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.vendorCode = vendorCode
        self.message = message
        self.retryAfter = retryAfter
    }

    /// True when trying again can help.
    public var isRetryable: Bool { code == .temporary || code == .unknownOutcome }

    /// `temporary 429: …`
    public var description: String { "\(code.rawValue) \(vendorCode): \(message)" }
}

/// The only door to carriers, registries, fees and notifications.
///
/// Live code calls, the simulator answers from its world, a shadow answers from the owner's ledger: same code, other port.
public protocol EffectPort: Sendable {
    /// What the party behind `operation` does with a key that it knows. Nothing is assumed: a port that stands before another one and
    /// forgot to ask it would change how often something is done. `EffectPortLaws` of the test kit check the answer.
    func kind(of operation: String) -> PartyKind
    /// Performs an outward call with consequences and returns the reply.
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue
    /// The reply of an effect that was performed before under `key`; nil when the other side does not know the key.
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue?
    /// Reads something without consequences, for example the state of a brand; it is not an effect and not in the ledger.
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue
}

/// What a party does when it is asked for something that it has done before.
public enum PartyKind: String, Codable, Hashable, Sendable, CaseIterable {
    /// It refuses a key that it knows with ``EffectError/Code-swift.enum/duplicate``: a call may be repeated.
    case refusesKnownKeys
    /// It does a thing twice when it is asked twice, but says under a key what it has done: every call is looked up first.
    case answersLookUps
    /// It does a thing twice when it is asked twice, and cannot be asked: an intention is stored before the call, and one that has no
    /// result waits for a person.
    case neither
}

/// A question to an outside party that changes nothing there.
public struct ReadQuery: Hashable, Sendable {
    /// The entity it is about.
    public var entity: EntityID
    /// `party.operation`, for example `registry.brand`.
    public var operation: String
    /// What is asked.
    public var request: JSONValue
    /// When.
    public var at: Timestamp

    /// A question.
    public init(entity: EntityID, operation: String, request: JSONValue = [:], at: Timestamp) {
        self.entity = entity
        self.operation = operation
        self.request = request
        self.at = at
    }
}

/// What was read outside, and when: a shadow gets the same answer.
public struct RecordedRead: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// `party.operation`.
    public var operation: String
    /// What was asked.
    public var request: JSONValue
    /// What was answered.
    public var reply: JSONValue
    /// Who asked.
    public var owner: Owner
    /// Under which epoch.
    public var epoch: Int
    /// When.
    public var at: Timestamp

    /// A read.
    public init(
        entity: EntityID, operation: String, request: JSONValue, reply: JSONValue, owner: Owner, epoch: Int, at: Timestamp
    ) {
        self.entity = entity
        self.operation = operation
        self.request = request
        self.reply = reply
        self.owner = owner
        self.epoch = epoch
        self.at = at
    }
}

/// A call or a read that failed, as its party answered it: a shadow gets the same answer.
public struct RecordedFailure: Codable, Hashable, Sendable {
    /// The key of a call; nil for a read.
    public var key: EffectKey?
    /// `party.operation`.
    public var operation: String
    /// What was asked.
    public var request: JSONValue
    /// What was answered.
    public var error: EffectError
    /// When.
    public var at: Timestamp

    /// The failure of a call.
    public init(_ call: EffectCall, _ error: EffectError) {
        (key, operation, request, self.error, at) = (call.key, call.key.operation, call.request, error, call.at)
    }

    /// The failure of a read.
    public init(_ query: ReadQuery, _ error: EffectError) {
        (operation, request, self.error, at) = (query.operation, query.request, error, query.at)
    }
}

/// One performed effect in the ledger of its entity.
public struct LedgerEntry: Codable, Hashable, Sendable {
    /// The idempotency key; at most one entry has it.
    public var key: EffectKey
    /// What was asked.
    public var request: JSONValue
    /// What was answered.
    public var reply: JSONValue
    /// Who asked.
    public var owner: Owner
    /// Under which epoch.
    public var epoch: Int
    /// At which attempt it succeeded.
    public var attempt: Int
    /// When it was performed.
    public var at: Timestamp

    /// The entry of a call that was answered.
    public init(_ call: EffectCall, reply: JSONValue) {
        self.init(
            key: call.key, request: call.request, reply: reply, owner: call.owner, epoch: call.epoch, attempt: call.attempt, at: call.at)
    }

    /// An entry.
    public init(key: EffectKey, request: JSONValue, reply: JSONValue, owner: Owner, epoch: Int, attempt: Int, at: Timestamp) {
        self.key = key
        self.request = request
        self.reply = reply
        self.owner = owner
        self.epoch = epoch
        self.attempt = attempt
        self.at = at
    }
}
