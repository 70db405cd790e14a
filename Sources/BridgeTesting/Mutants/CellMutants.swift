package import Bridge
package import Events
package import LegacyStateMachine
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
            return [CellBug.forgotten, .leadsNowhere].compactMap { bug in
                guard let machine = machine.bent(bug, on: event, in: state) else { return nil }
                var changed = domain
                changed.machine = machine
                var mutant = Mutant(nil, .legacy, step, bug.story(state.rawValue, event))
                mutant.cell = "\(state.rawValue) \(event)"
                return MutatedDomain(mutant, changed)
            }
        }
    }
}

extension CellBug {
    /// The bug in words, for a cell.
    package func story(_ state: String, _ event: EventKind) -> String {
        switch self {
        case .forgotten: "nobody thinks of \(event) in \(state)"
        case .leadsNowhere: "\(event) leads nowhere in \(state)"
        case .leadsElsewhere: "\(event) leads elsewhere in \(state)"
        case .writesNothing: "\(event) writes nothing in \(state)"
        case .doesNothing: "\(event) does nothing in \(state) but lead on"
        case .givesUp: "\(event) stays in \(state) when all attempts have failed"
        case .handled: "\(event) is not dropped in \(state)"
        }
    }
}
