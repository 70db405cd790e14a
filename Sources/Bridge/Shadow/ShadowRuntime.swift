import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import ShadowComparator
import Synchronization

/// The way that durable code took in the shadow of a visit.
struct ShadowTrail: Sendable {
    /// Where it began, and the wait points that it has come to.
    var standings: StandingHistory
    /// How it ended; nil while it goes on.
    var end: StepEnd?
    /// What it did outside, as it was answered.
    var ledger: [LedgerEntry] = []
}

/// The runtime of durable code in a shadow. It answers from what the owner has done and heard, and writes into memory.
///
/// It cannot reach a party: ``RecordedEffects`` is the only port that it can be made of.
final class ShadowRuntime<Record: Codable & Sendable>: StepRuntime {
    let effects: RecordedEffects
    private let entity: EntityID
    private let completions: [StepNumber: Int]
    private let state: Mutex<ShadowTrail>

    init(_ record: ShadowRecord, effects: RecordedEffects) {
        state = Mutex(ShadowTrail(standings: StandingHistory(record)))
        entity = record.visit.entity
        completions = record.beginning.completions
        self.effects = effects
    }

    /// The way so far.
    var trail: ShadowTrail { state.withLock { $0 } }

    func perform(_ activity: DurableActivity<Record>, on before: JSONValue, _ context: ActivityContext) async throws -> JSONValue {
        var record = try before.decoded(as: Record.self)
        let session = session(attempt: context.attempt, at: context.now)
        let result: Result<Void, any Error>
        do { result = .success(try await activity.run(&record, session)) } catch { result = .failure(error) }
        note(session)
        let changes = before.mergePatch(to: try JSONValue(encoding: record))
        do { try result.get() } catch let error as EffectError {
            throw ApplicationError(error, activity.retry, attempt: context.attempt, after: changes)
        }
        return changes
    }

    /// A session over what the code itself has done so far.
    func session(attempt: Int, at now: Timestamp) -> EffectSession {
        EffectSession(
            entity: entity, now: now, owner: .durable, epoch: 1, attempt: attempt, completions: completions,
            ledger: TrailLedger(entries: trail.ledger), port: effects)
    }

    /// Makes part of the way what a session has done.
    func note(_ session: EffectSession) {
        state.withLock { $0.ledger += session.entries }
    }

    func enter(_ position: StepPosition, _ context: ActivityContext) async throws {
        state.withLock { trail in
            trail.standings.add(ShadowStanding(state: position.state, record: position.record, ledger: trail.ledger), at: context.now)
        }
    }

    func refuse(_ refusal: StepRefusal, _ context: ActivityContext) async throws {}

    func end(_ end: StepEnd, _ context: ActivityContext) async throws -> StepSuccessor? {
        state.withLock { $0.end = end }
        return nil
    }
}

/// What the code has done so far, as its ledger.
struct TrailLedger: EffectLedger {
    let entries: [LedgerEntry]

    func reply(to key: EffectKey) async throws -> JSONValue? { entries.first { $0.key == key }?.reply }
    func intend(_ call: EffectCall) async throws -> IntentionResult { .noted }
    func withdraw(_ key: EffectKey) async throws {}
    func intention(_ key: EffectKey) async throws -> EffectCall? { nil }
}
