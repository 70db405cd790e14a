import Events
import Outcomes

/// The parties as somebody may reach them who has lost the entity: what was performed is looked up, nothing is performed.
struct PastEffects: EffectPort {
    let parties: any EffectPort

    func kind(of operation: String) -> PartyKind { .answersLookUps }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        guard let reply = try await parties.reply(to: call.key) else {
            throw EffectError(.refused, vendorCode: "lockstep", message: "\(call.key): the entity has changed hands")
        }
        return reply
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { try await parties.reply(to: key) }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue {
        throw EffectError(.refused, vendorCode: "lockstep", message: "\(query.operation): \(query.entity) has changed hands")
    }
}
