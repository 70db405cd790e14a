import A2PRegistration
import Bridge
import Events
import HybridRouter
import Outcomes
import Synchronization

/// Somebody who halts and resumes the migration, adopts and recalls, at moments of the story.
///
/// Each move is made when the state asks for it, so that a restart makes it again or finds it made.
struct Operator: Sendable {
    typealias Registrations = EventBridge<RegistrationState, Registration>

    /// What is done in a round at `now`.
    func act(at now: Timestamp, on bridge: Registrations) async throws {
        switch now {
        case Workload.moment(0, 9)..<Workload.moment(0, 10): try await setHalt(true, at: now, on: bridge)
        case Workload.moment(0, 10)..<Workload.moment(0, 11): try await setHalt(false, at: now, on: bridge)
        case Workload.moment(0, 11)..<Workload.moment(0, 11, 30): try await adopt(Workload.adopted, at: now, on: bridge)
        case Workload.moment(1, 10, 31)..<Workload.moment(1, 11): try await recall(Workload.recalled, at: now, on: bridge)
        default: break
        }
    }

    private func setHalt(_ wanted: Bool, at now: Timestamp, on bridge: Registrations) async throws {
        guard try await (bridge.store.value(MigrationHalted.setting) != nil) != wanted else { return }
        if wanted { try await bridge.halt(at: now) } else { try await bridge.resumeMigration() }
    }

    private func adopt(_ entity: EntityID, at now: Timestamp, on bridge: Registrations) async throws {
        guard let ownership = try await bridge.store.snapshot(of: entity)?.ownership, ownership.owner == .legacy, ownership.step == "2"
        else { return }
        try await bridge.adopt(entity, at: now)
    }

    /// Takes an entity back from step 5.2, once.
    func recall(_ entity: EntityID, at now: Timestamp, on bridge: Registrations) async throws {
        guard let ownership = try await bridge.store.snapshot(of: entity)?.ownership, ownership.owner == .durable, ownership.step == "5.2"
        else { return }
        try await bridge.recall(entity, at: now)
    }
}

/// Parties that take their time: before the answer to the last effect of a step is here, an operator has recalled the entity.
///
/// After a kill the answer comes from a look-up, since the process that takes the work up cannot know whether the call was made.
struct OvertakenCalls: EffectPort {
    let base: any EffectPort
    let key: EffectKey
    let meanwhile: @Sendable () async throws -> Void

    func kind(of operation: String) -> PartyKind { base.kind(of: operation) }

    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        guard call.key == key else { return try await base.perform(call) }
        let answer: Result<JSONValue, EffectError>
        do { answer = .success(try await base.perform(call)) } catch { answer = .failure(error) }
        try await overtake()
        return try answer.get()
    }

    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? {
        let answer = try await base.reply(to: key)
        if key == self.key, answer != nil { try await overtake() }
        return answer
    }

    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { try await base.read(query) }

    private func overtake() async throws(EffectError) {
        do { try await meanwhile() } catch {
            throw EffectError(.temporary, vendorCode: "operator", message: "\(key): the recall failed: \(error)")
        }
    }
}
