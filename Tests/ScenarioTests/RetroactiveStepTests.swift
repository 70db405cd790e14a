import A2PApp
import A2PRegistration
import Bridge
import BridgeTesting
import Commands
import Cutover
import Events
import HybridRouter
import LegacyFixtures
import Migrations
import Outcomes
import Testing

/// Step 5.2 is put in while registrations are on their way. Those before it and those exactly at it take it. Those after it do not, unless
/// the plan says `retroactive: true`: then they take it before their next campaign, and only when there is one.
@Suite struct RetroactiveStepTests {
    private static let yaml = [
        "hybrid-5.2": EmbeddedPlans.hybrid, "all-durable": EmbeddedPlans.allDurable, "retired": EmbeddedPlans.retired,
    ]

    /// The plan before step 5.2 was put in, and the one with it.
    private static func plans(_ name: String, retroactive: Bool) throws -> (before: MigrationPlan, after: MigrationPlan) {
        let yaml = try #require(yaml[name])
        let option = "    added: true\n    retroactive: true\n"
        let after = try MigrationPlan(yaml: retroactive ? yaml.replacing("    added: true\n", with: option) : yaml, file: name)
        #expect(after.planned("5.2")?.isRetroactive == retroactive)
        var before = after
        before.steps.removeAll { $0.isAdded }
        return (before, after)
    }

    /// What a registration has come to.
    private struct Standing {
        var ownership: Ownership
        var moves: [Move]
        var status: String?
        var state: String
        var orders: Int

        /// Where in the journal a corrected campaign was submitted, from `index` on.
        func campaigns(from index: Int) -> [Int] {
            moves.indices.filter { place in
                guard place >= index, case .performed(let key) = moves[place] else { return false }
                return key.operation == "registry.resubmitCampaign"
            }
        }

        /// Where step 5.2 was completed.
        var vetted: [Int] {
            moves.indices.filter { if case .completed("5.2", _, _) = moves[$0] { true } else { false } }
        }
    }

    private static func standing(_ run: A2PRun) async throws -> Standing {
        let entity = try #require(try await run.store.entities().first)
        let snapshot = try #require(try await run.store.snapshot(of: entity))
        return Standing(
            ownership: snapshot.ownership, moves: try await run.store.journal(of: entity).map(\.move),
            status: try await run.outcomes()[entity]?.status, state: snapshot.record.state,
            orders: try await run.ledger(of: entity).count { $0.key.operation == "vetting.order" })
    }

    private static func play(_ lines: some Collection<TraceLine>, _ run: A2PRun) async throws {
        var rest = Array(lines)[...]
        try await run.play(stream: { rest.popFirst().map(StreamedLine.line) }, acknowledge: { _, _ in })
    }

    /// The plan changes after each delivery of each fixture, with and without the option, which changes no outcome.
    @Test(
        arguments: [
            "declined-twice-and-stale", "carriers-reject-then-approve", "m11-not-resubmittable", "resubmission-never-confirmed",
            "happy-private-profit",
        ], ["hybrid-5.2", "all-durable", "retired"])
    func inFlight(fixture: String, plan name: String) async throws {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/\(fixture)")
        var statuses: [Int: String?] = [:]
        for isRetroactive in [false, true] {
            let (before, after) = try Self.plans(name, retroactive: isRetroactive)
            var classes: [String: Int] = [:]
            for count in 1...scenario.lines.count {
                let path = TemporaryDatabase.path("retroactive")
                defer { TemporaryDatabase.remove(path) }
                var (isPast, index) = (false, 0)
                do {
                    let run = try A2PRun(.init(mode: .hybrid, plan: before, database: path))
                    try await Self.play(scenario.lines.prefix(count), run)
                    let standing = try await Self.standing(run)
                    (isPast, index) = (standing.ownership.completions["5"] != nil, standing.moves.count)
                    #expect(standing.vetted.isEmpty)
                }
                let run = try A2PRun(.init(mode: .hybrid, plan: after, database: path))
                try await run.play(Array(scenario.lines.dropFirst(count)))
                let found = try await Self.standing(run)
                let campaigns = found.campaigns(from: index)
                let isVetted = !isPast || isRetroactive && !campaigns.isEmpty
                let place: Comment = "\(fixture), \(name), after \(count) deliveries, retroactive \(isRetroactive)"
                #expect(found.vetted.count == (isVetted ? 1 : 0) && found.orders == found.vetted.count, place)
                if isPast, let vetted = found.vetted.first, let campaign = campaigns.first { #expect(vetted < campaign, place) }
                if isRetroactive { #expect(found.status == statuses[count], place) }
                statuses[count] = found.status
                #expect(found.moves.allSatisfy { if case .failed = $0 { false } else { true } }, place)
                classes[!isPast ? "before" : isVetted ? "after, made up for" : "after", default: 0] += 1
            }
            #expect(classes == Self.classes(fixture, isRetroactive), "\(fixture), \(name): \(classes)")
        }
    }

    /// After how many of a fixture's deliveries the registration is in which class, whoever has it.
    private static func classes(_ fixture: String, _ isRetroactive: Bool) -> [String: Int] {
        switch fixture {
        case "happy-private-profit": ["before": 5, "after": 16]
        case "m11-not-resubmittable": ["before": 5, "after": 8]
        case "resubmission-never-confirmed" where isRetroactive: ["before": 5, "after, made up for": 5, "after": 1]
        case "resubmission-never-confirmed": ["before": 5, "after": 6]
        case _ where isRetroactive: ["before": 5, "after, made up for": 9, "after": 8]
        default: ["before": 5, "after": 17]
        }
    }

    /// After how many deliveries step 5 is complete.
    private static func deliveriesUntilReady(_ lines: [TraceLine], _ plan: MigrationPlan) async throws -> Int {
        for count in 1...lines.count {
            let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: ":memory:"))
            try await play(lines.prefix(count), run)
            if try await standing(run).ownership.completions["5"] != nil { return count }
        }
        return lines.count
    }

