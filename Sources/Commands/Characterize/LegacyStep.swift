import Bridge
import BridgeTesting
import Events
import LegacyStateMachine
import Outcomes

/// The cells of the legacy table that somebody replaces who writes one step anew.
struct LegacyStep<State: MachineState, Record: Codable & Sendable> {
    let domain: Domain<State, Record>
    let number: StepNumber

    private var machine: Machine<State, Record> { domain.machine }

    /// Every cell of the step that a row handles.
    var cells: [(state: State, event: EventKind)] { machine.handled.filter { contains($0.state, $0.event) } }

    /// True for a passage of the step.
    func contains(_ passage: Passage) -> Bool {
        State(rawValue: passage.state).map { contains($0, passage.event) } ?? false
    }

    /// An event that interrupts a durable step stays legacy's. The message by which legacy goes on belongs to the step that it begins.
    private func contains(_ state: State, _ event: EventKind) -> Bool {
        guard event != .continue || machine.boundaries[state] == nil else {
            guard case .handled(_, let targets) = machine.cell(state, event) else { return false }
            return targets.contains { machine.steps[$0] == number }
        }
        return machine.steps[state] == number && !domain.interrupts.contains(event)
    }

    /// The bugs that can be made in a cell, each with the table that has it.
    func bugs(in state: String, on event: EventKind) -> [(bug: CellBug, machine: Machine<State, Record>)] {
        guard let state = State(rawValue: state) else { return [] }
        return CellBug.allCases.compactMap { bug in machine.bent(bug, on: event, in: state).map { (bug, $0) } }
    }

    /// What the table says of a cell, in a few words.
    func note(_ state: String, _ event: EventKind) -> String {
        switch State(rawValue: state).map({ machine.cell($0, event) }) {
        case .handled(let note, _)?: note
        case .ignored(let reason)?: "dropped: \(reason)"
        case .undefined?, nil: "dropped: nobody has thought of it"
        }
    }
}
