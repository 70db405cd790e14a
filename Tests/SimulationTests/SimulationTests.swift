import A2PApp
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import Events
import Foundation
import Migrations
import Outcomes
import Testing

/// Router, legacy runtime, engine and world under one seeded scheduler, with everything that goes wrong.
@Suite struct SimulationTests {
    private func check(_ simulation: A2PSimulation) async throws -> SimulationRun {
        let run = try await simulation.run().run
        #expect(run.violations.isEmpty, "\(run.violations.prefix(5).map(\.description).joined(separator: "\n"))")
        return run
    }

    /// Seeds that have found something once, and some that have not.
    @Test(arguments: [1, 2, 7, 11] as [UInt64]) func aKnownSeedHasNoViolation(seed: UInt64) async throws {
        let run = try await check(A2PSimulation(seed: seed, entities: 600, rates: .every(0.03)))
        #expect(run.events > 15_000)
    }

    /// Every step is durable. All of these found that a replay saw another length of its history; 11 that a segment that was recalled
    /// between steps 6 and 7, where legacy has no state, left legacy waiting for ever.
    @Test(arguments: [11, 12, 13] as [UInt64]) func aKnownSeedHasNoViolationWithEveryStepDurable(seed: UInt64) async throws {
        var simulation = A2PSimulation(seed: seed, entities: 120)
        simulation.settings.plans = [try MigrationPlan(yaml: EmbeddedPlans.allDurable, file: EmbeddedPlans.allDurableName)]
        try #expect(await check(simulation).events > 2000)
    }

    /// The process dies in a workflow task in which step 5.2 had nothing to do: the task is begun anew, and the step has to run again.
    @Test func aStepThatWaitsForNothingIsNotLeftOut() async throws {
        var simulation = A2PSimulation(seed: 3, entities: 250, rates: FaultRates([.crash: 0.15]))
        simulation.settings.plans = [try MigrationPlan(yaml: EmbeddedPlans.allDurable, file: EmbeddedPlans.allDurableName)]
        let submitted = try await check(simulation).results.filter { $0.value.outcome.facts["campaign/id"] != nil }
        #expect(submitted.count { $0.value.outcome.facts["vetting/status"] == "SKIPPED" } > 10)
        #expect(submitted.filter { $0.value.outcome.facts["vetting/status"] == nil }.keys.sorted() == [])
    }

