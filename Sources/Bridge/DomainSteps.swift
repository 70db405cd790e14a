public import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine

extension Domain {
    /// What a plan of this domain can be about.
    public var processSteps: ProcessSteps {
        ProcessSteps(
            machine: machine.name, legacy: Set(machine.steps.values).union(machine.boundaries.values),
            durable: Set(durableSteps.map(\.number)), boundaries: Set(machine.boundaries.values),
            takesOver: Set(durableSteps.filter { !$0.adopts.isEmpty }.map(\.number)))
    }

    /// How the code of a step is told of an event: without free texts, which no step reads.
    func signal(_ id: String, of event: Event) throws -> SignalMessage {
        var told = event
        for member in freeText where told.payload[member] != nil { told.payload[member] = nil }
        return SignalMessage(id: id, name: event.kind.rawValue, payload: try JSONValue(encoding: told))
    }
}