    /// Exactly at it: step 5 is complete, and legacy was told to go on but has not gone.
    @Test(arguments: [false, true])
    func exactlyAt(isRetroactive: Bool) async throws {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit")
        let (before, after) = try Self.plans("hybrid-5.2", retroactive: isRetroactive)
        let path = TemporaryDatabase.path("exactly-at")
        defer { TemporaryDatabase.remove(path) }
        let count = try await Self.deliveriesUntilReady(scenario.lines, before)
        let (line, at) = (scenario.lines[count - 1], scenario.lines[count - 1].receivedAt)
        do {
            let run = try A2PRun(.init(mode: .hybrid, plan: before, database: path))
            try await Self.play(scenario.lines.prefix(count - 1), run)
            _ = try await run.bridge.receive([line.message], at: at)
            while try await Self.standing(run).state != "BRAND_READY", try await run.bridge.handleNext(at: at) {}
            try await run.store.flush()
            #expect(try await Self.standing(run).ownership.passed == "5")
        }
        let run = try A2PRun(.init(mode: .hybrid, plan: after, database: path))
        try await run.play(Array(scenario.lines.dropFirst(count)))
        let found = try await Self.standing(run)
        #expect(found.vetted.count == 1 && found.orders == 1 && found.status == "approved")
    }

    /// What belongs to no step comes while the vetting is made up for: it is answered as before, and the vetting is not made twice.
    @Test(arguments: ["registration.cancel", "registration.update", "recall"])
    func interrupted(by what: String) async throws {
        let scenario = try Scenario(folder: "\(LegacyFixtures.folder)/declined-twice-and-stale")
        let (before, after) = try Self.plans("hybrid-5.2", retroactive: true)
        let path = TemporaryDatabase.path("interrupted")
        defer { TemporaryDatabase.remove(path) }
        let first = 1 + (try #require(scenario.lines.firstIndex { $0.body["type"]?.string == "registration.resubmit" }))
        do {
            let run = try A2PRun(.init(mode: .hybrid, plan: before, database: path))
            try await Self.play(scenario.lines.prefix(first - 1), run)
        }
        let run = try A2PRun(.init(mode: .hybrid, plan: after, database: path))
        try await Self.play(scenario.lines[(first - 1)..<first], run)
        let between = try await Self.standing(run)
        #expect(between.ownership.step == "5.2" && between.ownership.owner == .durable && between.state == "CNP_DECLINED")
        let at = scenario.lines[first - 1].receivedAt + .minutes(10)
        if what == "recall" {
            #expect(try await run.bridge.recall(between.ownership.entity, at: at) == .moved(epoch: between.ownership.epoch + 1))
        } else {
            let body: JSONValue = [
                "id": "c-900108-90", "type": .string(what), "registration": "R-900108",
                "data": ["changes": ["website": "https://pizza.example.test"]],
            ]
            try await Self.play([TraceLine(receivedAt: at, source: "customer", body: body)], run)
        }
        try await run.play(Array(scenario.lines.dropFirst(first)))
        let found = try await Self.standing(run)
        #expect(found.orders == 1)
        #expect(found.vetted.count == (what == "registration.update" ? 1 : 0))
        #expect(found.status == (what == "registration.cancel" ? "cancelled" : "approved"))
    }
}
