public import Cutover
import DurableWorkflow
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
}
