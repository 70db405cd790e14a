import A2PApp
import A2PRegistration
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import Foundation
import HybridRouter
import LegacyFixtures
import LegacyStateMachine
import Migrations
import Outcomes
import SQLiteStorage
import ShadowComparator
import Synchronization
import Testing

/// Every step is retired: registrations are born, interrupted, wait for months and end, and no legacy code is there.
@Suite struct RetiredTests {
    typealias RetiredRun = AppRun<RegistrationState, Registration>

    static func plan(_ stage: Stage = .retired) throws -> MigrationPlan {
        var plan = try MigrationPlan(yaml: EmbeddedPlans.retired, file: EmbeddedPlans.retiredName)
        for index in plan.steps.indices { plan.steps[index].stage = stage }
        return plan
    }

    /// An app without the machine.
    static func app(steps: [DurableStep<Registration>] = A2PDomain.durableSteps) throws -> LockstepApp<RegistrationState, Registration> {
        LockstepApp(
            "retired", domain: try A2PDomain.retired(steps: steps), effects: nil,
            plan: .text(EmbeddedPlans.retired, name: EmbeddedPlans.retiredName), recorded: { A2POutside(journal: $0) })
    }

    /// A run without the machine, with some of its steps as somebody has changed them.
    static func run(_ changed: [DurableStep<Registration>] = [], database: String = ":memory:") throws -> RetiredRun {
        let steps = A2PDomain.durableSteps.map { step in changed.first { $0.number == step.number } ?? step }
        return try AppRun(app(steps: steps), RunOptions(mode: .hybrid, plan: try plan(), database: database))
    }

