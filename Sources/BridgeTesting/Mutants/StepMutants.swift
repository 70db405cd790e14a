package import Bridge
import DurableWorkflow
import Events
package import LegacyStateMachine
import Outcomes
import Synchronization

/// Notes what the durable code of steps does, to know what can go wrong in it.
package final class StepProbe<State: MachineState, Record: Codable & Sendable>: Sendable {
    private struct Seen {
        var ends: Set<String> = []
        var members: Set<String> = []
    }

    private let seen = Mutex<[StepNumber: Seen]>([:])

    /// A probe that has seen nothing.
    package init() {}

    /// The domain, whose steps are seen from now on.
    package func probing(_ domain: Domain<State, Record>) -> Domain<State, Record> {
        var domain = domain
        domain.durableSteps = domain.durableSteps.map(probing)
        return domain
    }

    private func probing(_ step: DurableStep<Record>) -> DurableStep<Record> {
        let run: Run = { context, record in
            let before = try JSONValue(encoding: record)
            let end = try await step.run(context, &record)
            self.note(step.number, end, JSONValue.changedMembers(from: before, to: try JSONValue(encoding: record)))
            return end
        }
        return step.running(run)
    }

    private func note(_ step: StepNumber, _ end: String?, _ members: Set<String>) {
        seen.withLock { seen in
            if let end { seen[step, default: Seen()].ends.insert(end) }
            seen[step, default: Seen()].members.formUnion(members)
        }
    }

    /// Bugs of the sequence of each step that was seen at work.
    package func mutants(of domain: Domain<State, Record>) -> [MutatedDomain<State, Record>] {
        let seen = seen.withLock { $0 }
        return domain.durableSteps.flatMap { step in seen[step.number].map { mutants(of: step, $0, domain) } ?? [] }
    }

    private typealias Run = @Sendable (StepContext<Record>, inout Record) async throws -> String?

    private func mutants(
        of step: DurableStep<Record>, _ seen: Seen, _ domain: Domain<State, Record>
    ) -> [MutatedDomain<State, Record>] {
        func mutated(_ number: Int?, _ story: String, _ run: @escaping Run) -> MutatedDomain<State, Record> {
            var changed = domain
            changed.durableSteps = domain.durableSteps.map { $0.number == step.number ? $0.running(run) : $0 }
            return MutatedDomain(Mutant(number, .durable, step.number, story), changed)
        }
        let ends = seen.ends.sorted()
        var mutants = [mutated(nil, "it throws", throwing), mutated(24, "it ends at once, whatever it was told") { _, _ in ends.first }]
        if !step.events.isEmpty { mutants.append(mutated(10, "it waits for a moment that never comes", waiting(step))) }
        for end in ends {
            let other = ends.first { $0 != end } ?? domain.machine.initial.rawValue
            guard other != end else { continue }
            mutants.append(mutated(nil, "it ends in \(other) instead of \(end)", ending(step, in: other, insteadOf: end)))
        }
        return mutants + seen.members.sorted().map { mutated(7, "\($0) is not written back", keeping($0, of: step)) }
    }

    private var throwing: Run {
        { _, _ in throw ApplicationError(type: "Mutant", message: "a bug", isNonRetryable: true) }
    }

    private func waiting(_ step: DurableStep<Record>) -> Run {
        { context, _ in while true { _ = try await context.wait(for: step.events) } }
    }

    private func ending(_ step: DurableStep<Record>, in other: String, insteadOf end: String) -> Run {
        { context, record in
            let state = try await step.run(context, &record)
            return state == end ? other : state
        }
    }

    private func keeping(_ member: String, of step: DurableStep<Record>) -> Run {
        { context, record in
            let before = try JSONValue(encoding: record)
            let end = try await step.run(context, &record)
            record = try JSONValue(encoding: record).with(member, of: before).decoded()
            return end
        }
    }
}

extension JSONValue {
    fileprivate static func changedMembers(from before: JSONValue, to after: JSONValue) -> Set<String> {
        let (before, after) = (before.object ?? [:], after.object ?? [:])
        return Set(after.keys).union(before.keys).filter { before[$0] != after[$0] }
    }

    /// The object with one member as it stands in another.
    fileprivate func with(_ member: String, of other: JSONValue) -> JSONValue {
        var object = object ?? [:]
        object[member] = other[member]
        return .object(object)
    }
}