    /// Chance says which steps are durable, and operators change their mind in flight.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aKnownSeedHasNoViolationUnderRandomPlans(seed: UInt64) async throws {
        var rates = FaultRates.every(0.01)
        rates.shares[.planChange] = 0.002
        var simulation = A2PSimulation(seed: seed, entities: 120, rates: rates)
        let base = try MigrationPlan(yaml: EmbeddedPlans.allDurable, file: EmbeddedPlans.allDurableName)
        simulation.settings.plans = base.mixes(3, seed: seed, for: A2PDomain.make().processSteps)
        let run = try await check(simulation)
        #expect(run.faults[.planChange, default: 0] > 3)
    }

    /// A reminder of step 8 falls due while a durable step has the registration in a hold. Support's release gives it back to legacy, and the
    /// record said that the step had seen to what was due.
    @Test func whatFellDueInAHoldIsStillOwed() async throws {
        let rates = FaultRates.every(0.01)
        var simulation = A2PSimulation(seed: 33, entities: 400, rates: rates)
        let base = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        simulation.settings.plans = base.mixes(4, seed: 33, for: A2PDomain.make().processSteps)
        _ = try await check(simulation)
    }

    /// Legacy looked by a clock that was half a day ahead. In seed 12 a durable step forgot that look, and legacy looked sooner after the step
    /// than legacy alone. In seed 11 the clock was wrong while a durable step had the registration a second time, and the replay of legacy
    /// did not rest in it; what it finds now is in Simulation.md, "Findings".
    @Test(arguments: [11, 12] as [UInt64]) func aLookByAClockThatWasAhead(seed: UInt64) async throws {
        var simulation = A2PSimulation(seed: seed, entities: 400, rates: .every(0.03))
        let base = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        simulation.settings.plans = base.mixes(4, seed: seed, for: A2PDomain.make().processSteps)
        try await withKnownIssue {
            _ = try await check(simulation)
        } when: {
            seed == 11
        }
    }

    /// The clock is wrong most of the time. Seed 5 missed a poll that legacy alone had made while the step was durable. In seed 6 legacy
    /// attached a number twice, because the cron job was refused by the store just before the clock jumped.
    @Test(arguments: [5, 6, 7] as [UInt64]) func aClockThatIsHardlyEverRight(seed: UInt64) async throws {
        var rates = FaultRates.every(0.01)
        rates.shares[.clockJump] = 0.5
        let simulation = A2PSimulation(seed: seed, entities: 300, spacing: .minutes(10), rates: rates)
        let run = try await check(simulation)
        #expect(run.faults[.clockJump, default: 0] > 10_000)
    }

    /// Parties that do a thing twice when they are asked twice: one kind answers look-ups, with the other a person finds out.
    @Test(arguments: [.answersLookUps, .neither] as [PartyKind], [1, 7] as [UInt64])
    func aKnownSeedHasNoViolationWithOtherParties(parties: PartyKind, seed: UInt64) async throws {
        var simulation = A2PSimulation(seed: seed, entities: 300, rates: .every(0.03))
        simulation.settings.parties = parties
        let run = try await check(simulation)
        #expect(run.events > 5000)
        #expect((run.moves["settled", default: 0] > 50) == (parties == .neither))
    }

    private func lanes(_ lanes: Int, seed: UInt64, entities: Int = 200, parties: PartyKind = .refusesKnownKeys) -> A2PSimulation {
        var simulation = A2PSimulation(seed: seed, entities: entities, spacing: .seconds(2), rates: .every(0.03))
        simulation.settings.lanes = lanes
        simulation.settings.parties = parties
        return simulation
    }

    /// Many things under way at a time, as in a live service. Seed 4 found that a segment whose entity was recalled and legacy could both begin
    /// the same call.
    @Test(
        arguments: [
            (4, PartyKind.neither), (5, .neither), (21, .answersLookUps), (31, .refusesKnownKeys), (35, .refusesKnownKeys),
        ] as [(UInt64, PartyKind)]) func aKnownSeedHasNoViolationWithManyLanes(seed: UInt64, parties: PartyKind) async throws
    {
        var simulation = lanes(16, seed: seed, parties: parties)
        if seed == 4 { (simulation.settings.lanes, simulation.settings.spacing) = (8, .seconds(36)) }
        let run = try await check(simulation)
        #expect(run.events > 5000)
    }

    @Test func theSameSeedGivesTheSameRunWithManyLanes() async throws {
        let (first, second) = (try await lanes(8, seed: 5, entities: 60).run().run, try await lanes(8, seed: 5, entities: 60).run().run)
        #expect(first.digest == second.digest)
        #expect(first.results == second.results)
        #expect(try await lanes(1, seed: 5, entities: 60).run().run.digest != first.digest)
    }

    @Test func aFreshSeedHasNoViolation() async throws {
        let given = ProcessInfo.processInfo.environment["LOCKSTEP_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64(Date().timeIntervalSince1970)
        print("simulation: LOCKSTEP_SEED=\(seed), again: lockstep simulate --seed \(seed) --entities 500")
        // It is told, and decides nothing: a finding gets a seed of its own in the suite.
        await withKnownIssue("a fresh seed", isIntermittent: true) { _ = try await check(A2PSimulation(seed: seed, entities: 500)) }
    }

    @Test func theSameSeedGivesTheSameRun() async throws {
        let simulation = A2PSimulation(seed: 5, entities: 100, rates: .every(0.05))
        let (first, second) = (try await simulation.run().run, try await simulation.run().run)
        #expect(first.digest == second.digest)
        #expect(first.faults == second.faults)
        #expect(first.results == second.results)
        #expect(first.comparison == second.comparison)
        #expect(try await A2PSimulation(seed: 6, entities: 100, rates: .every(0.05)).run().run.digest != first.digest)
    }

    /// Every fault, every move of ownership and every end of an event occurs in a run that is long enough to say something.
    @Test func everythingOccurs() async throws {
        let run = try await check(A2PSimulation(seed: 3, entities: 2500, rates: .busy))
        let missing = Fault.allCases.filter { run.faults[$0, default: 0] == 0 }
        #expect(missing.isEmpty, "faults that did not occur: \(missing)")
        let other = try await check(A2PSimulation(seed: 9, entities: 150, rates: .every(0.03))).missingMoves
        let moves = run.missingMoves.filter { other.contains($0) }
        #expect(moves.isEmpty, "moves that did not occur: \(moves)")
    }
}
