public import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine

extension Domain {
    /// What a plan of this domain can be about.
    public var processSteps: ProcessSteps {
        var process = ProcessSteps(
            machine: machine.name, legacy: Set(machine.steps.values).union(machine.boundaries.values),
            durable: Set(durableSteps.map(\.number)), boundaries: Set(machine.boundaries.values),
            takesOver: Set(durableSteps.filter { !$0.adopts.isEmpty }.map(\.number)),
            answering: Set(durableSteps.filter { $0.answers || interrupts.isEmpty }.map(\.number)), unhandled: unhandled,
            unadopted: unadopted, isLegacyGone: map != nil)
        process.isService = service != nil
        process.madeUp = Set(durableSteps.filter { $0.makesUp != nil }.map(\.number))
        return process
    }

    private var unhandled: [String: Set<EventKind>] {
        Dictionary(grouping: machineDescription.matrix, by: \.state).mapValues { cells in
            Set(cells.filter { $0.kind != "handled" }.map(\.event))
        }
    }

    /// The states in which an entity can be and no durable step can take it over.
    private var unadopted: [String] {
        let adopted = Set(durableSteps.flatMap(\.adopts))
        return machineDescription.states.filter { name in
            guard let state = State(rawValue: name), !adopted.contains(name) else { return false }
            return !machine.final.contains(state) && machine.boundaries[state] == nil
        }
    }

    /// How the code of a step is told of an event: without free texts, which no step reads.
    func signal(_ id: String, of event: Event) throws -> SignalMessage {
        SignalMessage(id: id, name: event.kind.rawValue, payload: try JSONValue(encoding: event.without(freeText)))
    }
}

extension Event {
    /// The same event without these members of its payload.
    func without(_ members: Set<String>) -> Event {
        var event = self
        for member in members where event.payload[member] != nil { event.payload[member] = nil }
        return event
    }
}
