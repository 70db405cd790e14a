import A2PApp
import BridgeTesting
import Commands
import Outcomes
import Testing

/// The simulation is worth something: each known bug of other people's migrations is caught.
@Suite struct MutantTests {
    private static let seeds: [UInt64] = [1, 4, 5]
    private static func run(_ seed: UInt64, _ mutant: Mutant? = nil) async throws -> SimulationRun {
        var rates = FaultRates.busy
        rates.shares.merge(mutant?.rates ?? [:]) { $1 }
        var settings = SimulationSettings(
            seed: seed, entities: 500, rates: rates, attempts: 0, mostViolations: 1)
        settings.parties = mutant?.parties ?? .refusesKnownKeys
        settings.mutant = mutant
        return try await A2PSimulation(settings).run().run
    }

    /// The runs without a bug: whatever is found beyond them is the bug.
    private static let unchanged: [UInt64: Task<SimulationRun, any Error>] = Dictionary(
        seeds.map { seed in (seed, Task { try await run(seed) }) }, uniquingKeysWith: { $1 })

    @Test(arguments: seeds) func theUnchangedCodePasses(seed: UInt64) async throws {
        let run = try await #require(Self.unchanged[seed]).value
        #expect(run.violations.isEmpty, "\(run.violations.prefix(3).map(\.description).joined(separator: "; "))")
    }

    @Test func everyMoveOccursInOneOfTheRuns() async throws {
        var missing: Set<String>?
        for run in Self.unchanged.values {
            let moves = Set(try await run.value.missingMoves)
            missing = missing?.intersection(moves) ?? moves
        }
        #expect(missing == [])
    }

    /// A law that is broken, a move that never occurs, or an error that ends the run; nil for a bug that nobody noticed.
    private func finding(_ mutant: Mutant, _ seed: UInt64) async throws -> String? {
        let known = try await #require(Self.unchanged[seed]).value.missingMoves
        do {
            let run = try await Self.run(seed, mutant)
            if let violation = run.violations.first { return violation.description }
            return run.missingMoves.first { FaultRates.decisive.contains($0) && !known.contains($0) }.map { "did not occur: \($0)" }
        } catch { return "the run ended: \(error)" }
    }

    /// One thing at a time has no occasion for these: they need something that comes between a read and its commit.
    @Test(arguments: Mutant.lanes) func isCaughtWithManyLanes(mutant: Mutant) async throws {
        var rates = FaultRates.every(0.03)
        rates.shares.merge(mutant.rates) { $1 }
        for seed in UInt64(1)...40 {
            var settings = SimulationSettings(
                seed: seed, entities: 200, spacing: .seconds(2), rates: rates, attempts: 0, mostViolations: 1)
            (settings.lanes, settings.parties, settings.mutant) = (16, mutant.parties, mutant)
            guard let violation = try await A2PSimulation(settings).run().run.violations.first else { continue }
            return print("mutant \(mutant): seed \(seed): \(violation.description.prefix(160))")
        }
        Issue.record("mutant \(mutant) survives")
    }

    @Test(arguments: Mutant.handOff) func isCaught(mutant: Mutant) async throws {
        for seed in Self.seeds {
            guard let finding = try await finding(mutant, seed) else { continue }
            print("mutant \(mutant): seed \(seed): \(finding.prefix(160))")
            return
        }
        Issue.record("mutant \(mutant) survives")
    }
}
