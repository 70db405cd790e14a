import BridgeTesting
import Commands
import Testing

extension FaultRates {
    /// Operators and restarts strike often, so that every move occurs among some hundred registrations.
    static let busy: FaultRates = {
        var rates = FaultRates.every(0.03)
        for (fault, share) in [
            (Fault.recall, 0.02), (.adoption, 0.1), (.halt, 0.002), (.planChange, 0.002), (.crash, 0.005), (.clockJump, 0.0005),
        ] {
            rates.shares[fault] = share
        }
        return rates
    }()
}

/// The simulation is worth something: each known bug of other people's migrations is caught.
@Suite struct MutantTests {
    private static let seeds: ClosedRange<UInt64> = 1...4

    private func run(_ seed: UInt64, _ ports: PortWrapper) async throws -> SimulationRun {
        try await A2PSimulation(seed: seed, entities: 500, rates: .busy, ports: ports, attempts: 20).run().run
    }

    /// A law that is broken, a move that never occurs, or an error that ends the run; nil for a bug that nobody noticed.
    private func finding(_ mutant: Mutant, _ seed: UInt64) async -> String? {
        do {
            let run = try await run(seed, mutant.ports)
            return run.violations.first?.description ?? run.missingMoves.first.map { "did not occur: \($0)" }
        } catch { return "the run ended: \(error)" }
    }

    @Test(arguments: Mutant.all) func isCaught(mutant: Mutant) async throws {
        for seed in Self.seeds {
            guard let finding = await finding(mutant, seed) else { continue }
            print("mutant \(mutant.testDescription): seed \(seed): \(finding.prefix(160))")
            return
        }
        Issue.record("mutant \(mutant.testDescription) survives")
    }

    /// Without a bug nothing is found, so that whatever is found is the bug.
    @Test(arguments: seeds) func theUnchangedCodePasses(seed: UInt64) async throws {
        let run = try await run(seed, .none)
        #expect(run.violations.isEmpty, "\(run.violations.prefix(3).map(\.description).joined(separator: "; "))")
        #expect(run.missingMoves.isEmpty, "\(run.missingMoves)")
    }
}
