import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

// A step that the plan has appended behind the last one of the machine. It is due when an entity comes from the machine's last step to a
// final state: the entity is over for legacy, and has not ended before that step is done.

extension Pipeline {
    /// True for the last step of the machine and for every one behind it.
    func isAtTheEnd(_ step: StepNumber) -> Bool { lastLegacyStep.map { step >= $0 } ?? false }

    /// True for a step behind the last one of the machine.
    func isBehindTheLast(_ step: StepNumber) -> Bool { lastLegacyStep.map { step > $0 } ?? false }

    /// The entity, which was in step `left`, is in a final state and has not ended: the step behind gets it, or it ends there.
    func endOrGoOn(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, from left: StepNumber, at state: String, _ record: StoredRecord
    ) async throws {
        if try await goesOn(&transaction, ownership, from: left, record) { return }
        var ended = record
        (ended.isFinal, ended.dueAt) = (true, nil)
        transaction.record = ended
        transaction.moves.append(.ended(state: state))
    }

    /// Hands the entity off to the step behind the last one; false when there is none that durable runs for it.
    private func goesOn(
        _ transaction: inout EntityTransaction, _ ownership: Ownership, from left: StepNumber, _ record: StoredRecord
    ) async throws -> Bool {
        guard let last = lastLegacyStep, left >= last, machine.service == nil else { return false }
        let plan = try await presentPlan()
        var ownership = ownership
        if ownership.passed.map({ $0 < last }) ?? true {
            ownership.passed = last
            guard plan.next(after: last, for: ownership) != nil else { return false }
            transaction.add([.completed(last, visit: ownership.visit(of: last), used: [])], to: &ownership)
        }
        guard let done = ownership.passed, let next = plan.next(after: done, for: ownership) else { return false }
        let drawn = draw(&transaction, ownership, plan, after: done, through: next)
        var stored = record
        stored.isFinal = false
        try handOff(&transaction, drawn, to: next, plan, stored)
        return true
    }
}
