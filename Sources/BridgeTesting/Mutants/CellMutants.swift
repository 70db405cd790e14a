package import Bridge
import Events
import LegacyStateMachine
package import Outcomes

extension MutatedDomain {
    /// Bugs of single cells of the legacy table, of those in which `steps` are: what the durable step does there is then not what legacy
    /// does. One that nobody finds is a cell that the recordings never reach, or whose effect nothing compares.
    ///
    /// Not of those that legacy has even while the step is durable: events that interrupt the step, and the one by which it goes on
    /// itself. A machine that is a service has no table that can be changed, and no such bugs.
    package static func cells(of domain: Domain<State, Record>, in steps: Set<StepNumber>) -> [MutatedDomain] {
        guard domain.service == nil else { return [] }
        let machine = domain.machine
        return machine.handled.flatMap { state, event -> [MutatedDomain] in
            guard let step = machine.steps[state], steps.contains(step), !domain.interrupts.contains(event) else { return [] }
            guard event != .continue else { return [] }
            let bent = [
                ("nobody thinks of \(event) in \(state.rawValue)", Optional(machine.forgetting(event, in: state))),
                ("\(event) leads nowhere in \(state.rawValue)", machine.staying(on: event, in: state)),
            ]
            return bent.compactMap { story, machine in
                guard let machine else { return nil }
                var changed = domain
                changed.machine = machine
                var mutant = Mutant(nil, .legacy, step, story)
                mutant.cell = "\(state.rawValue) \(event)"
                return MutatedDomain(mutant, changed)
            }
        }
    }
}
