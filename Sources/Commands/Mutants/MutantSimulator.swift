import BridgeTesting
import Outcomes

/// Looks for bugs of the hand-off where everything goes wrong and operators strike often.
final class MutantSimulator {
    private let simulation: any AppSimulation
    private let seeds: Int
    private var plain: [UInt64: SimulationRun] = [:]
    private static let entities = 300

    /// Nil without seeds.
    init?(_ simulation: any AppSimulation, seeds: Int) {
        guard seeds > 0 else { return nil }
        (self.simulation, self.seeds) = (simulation, seeds)
    }

    /// The first of the laws that a seed shows to be broken, or a hand-off that never occurs.
    func finding(_ mutant: Mutant, _ trial: inout MutantTrial) async throws -> MutantTrial.Finding? {
        for seed in 1...UInt64(seeds) {
            let plain = try await plain(seed)
            trial.simulated += Self.entities
            do {
                let run = try await simulation.run(Self.settings(seed, mutant), progress: { _, _ in }).run
                if let violation = run.violations.first {
                    return MutantTrial.Finding(law: violation.invariant, sentence: "seed \(seed): \(violation)")
                }
                let missing = run.missingMoves.first { FaultRates.decisive.contains($0) && !plain.missingMoves.contains($0) }
                if let missing { return MutantTrial.Finding(law: "\(missing) occur", sentence: "seed \(seed): none occurred") }
            } catch { return MutantTrial.Finding(law: "the run goes on", sentence: "seed \(seed): the run ended: \(error)") }
        }
        return nil
    }

    private func plain(_ seed: UInt64) async throws -> SimulationRun {
        if let run = plain[seed] { return run }
        let run = try await simulation.run(Self.settings(seed, nil), progress: { _, _ in }).run
        guard run.violations.isEmpty else {
            throw CommandFailure(
                .differences, "expected laws that hold without a bug, found with seed \(seed): \(run.violations[0]); mend that first")
        }
        plain[seed] = run
        return run
    }

    private static func settings(_ seed: UInt64, _ mutant: Mutant?) -> SimulationSettings {
        var rates = FaultRates.busy
        rates.shares.merge(mutant?.rates ?? [:]) { $1 }
        var settings = SimulationSettings(
            seed: seed, entities: entities, rates: rates, attempts: 0, mostViolations: 1)
        settings.parties = mutant?.parties ?? .refusesKnownKeys
        settings.mutant = mutant
        return settings
    }
}
