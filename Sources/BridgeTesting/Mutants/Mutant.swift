package import Bridge
import DurableWorkflow
import Events
package import HybridRouter
package import LegacyStateMachine
package import Outcomes

/// A bug that somebody's migration had, or could have, put on purpose between the bridge and its domain or its ports. What finds none of
/// these finds no real one either.
package struct Mutant: Sendable, CustomStringConvertible {
    /// Where the bug is.
    package enum Side: String, Codable, Sendable, CaseIterable {
        /// The legacy table: the durable step does not do what a cell of it does.
        case legacy
        /// Router, bridge, stores and engine.
        case handOff
        /// The durable step: its calls, its record, its end.
        case durable
    }

    /// Its number in the catalogue of the documentation (`Mutants`); nil for one that is in no public report.
    package let number: Int?
    /// What is wrong, in a few words.
    package let story: String
    /// Where.
    package var side = Side.handOff
    /// The step whose code or cell it is; nil when it is no step's.
    package var step: StepNumber?
    /// The cell of the legacy table that it is in, as `state event`; nil when it is elsewhere.
    package var cell: String?
    /// What stands between the bridge and its ports.
    package var ports = PortWrapper.none
    /// The store that keeps the entities.
    package var storage: @Sendable (any HandoffStore) -> any HandoffStore = { $0 }
    /// What goes wrong besides in a simulation, so that the bug has its occasions.
    package var rates: [Fault: Double] = [:]
    /// What the parties of a simulation do with a key that they know.
    package var parties = PartyKind.refusesKnownKeys

    /// `8 step 3: registry.submitBrand is called twice`
    package var description: String { Self.name(number, step, story) }

    /// What a bug is called that has these.
    package static func name(_ number: Int?, _ step: StepNumber?, _ story: String) -> String {
        [number.map(String.init), step.map { "step \($0):" }, story].compactMap { $0 }.joined(separator: " ")
    }

    /// A bug anywhere.
    init(
        _ number: Int?, _ story: String, rates: [Fault: Double] = [:], parties: PartyKind = .refusesKnownKeys, ports: PortWrapper = .none
    ) {
        (self.number, self.story, self.rates, self.parties, self.ports) = (number, story, rates, parties, ports)
    }

    /// A bug in what a transaction leads to, knowing what is stored.
    init(_ number: Int, _ story: String, rates: [Fault: Double] = [:], bend: @escaping InMemoryHandoffStore.Bend) {
        self.init(number, story)
        self.rates = rates
        storage = { _ in InMemoryHandoffStore(bend: bend) }
    }

    /// A bug in the hand-off store.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:], store: @escaping @Sendable (any HandoffStore) -> any HandoffStore
    ) {
        self.init(number, story, ports: PortWrapper(handoffs: store))
        self.rates = rates
    }

    /// A bug in what the bridge decides.
    init(
        _ number: Int, _ story: String, rates: [Fault: Double] = [:],
        deciding bend: @escaping @Sendable (inout EntityTransaction, EntitySnapshot) -> Void
    ) {
        self.init(number, story, rates: rates, store: { BendingStore(base: $0, bend: bend) })
    }

    /// A bug of a step.
    init(_ number: Int?, _ side: Side, _ step: StepNumber, _ story: String, ports: PortWrapper = .none) {
        self.init(number, story, ports: ports)
        (self.side, self.step) = (side, step)
    }
}

/// A domain with a bug, and which.
package struct MutatedDomain<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The bug.
    package let mutant: Mutant
    /// The domain; without the bug when that is in the ports.
    package let domain: Domain<State, Record>

    /// A domain with a bug.
    package init(_ mutant: Mutant, _ domain: Domain<State, Record>) { (self.mutant, self.domain) = (mutant, domain) }
}