    private static func lines(_ fixture: String) throws -> [TraceLine] {
        try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)").lines
    }

    private static func entity(_ lines: [TraceLine]) throws -> EntityID {
        let names = lines.compactMap { $0.body["registration"]?.string }
        return EntityID(try #require(names.first))
    }

    // MARK: Everything works

    @Test func everyFixtureEndsAsRecorded() async throws {
        let run = try Self.run()
        try await run.play(try EveryStepTests.allLines())
        let outcomes = try await run.outcomes()
        for name in EveryStepTests.fixtures {
            for (entity, expected) in try Scenario(folder: "\(LegacyFixtures.folder)/\(name)").hybrid ?? [:] {
                #expect(outcomes[entity] == expected, "\(name)")
            }
        }
        for entity in try await run.store.entities() {
            let journal = try await run.store.journal(of: entity)
            let byLegacy = journal.filter { entry in
                switch entry.move {
                case .handled, .exhausted, .swept, .continued, .parked(_, nil): true
                default: false
                }
            }
            #expect(byLegacy.isEmpty, "\(entity): \(byLegacy.map { $0.what })")
            #expect(try await run.ledger(of: entity).allSatisfy { $0.owner == .durable }, "\(entity)")
        }
    }

    /// The program of the test tree has every verb for registrations, and not a line of the legacy machine; this one has it.
    @Test func theLegacyMachineIsNotLinked() throws {
        let folder = URL(filePath: try #require(Lockstep.binary)).deletingLastPathComponent()
        // Symbols of the module: its name alone also stands in the embedded texts, which name files.
        func names(_ program: String, _ module: String) throws -> Bool {
            let bytes = try Data(contentsOf: folder.appending(path: program), options: .alwaysMapped)
            return bytes.range(of: Data("$s\(module.utf8.count)\(module)".utf8)) != nil
        }
        #expect(try names("lockstep", "A2PLegacy"), "the search finds it where it is")
        #expect(try names("retired-registrations", "A2PRetired"))
        #expect(try !names("retired-registrations", "A2PLegacy"))
        let program = Process()
        program.executableURL = folder.appending(path: "retired-registrations")
        program.arguments = ["run", "--database", ":memory:"]
        program.standardOutput = FileHandle.nullDevice
        try program.run()
        program.waitUntilExit()
        #expect(program.terminationStatus == 0, "every fixture ends as recorded, or it says which does not")
    }

    @Test func theMapIsWhatTheMachinePrints() throws {
        let printed = try LegacyMachine(parsing: EmbeddedMachines.registration)
        #expect(printed == A2PDomain.make().machineMap, "print it anew: lockstep machine --format map > Migrations/Machines/…")
        #expect(try A2PDomain.retired().machineMap == printed)
    }

    /// After activation a registration waits for as long as its campaign lives. Its history begins anew before it grows, and nothing is lost.
    @Test func aLongLifeHasShortHistories() async throws {
        let lines = try Self.lines("happy-private-profit")
        let entity = try Self.entity(lines)
        let start = try #require(lines.map(\.receivedAt).max()) + .days(10)
        let complaints = (0..<1400).map { day in
            TraceLine(
                receivedAt: start + .hours(day), source: "tcr",
                body: [
                    "eventType": "MNO_COMPLAINT", "cspId": "S000001", "campaignId": .string(SyntheticIDs.campaign(entity)),
                    "mnoId": .integer(10017), "description": .string("complaint \(day)"),
                ])
        }
        let run = try Self.run()
        try await run.play(lines + complaints)
        let snapshot = try #require(try await run.store.snapshot(of: entity))
        let registration: Registration = try snapshot.record.body.value()
        #expect(registration.complaints == 1400)
        #expect(snapshot.ownership.owner == .durable && snapshot.ownership.epoch == 2, "one segment in all")
        let history = try await run.engine.history(workflowID: snapshot.ownership.segmentID).events
        #expect(history.count < WorkflowLimits.continueAsNewSuggestedEvents + 100)
        #expect(history.first?.fields.text(.firstRunID) != history.first?.fields.text(.originalRunID), "it is not the first run")
    }

    /// A campaign takes so many numbers; one more is a dead letter, and the registration goes on.
    @Test func whatNobodyCanUseIsADeadLetter() async throws {
        let lines = try Self.lines("happy-private-profit")
        let entity = try Self.entity(lines)
        let start = try #require(lines.map(\.receivedAt).max()) + .days(1)
        let more = (1...49).map { number in
            TraceLine(
                receivedAt: start + .minutes(number), source: "customer",
                body: [
                    "id": .string("more-\(number)"), "type": "numbers.add", "registration": .string(entity.rawValue), "data": [:],
                ])
        }
        let run = try Self.run()
        try await run.play(lines + more)
        let record: Registration = try #require(try await run.store.snapshot(of: entity)).record.body.value()
        #expect(record.numbers.count == 49)
        #expect(try await run.store.deadLetters() == ["failed": 1])
    }

    // MARK: What goes wrong

    /// The code of a step fails: nobody can take the registration back, so it is set aside; mended and released, the step goes on where it
    /// waited, and nothing is done twice.
    @Test func aStepThatFailsIsSetAsideAndBeginsAgain() async throws {
        let isMended = Mutex(false)
        let review = PartnerReview.step.running { context, registration in
            if isMended.withLock({ $0 }) { return try await PartnerReview.step.run(context, &registration) }
            _ = try await context.wait(for: ["CAMPAIGN_SHARE_ACCEPT"])
            throw Broken()
        }
        let run = try Self.run([review])
        let lines = try Self.lines("happy-private-profit")
        try await run.play(lines)
        let entity = try #require(try await run.store.entities().first)
        let aside = try #require(try await run.store.quarantined().first)
        #expect(aside.entity == entity && aside.reason.contains("step 8 is retired") && aside.reason.contains("broken"))
        isMended.withLock { $0 = true }
        try await run.bridge.release(entity)
        let later = try #require(lines.map(\.receivedAt).max()) + .hours(1)
        try await run.bridge.reconcile(at: later)
        try await run.play([])
        let expected = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit").hybrid
        #expect(try await run.outcomes()[entity]?.status == expected?[entity]?.status)
        let shares = try await run.ledger(of: entity).filter { $0.key.operation == "partner.share" }
        #expect(shares.count == 1)
    }

    private struct Broken: Error, CustomStringConvertible {
        var description: String { "broken" }
    }

    /// Somebody ends a workflow by hand: the registration goes on in the wait in which it was, in a new segment.
    @Test func aTerminatedSegmentBeginsAgainWhereItWaited() async throws {
        let lines = try Self.lines("happy-private-profit")
        let half = Array(lines.prefix { $0.body["eventType"]?.string != "CAMPAIGN_DCA_COMPLETE" })
        let run = try Self.run()
        try await Self.stream(half, into: run)
        let entity = try Self.entity(lines)
        let before = try #require(try await run.store.snapshot(of: entity))
        #expect(before.ownership.owner == .durable && before.record.state == "DCA_REVIEW")
        try await run.engine.terminate(workflowID: before.ownership.segmentID, reason: "by hand")
        #expect(try await run.bridge.reconcile(at: before.record.lastEventAt) == 1)
        let after = try #require(try await run.store.snapshot(of: entity))
        #expect(after.ownership.owner == .durable && after.ownership.epoch == before.ownership.epoch + 2)
        #expect(after.record.state == before.record.state && after.record.stepEnteredAt == before.record.stepEnteredAt)
        try await run.play(Array(lines.dropFirst(half.count)))
        let expected = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit").hybrid
        #expect(try await run.outcomes() == #require(expected))
    }

    @Test func thereIsNobodyToRecallTo() async throws {
        let run = try Self.run()
        try await Self.stream(Array(try Self.lines("happy-private-profit").prefix(3)), into: run)
        let entity = try #require(try await run.store.entities().first)
        guard case .refused(let sentence) = try await run.bridge.recall(entity, at: .distantFuture) else {
            Issue.record("it was recalled")
            return
        }
        #expect(sentence.contains("is retired"))
    }

    /// A halt returns steps to legacy; those that are retired go on.
    @Test func aHaltStopsNothingThatIsRetired() async throws {
        let run = try Self.run()
        try await run.bridge.halt(at: Timestamp(milliseconds: 1_772_442_000_000))
        try await run.play(try Self.lines("happy-private-profit"))
        let expected = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit").hybrid
        #expect(try await run.outcomes() == #require(expected))
    }

    // MARK: The way there

    /// Legacy must have nobody any more when it is retired.
    @Test func aDatabaseInWhichLegacyHasSomebodyIsRefused() async throws {
        let path = TemporaryDatabase.path("retired")
        defer { TemporaryDatabase.remove(path) }
        let lines = try Self.lines("brand-suspended-in-partner-review")
        let held = lines.prefix { $0.body["type"]?.string != "support.override" }
        do {
            let run = try A2PRun(.init(mode: .hybrid, plan: try EveryStepTests.plan(Set(EveryStepTests.steps)), database: path))
            try await Self.stream(Array(held), into: run)
        }
        let run = try Self.run(database: path)
        let error = await #expect(throws: CommandFailure.self) { try await run.play([]) }
        #expect("\(try #require(error))".contains("expected no entity with legacy") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("interrupts: durable\n", "interrupts: legacy\n", "expected 'interrupts: durable' in a plan with a retired step"),
        ("interrupts: durable\n", "interrupts: nobody\n", "expected 'interrupts' as legacy or durable"),
    ])
    func aPlanThatCannotBeRunIsRefused(from: String, to: String, sentence: String) throws {
        let yaml = EmbeddedPlans.retired.replacingOccurrences(of: from, with: to)
        let error = #expect(throws: PlanError.self) {
            try MigrationPlan(yaml: yaml, file: "p.yaml").check(against: A2PDomain.make().processSteps)
        }
        #expect("\(try #require(error))".contains(sentence))
    }

    @Test func stepsThatLeaveAnswersToLegacyCannotBeRetired() throws {
        let silent = DurableStep<Registration>(number: "5.2", events: [], activities: []) { _, _ in }
        let steps = A2PDomain.durableSteps.map { $0.number == "5.2" ? silent : $0 }
        let error = #expect(throws: PlanError.self) { try Self.plan().check(against: A2PDomain.make(steps: steps).processSteps) }
        #expect("\(try #require(error))".contains("step 5.2: expected durable code that answers what belongs to no step"))
    }

    @Test func aStateThatNoStepAdoptsCannotBeRetired() throws {
        let steps = A2PDomain.durableSteps.filter { $0.number != "9" }
        var plan = try Self.plan()
        plan.steps.removeAll { $0.number == "9" }
        let problems = plan.problems(for: A2PDomain.make(steps: steps).processSteps)
        #expect(problems.contains { $0.contains("found none for MNO_REVIEW, MNO_PARTIAL, MNO_REJECTED") }, "\(problems)")
    }

    @Test func aProgramWithoutLegacyRunsNoOtherPlan() throws {
        let error = #expect(throws: PlanError.self) { try Self.plan(.durable).check(against: A2PDomain.retired().processSteps) }
        #expect("\(try #require(error))".contains("this program has no legacy machine any more"))
    }

    /// One that legacy holds is taken over in the hold, and goes on when support releases it.
    @Test func aHeldRegistrationIsAdopted() async throws {
        let path = TemporaryDatabase.path("held")
        defer { TemporaryDatabase.remove(path) }
        let fixture = "brand-suspended-in-partner-review"
        let lines = try Self.lines(fixture)
        let entity = try Self.entity(lines)
        let release = try #require(lines.firstIndex { $0.body["type"]?.string == "support.override" })
        do {
            let run = try A2PRun(.init(mode: .hybrid, plan: try EveryStepTests.plan(Set(EveryStepTests.steps)), database: path))
            try await Self.stream(Array(lines[..<release]), into: run)
            #expect(try await run.store.snapshot(of: entity)?.record.state == "MANUAL_HOLD")
        }
        let run = try A2PRun(.init(mode: .hybrid, plan: try Self.plan(.durable), database: path))
        try await run.bridge.load()
        let adoption = try await run.bridge.adopt(entity, at: lines[release].receivedAt + .seconds(-60))
        #expect(adoption == .moved(epoch: 4))
        try await run.play(lines)
        let expected = try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)").hybrid
        #expect(try await run.outcomes()[entity] == expected?[entity])
        let moves = try await run.store.journal(of: entity).map(\.move)
        #expect(moves.contains { if case .adopted(_, "MANUAL_HOLD") = $0 { true } else { false } })
    }

    /// Delivers lines as they come; at their end, what waits goes on waiting.
    private static func stream(_ lines: [TraceLine], into run: RetiredRun) async throws {
        var rest = lines[...]
        try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
    }

    /// Segments that began when legacy still answered make room for ones that answer themselves, when they hear of it.
    @Test func aSegmentOfBeforeIsReplacedWhenSomethingIsToBeAnswered() async throws {
        let path = TemporaryDatabase.path("before")
        defer { TemporaryDatabase.remove(path) }
        let lines = try Self.lines("cancelled-in-partner-review")
        let cancel = try #require(lines.firstIndex { $0.body["type"]?.string == "registration.cancel" })
        do {
            let run = try A2PRun(.init(mode: .hybrid, plan: try EveryStepTests.plan(Set(EveryStepTests.steps)), database: path))
            try await Self.stream(Array(lines[..<cancel]), into: run)
        }
        let run = try Self.run(database: path)
        try await run.play(Array(lines[cancel...]))
        let expected = try Scenario(folder: "\(LegacyFixtures.folder)/cancelled-in-partner-review").hybrid
        #expect(try await run.outcomes() == #require(expected))
        #expect(try await run.store.quarantined().isEmpty)
        let entity = try Self.entity(lines)
        #expect(try await run.ledger(of: entity).allSatisfy { $0.owner == .durable })
    }
}
