public import Cutover
import DurableWorkflow
import HybridRouter
import LegacyStateMachine

extension Domain {
    /// What a plan of this domain can be about.
    public var processSteps: ProcessSteps {
        let numbers = { (texts: [String]) in Set(texts.compactMap { StepNumber($0) }) }
        return ProcessSteps(
            machine: machine.name, legacy: numbers(Array(machine.steps.values) + Array(machine.boundaries.values)),
            durable: numbers(durableSteps.map(\.number)), boundaries: numbers(Array(machine.boundaries.values)))
    }
}
