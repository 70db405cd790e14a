import Bridge
import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Synchronization

/// One simulated run of ``ThreeSteps``, and what it leaves behind.
struct ThreeStepsRun {
    let shape: ThreeSteps.Shape
    let seed: UInt64
    var entities = 100
    var lanes = 8
    var mutant: Mutant?
    var recalls = 0.002

    /// What broke, and the journal of every entity.
    struct Found {
        var violations: [Violation] = []
        var journals: [(entity: EntityID, entries: [JournalEntry])] = []
        /// The entities that have not come to their end.
        var unfinished: [EntityID] = []
    }

    private final class Shelf: Sendable { let store = Mutex<(any HandoffStore)?>(nil) }

    private var rates: FaultRates {
        var rates = FaultRates([
            .crash: 0.0004, .ioError: 0.0004, .busy: 0.005, .slow: 0.01, .reorder: 0.3, .recall: recalls,
        ])
        rates.shares.merge(mutant?.rates.filter { [.recall, .crash, .reorder].contains($0.key) } ?? [:]) { max($0, $1) }
        return rates
    }

    /// Runs until nothing is left to do.
    func play() async throws -> Found {
        var options = SimulationOptions(
            domain: ThreeSteps.domain(shape), plans: [try ThreeSteps.plan(shape)], seed: seed, rates: rates)
        let shelf = Shelf()
        options.lanes = lanes
        options.ports = mutant?.ports ?? .none
        options.storage = { [storage = mutant?.storage] base in
            let store = storage?(base) ?? base
            shelf.store.withLock { $0 = store }
            return store
        }
        let world = ThreeStepsWorld(shape, entities: entities, seed: seed)
        let run = try await Simulation(options, world: world).play()
        var found = Found(violations: run.violations)
        guard let store = shelf.store.withLock({ $0 }) else { return found }
        for (entity, result) in run.results.sorted(by: { $0.key < $1.key }) {
            found.journals.append((entity, try await store.journal(of: entity)))
            if result.outcome.status != "done" { found.unfinished.append(entity) }
        }
        return found
    }
}
