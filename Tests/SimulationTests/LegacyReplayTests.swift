import A2PApp
import BridgeTesting
import Commands
import Events
import Outcomes
import Synchronization
import Testing

/// I7: where legacy alone comes to something else, it is replayed with what the hybrid run had.
@Suite struct LegacyReplayTests {
    private func run(_ mutant: Mutant?, seed: UInt64, attempts: Int) async throws -> SimulationRun {
        var settings = SimulationSettings(seed: seed, entities: 500, rates: .busy, attempts: attempts, mostViolations: 3)
        settings.mutant = mutant
        return try await A2PSimulation(settings).run().run
    }

    /// With 3 % of the webhooks repeated, random runs of legacy alone come to what this bug makes, and were an excuse for it.
    @Test func theReplayFindsWhatTheSpreadExcused() async throws {
        let mutant = try #require(Mutant.handOff.first { $0.number == 22 })
        var found = LegacyComparison()
        for seed in UInt64(1)...3 {
            let run = try await run(mutant, seed: seed, attempts: 200)
            #expect(run.comparison.findings == run.violations.count { $0.invariant == "I7" })
            found.findings += run.comparison.findings
            found.withinSpread += run.comparison.withinSpread
        }
        print("mutant 22 with 3 % of the webhooks repeated: \(found.findings) findings, of which random runs come to \(found.withinSpread)")
        #expect(found.findings > 0)
        #expect(found.withinSpread > 0)
    }

    /// Every difference is accounted for, and none of them by a rule that is not declared.
    @Test func everyDifferenceIsTheSameOrExcusedOrAFinding() async throws {
        var rates = FaultRates.every(0.01)
        rates.shares[.clockJump] = 0.5
        var run = try await A2PSimulation(seed: 5, entities: 300, spacing: .minutes(10), rates: rates).run().run
        let comparison = run.comparison
        #expect(comparison.differed > 0 && comparison.same > 0)
        #expect(comparison.differed == comparison.same + comparison.excused.values.reduce(0, +) + comparison.findings)
        #expect(Set(comparison.excused.keys).isSubset(of: ReplayRule.sets.map(ReplayRule.name(of:))))
        #expect(comparison.cases.count == comparison.excused.values.reduce(0, +))
        let text = try #require(comparison.text)
        #expect(text.hasPrefix("legacy alone: \(comparison.differed) entities differed: \(comparison.same) the same with"))
        run = try await A2PSimulation(seed: 5, entities: 300, spacing: .minutes(10), rates: rates).run().run
        #expect(run.comparison == comparison)
    }

    private let key = EffectKey(entity: "R-1", step: "3", operation: "registry.submitBrand")
    private var call: EffectCall {
        EffectCall(key: key, request: [:], owner: .legacy, epoch: 1, attempt: 1, at: Timestamp(milliseconds: 7_200_000))
    }

    private func world(_ failures: InjectedFailure...) -> (ReplayedWorld, CountingWorld) {
        let base = CountingWorld()
        return (ReplayedWorld(base, failures: failures), base)
    }

    private func failure(_ kind: InjectedFailure.Kind, _ code: EffectError.Code = .temporary, query: ReadQuery? = nil) -> InjectedFailure {
        let error = EffectError(code, vendorCode: "429", message: "no", retryAfter: .seconds(7))
        return InjectedFailure(kind: kind, key: query == nil ? key : nil, query: query, error: error, at: call.at)
    }

    @Test func aCallFailsAsOftenAsItDid() async throws {
        let (world, base) = world(failure(.call(isPerformed: false)), failure(.lookUp), failure(.call(isPerformed: true), .unknownOutcome))
        await #expect(throws: EffectError(.temporary, vendorCode: "429", message: "no", retryAfter: .seconds(7))) {
            try await world.perform(call)
        }
        #expect(base.calls == 0)
        await #expect(throws: EffectError.self) { try await world.reply(to: key) }
        #expect(try await world.reply(to: key) == nil)
        let lost = await #expect(throws: EffectError.self) { try await world.perform(call) }
        #expect(lost?.code == .unknownOutcome && base.calls == 1)
        #expect(try await world.perform(call) == ["call": 2])
    }

    @Test func aReadFailsWhenTheSameOneDidWithinTheHour() async throws {
        let asked = ReadQuery(entity: "R-1", operation: "registry.brand", at: call.at)
        let (world, _) = world(failure(.read, query: asked))
        for (operation, minutes) in [("registry.otp", 0), ("registry.brand", 60), ("registry.brand", -60)] {
            let other = ReadQuery(entity: "R-1", operation: operation, at: asked.at + .minutes(minutes))
            #expect(try await world.read(other) == ["read": .string(operation)])
        }
        let late = ReadQuery(entity: "R-1", operation: "registry.brand", at: asked.at + .minutes(59))
        await #expect(throws: EffectError.self) { try await world.read(late) }
        #expect(try await world.read(late) == ["read": "registry.brand"])
    }
}

/// A world that answers everything, and counts.
private final class CountingWorld: SimulatedWorld {
    private let count = Mutex(0)
    var calls: Int { count.withLock { $0 } }

    func takeLines() -> [TraceLine] { [] }
    func happen(_ line: TraceLine) throws {}
    func performed(for entity: EntityID) -> [EffectKey] { [] }
    func answer(_ key: EffectKey) -> JSONValue? { nil }
    func kind(of operation: String) -> PartyKind { .answersLookUps }
    func perform(_ call: EffectCall) async throws(EffectError) -> JSONValue {
        count.withLock { count in
            count += 1
            return ["call": .integer(count)]
        }
    }
    func reply(to key: EffectKey) async throws(EffectError) -> JSONValue? { nil }
    func read(_ query: ReadQuery) async throws(EffectError) -> JSONValue { ["read": .string(query.operation)] }
}
