import Events
import Outcomes

/// An outside whose calls a test holds, lets go, or lets fail. It does a thing as often as it is asked, and answers look-ups.
final class GatedWorld: EffectPort {
    enum Answer: Sendable { case yes, hold, fail(EffectError.Code) }

    struct State: Sendable {
        var held: [EffectKey: CheckedContinuation<Bool, Never>] = [:]
        var done: [EffectKey: Int] = [:]
        var order: [EffectKey] = []
        var attempts: [EffectKey: [Timestamp]] = [:]
        var underWay: [EntityID: Int] = [:]
        /// Entities that had two calls at once.
        var doubled: Set<EntityID> = []
        /// True when nothing is held any more.
        var isOpen = false
        /// The most calls at once.
        var most = 0
    }

    let state = Watched(State())
    private let answer: Watched<@Sendable (EffectCall) -> Answer>

    private let partyKind: PartyKind

    init(_ partyKind: PartyKind = .answersLookUps, _ answer: @escaping @Sendable (EffectCall) -> Answer = { _ in .yes }) {
        self.partyKind = partyKind
        self.answer = Watched(answer)
    }

    func kind(of operation: String) -> PartyKind { partyKind }

    /// From now on it answers otherwise.
    func answers(_ other: @escaping @Sendable (EffectCall) -> Answer) { answer.change { $0 = other } }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        state.change { state in
            state.attempts[call.key, default: []].append(call.at)
            state.underWay[call.key.entity, default: 0] += 1
            if state.underWay[call.key.entity, default: 0] > 1 { state.doubled.insert(call.key.entity) }
            state.most = max(state.most, state.underWay.values.reduce(0, +))
        }
        defer { state.change { $0.underWay[call.key.entity, default: 0] -= 1 } }
        switch answer.value(call) {
        case .fail(let code): throw EffectError(code, vendorCode: "500", message: "\(call.key): not now")
        case .hold:
            let isHeard = await withCheckedContinuation { continuation in
                let isOpen = state.change { state in
                    if !state.isOpen { state.held[call.key] = continuation }
                    return state.isOpen
                }
                if isOpen { continuation.resume(returning: true) }
            }
            guard isHeard else { throw EffectError(.unknownOutcome, vendorCode: "lost", message: "\(call.key): no answer") }
        case .yes: break
        }
        state.change { state in
            state.done[call.key, default: 0] += 1
            state.order.append(call.key)
        }
        return [:]
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { state.value.done[key] == nil ? nil : [:] }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { [:] }

    /// Lets a call go on that is held.
    func release(_ key: EffectKey) { state.change { $0.held.removeValue(forKey: key) }?.resume(returning: true) }

    /// What is held never happens: its process is gone.
    func loseAll() { for continuation in takeHeld() { continuation.resume(returning: false) } }

    func releaseAll() { for continuation in takeHeld() { continuation.resume(returning: true) } }

    private func takeHeld() -> [CheckedContinuation<Bool, Never>] {
        state.change { state in
            defer { state.held = [:] }
            return Array(state.held.values)
        }
    }

    /// Holds nothing any more.
    func open() {
        state.change { $0.isOpen = true }
        answers { _ in .yes }
        releaseAll()
    }
}
