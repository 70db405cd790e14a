import Cutover
import DurableWorkflow
import Events
import HybridRouter

// The end of a step on stage `retired`: there is no legacy code that could take the entity back.

extension LiveSteps {
    /// Sets an entity aside whose step has no legacy code that could take it back; false for every other step.
    func setAsideRetired(_ snapshot: EntitySnapshot, _ what: String, at now: Timestamp) async throws -> Bool {
        let ownership = snapshot.ownership
        guard pipeline.plan.isRetired(ownership.step) else { return false }
        try await pipeline.setAside(
            ownership.entity,
            because:
                "\(ownership.entity): step \(ownership.step) is retired, so legacy cannot take it back, and \(what); mend its code, then"
                + " release the entity, and the step begins again where it waited", at: now)
        return true
    }

    /// What a step on stage `retired` leaves to legacy is answered by its own code: a segment that began when legacy still answered makes
    /// room for one that does. False for every other step.
    func goesOnRetired(
        _ end: StepEnd, _ snapshot: EntitySnapshot, by kind: EventKind, _ used: [Int], at now: Timestamp
    ) async throws -> Bool {
        let step = snapshot.ownership.step
        guard pipeline.plan.isRetired(step), end.answers != true else {
            return try await setAsideRetired(snapshot, "it leaves \(kind) to legacy", at: now)
        }
        var transaction = try ending(end, snapshot, .interrupted(step, by: kind, used: used), isComplete: false, at: now)
        guard let record = transaction.record else { return false }
        var after = snapshot.ownership
        transaction.add([.handedBack(to: step)], to: &after)
        try pipeline.beginAgain(&transaction, after, record)
        try await pipeline.commit(transaction, on: snapshot)
        return true
    }
}
