import A2PApp
import A2PRegistration
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyFixtures
import Migrations
import Outcomes
import Testing

/// Appending step 12 behind the last one, in flight, touches one source file (this one) and one line of a plan.
@Suite struct AppendingAStepTests {
    /// The step: thirty days after its campaign is over, the customer is asked whether there will be another one.
    private static let farewell = DurableStep<Registration>(number: "12", events: [], activities: [ask], answers: true) {
        context, registration in
        let due = context.now + .days(30)
        while try await context.wait(for: context.answers, until: due) != nil {}
        try await context.perform(ask, on: &registration)
    }

    private static let ask = DurableActivity<Registration>("notifications.campaign-over") { registration, effects in
        try await Notifications(effects).send("campaign-over", &registration, step: "12")
    }

    private static let steps = A2PDomain.durableSteps + [farewell]

    private static func appending(_ yaml: String, _ stage: String = "durable") throws -> MigrationPlan {
        try MigrationPlan(yaml: yaml + "  - { step: 12, title: Ask for another campaign, stage: \(stage), added: true }\n", file: "12.yaml")
    }

    private static let yaml = [
        "legacy": EmbeddedPlans.legacy, "hybrid-5.2": EmbeddedPlans.hybrid, "all-durable": EmbeddedPlans.allDurable,
        "retired": EmbeddedPlans.retired,
    ]

    /// A registration from its birth to the end of its campaign, and two words that come afterwards.
    private static func lifetime() throws -> [TraceLine] {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit")
        return scenario.lines
            + (try [
                #"{"receivedAt":"2026-05-04T09:00:00.000Z","source":"tcr","body":{"eventType":"CAMPAIGN_EXPIRED","cspId":"S000001","campaignId":"CYHEL12"}}"#,
                #"{"receivedAt":"2026-05-05T09:00:00.000Z","source":"customer","body":{"id":"c-900001-90","type":"registration.update","registration":"R-900001","data":{"changes":{"website":"https://pizza.example.test"}}}}"#,
                #"{"receivedAt":"2026-05-06T09:00:00.000Z","source":"tcr","body":{"eventType":"MNO_CAMPAIGN_OPERATION_SUSPENDED","cspId":"S000001","campaignId":"CYHEL12","mnoId":10017,"mnoName":"AT&T"}}"#,
            ].map { try TraceLine(parsing: $0) })
    }

    private struct Standing {
        var ownership: Ownership
        var record: StoredRecord
        var outcome: Outcome?
        var asked: Int
        var ends: Int
        var completed: [StepNumber]
        var last: String
    }

    private static func standing(_ run: A2PRun) async throws -> Standing {
        let entity = try #require(try await run.store.entities().first)
        let snapshot = try #require(try await run.store.snapshot(of: entity))
        let moves = try await run.store.journal(of: entity).map(\.move)
        return Standing(
            ownership: snapshot.ownership, record: snapshot.record, outcome: try await run.outcomes()[entity],
            asked: try await run.ledger(of: entity).count { $0.key.operation == "notifications.campaign-over" },
            ends: moves.count { if case .ended = $0 { true } else { false } },
            completed: moves.compactMap { if case .completed(let step, _, _) = $0 { step } else { nil } },
            last: moves.suffix(6).map { "\($0.what) \($0.detail)" }.joined(separator: "; "))
    }

    /// The plan changes after each delivery, wherever the registration waits then: one that has not ended goes through step 12, once, after
    /// step 11; one that has ended is not reopened. Words that come while step 12 waits change nothing.
    @Test(arguments: [("legacy", "durable"), ("hybrid-5.2", "durable"), ("all-durable", "durable"), ("retired", "retired")])
    func inFlight(plan name: String, stage: String) async throws {
        let yaml = try #require(Self.yaml[name])
        let lines = try Self.lifetime()
        var classes: [String: Int] = [:]
        for count in 1...lines.count {
            let path = TemporaryDatabase.path("appended")
            defer { TemporaryDatabase.remove(path) }
            var hasEnded = false
            do {
                let run = try A2PRun(.init(mode: .hybrid, plan: try MigrationPlan(yaml: yaml, file: name), database: path))
                var rest = lines.prefix(count)
                try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
                let before = try await Self.standing(run)
                hasEnded = before.record.isFinal
                #expect(before.completed.allSatisfy { $0 < "11" })
            }
            classes[hasEnded ? "ended" : "in flight", default: 0] += 1
            let run = try A2PRun(.init(mode: .hybrid, plan: try Self.appending(yaml, stage), database: path, steps: Self.steps))
            try await run.play(Array(lines.dropFirst(count)))
            let after = try await Self.standing(run)
            let place: Comment = "\(name), after \(count) deliveries: \(after.last)"
            #expect(after.asked == (hasEnded ? 0 : 1), place)
            #expect(after.ends == 1 && after.record.isFinal && after.ownership.owner == .legacy, place)
            #expect(after.completed.suffix(2) == ["11", "12"] || hasEnded, place)
            #expect(after.completed.count { $0 == "11" } == (hasEnded ? 0 : 1) && after.completed.sorted() == after.completed, place)
            #expect(after.outcome?.status == "expired" && after.outcome?.state == "EXPIRED", place)
        }
        #expect(classes == ["in flight": 21, "ended": 3])
    }

    /// Who is taken back from step 12, or comes to the end while the migration is halted, ends as with legacy alone.
    @Test(arguments: ["legacy", "hybrid-5.2", "all-durable"])
    func withoutTheStep(plan name: String) async throws {
        let lines = try Self.lifetime()
        let plan = try Self.appending(try #require(Self.yaml[name]))
        for isHalted in [false, true] {
            let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:", steps: Self.steps))
            var rest = lines.prefix(21)
            try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
            if isHalted { try await run.store.set(MigrationHalted.setting, to: "2026-05-01T00:00:00Z") }
            rest = lines[21...21]
            try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
            let between = try await Self.standing(run)
            #expect(between.ownership.step == (isHalted ? "11" : "12") && between.record.isFinal == isHalted)
            if !isHalted {
                let result = try await run.bridge.recall(between.ownership.entity, at: between.record.lastEventAt)
                #expect(result == .moved(epoch: between.ownership.epoch + 1))
            }
            try await run.play(Array(lines.dropFirst(22)))
            let after = try await Self.standing(run)
            #expect(after.asked == 0 && after.ends == 1 && after.record.isFinal && after.ownership.owner == .legacy)
            #expect(after.outcome?.status == "expired")
        }
    }

    /// A registration that ends before its campaign was ever active has nothing to be asked about.
    @Test func endsBeforeTheLastStep() async throws {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/cancelled-in-carrier-review")
        let plan = try Self.appending(EmbeddedPlans.allDurable)
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:", steps: Self.steps))
        try await run.play(scenario.lines)
        let after = try await Self.standing(run)
        #expect(after.asked == 0 && after.ends == 1 && after.record.isFinal)
    }
}
