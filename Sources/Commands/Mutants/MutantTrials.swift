import Bridge
import BridgeTesting
import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Plays one program with and without bugs, and says who finds each.
final class MutantTrials<State: MachineState, Record: Codable & Sendable> {
    private let app: LockstepApp<State, Record>
    private let plan: MigrationPlan
    private let options: MutantOptions
    private let lines: TraceFiles
    private let comparator: Comparator
    private var control: [EntityID: Observation] = [:]
    /// What the program without a bug already differs in.
    private var known: [EntityID: Set<Place>] = [:]
    /// The cells of the table, as `state event`, that the recordings reach.
    private var reached: Set<String> = []
    /// How many transactions the program without a bug makes.
    private var transactions = 0
    private var explorer: MutantExplorer<State, Record>?
    private let simulator: MutantSimulator?

    private struct Place: Hashable {
        let layer: Difference.Layer
        let kind: Difference.Kind
        let path: String
    }

    init(_ app: LockstepApp<State, Record>, _ plan: MigrationPlan, _ lines: TraceFiles, _ options: MutantOptions, at now: Timestamp) {
        (self.app, self.plan, self.options, self.lines) = (app, plan, options, lines)
        comparator = plan.comparator(at: now)
        simulator = app.simulation.flatMap { MutantSimulator($0, seeds: options.seeds) }
    }

    /// Plays the program without a bug, and says which bugs can be put in.
    func mutants() async throws -> [MutatedDomain<State, Record>] {
        let probe = StepProbe<State, Record>()
        control = try await play(app.domain, .legacy) { run in
            for entity in try await run.store.entities() { self.reached.formUnion(try await run.store.journal(of: entity).cells) }
        }
        let candidate = try await play(probe.probing(app.domain), .hybrid)
        for entity in control.keys { known[entity] = Set(differences(control, candidate, entity).map(Self.place)) }
        explorer = try await MutantExplorer(app, plan, comparator, options)
        let moved = Set(try plan.movedSteps(named: options.step))
        let ledger = candidate.sorted { $0.key < $1.key }.flatMap(\.value.ledger)
        let durable = Mutant.effects(of: ledger).map { MutatedDomain($0, app.domain) } + probe.mutants(of: app.domain)
        let ofSteps = durable.filter { $0.mutant.step.map(moved.contains) ?? false }
        let handOff = triesHandOff ? Mutant.handOff.map { MutatedDomain($0, app.domain) } : []
        return (MutatedDomain.cells(of: app.domain, in: moved) + handOff + ofSteps).filter(options.wants)
    }

    /// Half of the bugs of the hand-off need an operator or a fault, which no recording has.
    private var triesHandOff: Bool {
        options.step == nil && (options.side == .handOff || simulator != nil)
    }

    /// Asks one judge after the other, until one finds the bug.
    func trial(of mutated: MutatedDomain<State, Record>) async throws -> MutantTrial {
        let clock = ContinuousClock()
        let began = clock.now
        var trial = MutantTrial(mutated.mutant)
        trial.isReached = mutated.mutant.cell.map(reached.contains) ?? true
        if trial.isReached, let found = await comparison(mutated, &trial) { trial.isCaught(by: .comparator, found) }
        if trial.caughtBy == nil, let found = try await explorer?.finding(mutated, &trial) { trial.isCaught(by: .explorer, found) }
        if trial.caughtBy == nil, mutated.mutant.side == .handOff, let found = try await simulator?.finding(mutated.mutant, &trial) {
            trial.isCaught(by: .simulation, found)
        }
        trial.seconds = began.duration(to: clock.now).roundedSeconds
        return trial
    }

    private func comparison(_ mutated: MutatedDomain<State, Record>, _ trial: inout MutantTrial) async -> MutantTrial.Finding? {
        do {
            var control = control
            if mutated.mutant.side == .legacy {
                control = try await play(mutated.domain, .legacy)
                trial.played += control.count
            }
            let candidate = try await play(mutated.domain, .hybrid, mutated.mutant)
            trial.played += candidate.count
            return finding(control, candidate)
        } catch { return MutantTrial.Finding(law: "the run goes on", sentence: "the run ended: \(error)") }
    }

    private func finding(_ control: [EntityID: Observation], _ candidate: [EntityID: Observation]) -> MutantTrial.Finding? {
        var layers: Set<Difference.Layer> = []
        var first: (entity: EntityID, difference: Difference)?
        for entity in control.keys.sorted() {
            for difference in differences(control, candidate, entity) where known[entity]?.contains(Self.place(difference)) != true {
                layers.insert(difference.layer)
                if first == nil { first = (entity, difference) }
            }
        }
        guard let first else { return nil }
        return MutantTrial.Finding(
            layers: Difference.Layer.allCases.filter(layers.contains),
            sentence: "\(first.entity): \(first.difference.place)")
    }

    private func differences(
        _ control: [EntityID: Observation], _ candidate: [EntityID: Observation], _ entity: EntityID
    ) -> [Difference] {
        comparator.compare(entity, control: control[entity], candidate: candidate[entity]).differences.filter { !$0.expected }
    }

    private static func place(_ difference: Difference) -> Place {
        Place(layer: difference.layer, kind: difference.kind, path: difference.path)
    }

    /// More than a program with a bug can need that comes to an end.
    private var most: Int { transactions == 0 ? .max : 4 * transactions + 10_000 }

    /// What a run in memory makes of the recordings.
    private func play(
        _ domain: Domain<State, Record>, _ mode: RunMode, _ mutant: Mutant? = nil,
        look: (AppRun<State, Record>) async throws -> Void = { _ in }
    ) async throws -> [EntityID: Observation] {
        let storage = InMemoryHandoffStore()
        let (run, store) = try app.memoryRun(
            of: domain, mode, plan, mutant?.ports ?? .none, storage: mutant?.storage(storage) ?? storage, atMost: most)
        try await run.play(lines)
        try await look(run)
        if mutant == nil { transactions = max(transactions, store.transactions) }
        return Dictionary(try await run.observations().map { ($0.entity, $0) }, uniquingKeysWith: { $1 })
    }
}

extension [JournalEntry] {
    /// The cells of the legacy table that rows were handled by, as `state event`.
    fileprivate var cells: [String] {
        compactMap { entry in
            switch entry.move {
            case .handled(let row, let from, _), .exhausted(let row, let from, _, _): "\(from) \(row.kind)"
            default: nil
            }
        }
    }
}
