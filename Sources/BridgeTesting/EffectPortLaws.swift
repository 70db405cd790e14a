public import Events
public import Outcomes

/// Checks that a port does with known keys what it says (``EffectPort/kind(of:)``), because every retry relies on it.
///
/// The laws perform for real, four times in all: run them against a sandbox of the party.
///
///     let laws = EffectPortLaws(operation: "bank.pay", step: "2", request: ["amount": 1])
///     #expect(await laws.breaches(of: port) == [])
public struct EffectPortLaws: Sendable {
    /// The operation that is performed.
    public var operation: String
    /// The step that asks for it.
    public var step: StepNumber
    /// What is asked for, each time the same.
    public var request: JSONValue
    /// An entity that the party has never heard of.
    public var entity: EntityID
    /// When the calls are made.
    public var now: Timestamp

    /// Laws for one operation. Each run needs an `entity` of its own, or keys of an earlier run are known already.
    public init(operation: String, step: StepNumber, request: JSONValue = [:], entity: EntityID, now: Timestamp) {
        self.operation = operation
        self.step = step
        self.request = request
        self.entity = entity
        self.now = now
    }

    /// One sentence for each law that the port breaks; empty for a port that keeps them all.
    public func breaches(of port: some EffectPort) async -> [String] {
        let kind = port.kind(of: operation)
        var breaches: [String] = []
        if port.kind(of: operation) != kind { breaches.append("\(operation): expected one kind, found another at the second time") }
        breaches += await nothingIsKnownBefore(port)
        guard let reply = await first(port, &breaches) else { return breaches }
        switch kind {
        case .refusesKnownKeys:
            breaches += await knownKeyIsRefused(port)
            breaches += await replyIsKnown(port, reply)
        case .answersLookUps: breaches += await replyIsKnown(port, reply)
        case .neither: break
        }
        breaches += await otherKeysAreOthers(port)
        return breaches
    }

    /// The key of the first call, its second in the same visit, the same call in the next visit.
    private var keys: [EffectKey] {
        [
            EffectKey(entity: entity, step: step, operation: operation),
            EffectKey(entity: entity, step: step, operation: operation, ordinal: 2),
            EffectKey(entity: entity, step: step, visit: 2, operation: operation),
        ]
    }

    private func call(_ key: EffectKey, attempt: Int = 1) -> EffectCall {
        EffectCall(key: key, request: request, owner: .durable, epoch: 2, attempt: attempt, at: now)
    }

    private func nothingIsKnownBefore(_ port: some EffectPort) async -> [String] {
        var breaches: [String] = []
        for key in keys {
            do {
                guard try await port.reply(to: key) != nil else { continue }
                breaches.append("reply(to: \(key)): expected nil before the first call, found a reply; is the entity new to the party?")
            } catch { breaches.append("reply(to: \(key)): expected nil before the first call, found \(error)") }
        }
        return breaches
    }

    private func first(_ port: some EffectPort, _ breaches: inout [String]) async -> JSONValue? {
        do { return try await port.perform(call(keys[0])) } catch {
            breaches.append("perform(\(keys[0])): expected a reply to the first call, found \(error)")
            return nil
        }
    }

    /// A second call, by another owner's attempt, does nothing and says so.
    private func knownKeyIsRefused(_ port: some EffectPort) async -> [String] {
        let expected = "perform(\(keys[0])) once more: expected duplicate, because the port says that it refuses known keys"
        do { _ = try await port.perform(call(keys[0], attempt: 2)) } catch {
            return error.code == .duplicate ? [] : ["\(expected), found \(error)"]
        }
        return ["\(expected), found a reply: it was done twice; return \(PartyKind.answersLookUps) or \(PartyKind.neither) from kind(of:)"]
    }

    private func replyIsKnown(_ port: some EffectPort, _ reply: JSONValue) async -> [String] {
        let expected = "reply(to: \(keys[0])): expected what the call returned"
        do {
            guard let found = try await port.reply(to: keys[0]) else {
                return ["\(expected), found nil; return \(PartyKind.neither) from kind(of:) when the party cannot be asked"]
            }
            return found == reply ? [] : ["\(expected), found another reply"]
        } catch { return ["\(expected), found \(error)"] }
    }

    /// What was done under one key was not done under another one.
    private func otherKeysAreOthers(_ port: some EffectPort) async -> [String] {
        var breaches: [String] = []
        for key in keys.dropFirst() {
            do {
                if try await port.reply(to: key) != nil {
                    breaches.append("reply(to: \(key)): expected nil, found the reply of \(keys[0]); use the whole key")
                }
                _ = try await port.perform(call(key))
            } catch {
                breaches.append("perform(\(key)): expected a reply to the first call under this key, found \(error); use the whole key")
            }
        }
        return breaches
    }
}
