import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Schedules, on every engine.
@Suite struct ScheduleLaws {
    /// Runs for 90 minutes.
    private static let long = WorkflowType("long") { context, _ in
        try await context.sleep(for: .minutes(90))
        return .null
    }

    private func started(_ scenario: WorkflowScenario) async throws -> [WorkflowRun] {
        try await scenario.store.runs().sorted { $0.key < $1.key }
    }

    @Test(arguments: LawEngine.allCases, ScheduleOverlapPolicy.allCases)
    func overlapsAreHandledAsThePolicySays(engine: LawEngine, policy: ScheduleOverlapPolicy) async throws {
        let scenario = try engine.scenario([Self.long])
        let schedule = Schedule(crons: ["0 * * * *"], workflowType: "long", overlapPolicy: policy)
        try await scenario.engine.putSchedule("s", schedule, at: scenario.clock.now)
        let began = scenario.clock.now
        try await scenario.pass(.minutes(5 * 60 + 30))
        let runs = try await started(scenario)
        let minutes = runs.map { ($0.startedAt - began).milliseconds / 60_000 }
        let record = try await scenario.engine.schedule("s")
        switch policy {
        case .skip:
            #expect(minutes == [60, 180, 300])
            #expect(record.skipped == 2)
        case .bufferOne, .bufferAll: #expect(minutes.prefix(3) == [60, 150, 240])
        case .cancelOther:
            #expect(minutes == [60, 120, 180, 240, 300])
            #expect(runs.dropLast().allSatisfy { $0.status == .cancelled })
        case .terminateOther:
            #expect(minutes == [60, 120, 180, 240, 300])
            #expect(runs.dropLast().allSatisfy { $0.status == .terminated })
        case .allowAll: #expect(minutes == [60, 120, 180, 240, 300])
        }
    }

    @Test(arguments: LawEngine.allCases) func whatWasMissedIsMadeUpWithinTheWindow(engine: LawEngine) async throws {
        let scenario = try engine.scenario([WorkflowType("quick") { _, input in input }])
        let schedule = Schedule(interval: .hours(1), workflowType: "quick", overlapPolicy: .allowAll, catchUpWindow: .hours(3))
        try await scenario.engine.putSchedule("s", schedule, at: scenario.clock.now)
        scenario.clock.advance(by: .hours(10))
        try await scenario.settle()
        let record = try await scenario.engine.schedule("s")
        #expect(record.started == 4)
        #expect(record.missed == 6)
        #expect(try await scenario.engine.count(WorkflowFilter(searchAttributes: ["TemporalScheduledById": "s"])) == 4)
    }

    @Test(arguments: LawEngine.allCases) func pauseTriggerBackfillDelete(engine: LawEngine) async throws {
        let scenario = try engine.scenario([WorkflowType("quick") { _, input in input }])
        let now = scenario.clock.now
        try await scenario.engine.putSchedule("s", Schedule(crons: ["@hourly"], workflowType: "quick", overlapPolicy: .allowAll), at: now)
        try await scenario.engine.pauseSchedule("s", note: "holiday")
        try await scenario.pass(.hours(3))
        #expect(try await scenario.engine.schedule("s").started == 0)
        try await scenario.engine.triggerSchedule("s", at: scenario.clock.now)
        try await scenario.engine.backfillSchedule("s", from: now - .hours(5), to: now - .hours(1), at: scenario.clock.now)
        #expect(try await scenario.engine.schedule("s").started == 6)
        try await scenario.engine.resumeSchedule("s", at: scenario.clock.now)
        try await scenario.pass(.hours(2))
        #expect(try await scenario.engine.schedule("s").started == 8)
        try await scenario.engine.deleteSchedule("s")
        await #expect(throws: ScheduleError.self) { try await scenario.engine.schedule("s") }
        try await scenario.settle()
        #expect(try await scenario.engine.nextDue() == nil)
    }

    /// An operator triggers a schedule twice at the same moment of the engine's time: both are asked for, both run.
    @Test(arguments: LawEngine.allCases, ScheduleOverlapPolicy.allCases)
    func everyTriggerIsAStartOrIsCounted(engine: LawEngine, policy: ScheduleOverlapPolicy) async throws {
        let scenario = try engine.scenario([Self.long])
        let now = scenario.clock.now
        try await scenario.engine.putSchedule("s", Schedule(crons: ["0 2 * * *"], workflowType: "long", overlapPolicy: policy), at: now)
        for _ in 1...4 { try await scenario.engine.triggerSchedule("s", at: now) }
        try await scenario.pass(.hours(10))
        let record = try await scenario.engine.schedule("s")
        #expect(record.started + record.skipped == 4, "started \(record.started), skipped \(record.skipped)")
        #expect(try await started(scenario).count == record.started)
        switch policy {
        case .allowAll, .bufferAll, .terminateOther: #expect(record.started == 4)
        case .skip: #expect(record.started == 1)
        case .bufferOne, .cancelOther: #expect(record.started == 2)
        }
    }

    /// Another engine comes between the start and its note: it is found again, not made twice, not lost.
    @Test(arguments: [LawEngine.memory, .disk]) func aTriggerOfAScheduleMadeAnewIsAStartOfItsOwn(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.long])
        let now = scenario.clock.now
        let schedule = Schedule(crons: ["0 2 * * *"], workflowType: "long", overlapPolicy: .allowAll)
        for round in 1...2 {
            try await scenario.engine.putSchedule("s", schedule, at: now)
            try await scenario.engine.triggerSchedule("s", at: now)
            #expect(try await scenario.engine.schedule("s").started == 1, "round \(round)")
            #expect(try await started(scenario).count == round)
            try await scenario.engine.deleteSchedule("s")
        }
    }

    enum Edit: CaseIterable { case update, put, unpause }

    /// Nothing ran for two and a half hours; before the schedule is worked on again, somebody edits its note.
    @Test(arguments: LawEngine.allCases, Edit.allCases) func whatWasDueBeforeAnEditIsMadeUpOrCounted(engine: LawEngine, edit: Edit)
        async throws
    {
        let scenario = try engine.scenario([WorkflowType("quick") { _, input in input }])
        var schedule = Schedule(interval: .hours(1), workflowType: "quick", overlapPolicy: .allowAll, catchUpWindow: .minutes(70))
        try await scenario.engine.putSchedule("s", schedule, at: scenario.clock.now)
        if edit == .unpause { try await scenario.engine.pauseSchedule("s", note: "stop") }
        scenario.clock.advance(by: .minutes(150))
        let now = scenario.clock.now
        switch edit {
        case .update: try await scenario.engine.updateSchedule("s", at: now) { $0.interval = .days(1) }
        case .put:
            schedule.interval = .days(1)
            try await scenario.engine.putSchedule("s", schedule, at: now)
        case .unpause: try await scenario.engine.resumeSchedule("s", at: now)
        }
        try await scenario.settle()
        let record = try await scenario.engine.schedule("s")
        #expect(record.started + record.missed + record.heldBack == 2)
        #expect((record.started, record.missed, record.heldBack) == (edit == .unpause ? (0, 0, 2) : (1, 1, 0)))
    }

    /// A year of standstill is caught up in parts: others have their turn between them.
    @Test func aYearOfStandstillIsCaughtUpBesideOthers() async throws {
        let scenario = try LawEngine.memory.scenario([WorkflowType("quick") { _, input in input }])
        for (id, window) in [("all", Duration.days(30)), ("none", .zero)] {
            let schedule = Schedule(interval: .minutes(1), workflowType: "quick", overlapPolicy: .skip, catchUpWindow: window)
            try await scenario.engine.putSchedule(id, schedule, at: scenario.clock.now)
        }
        let cron = Schedule(crons: ["*/5 * * * *"], workflowType: "quick", overlapPolicy: .skip, catchUpWindow: .zero)
        try await scenario.engine.putSchedule("cron", cron, at: scenario.clock.now)
        scenario.clock.advance(by: .days(365))
        try await scenario.start("quick", 1)
        var steps = 0
        while try await scenario.status() != .completed {
            guard try await scenario.engine.runNext(at: scenario.clock.now, choose: { $0 - 1 }) else { break }
            steps += 1
        }
        #expect(steps < 10, "another workflow does not wait for the catch-up")
        let step = try await scenario.engine.runNext(at: scenario.clock.now)
        #expect(step)
        #expect(try await scenario.engine.count() < 300, "one step makes a part of the starts")
        try await scenario.pass(.milliseconds(1))
        for (id, missed) in [("none", 365 * 1440 - 1), ("cron", 365 * 288 - 1)] {
            let record = try await scenario.engine.schedule(id)
            #expect(record.missed == missed, "\(id)")
            #expect(record.started == 1, "\(id)")
        }
        let all = try await scenario.engine.schedule("all")
        #expect(all.started + all.skipped + all.missed == 365 * 1440)
    }

    private static let crons: [(String, String, String?)] = [
        ("*/15 * * * *", "2026-03-02T09:01:00Z", "2026-03-02T09:15:00Z"), ("0 9 * * 1", "2026-03-02T09:00:00Z", "2026-03-09T09:00:00Z"),
        ("30 2 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T02:30:00Z"), ("0 0 1,15 * *", "2026-03-02T00:00:00Z", "2026-03-15T00:00:00Z"),
        ("0 12 13 * 5", "2026-03-02T00:00:00Z", "2026-03-06T12:00:00Z"), ("5-10/5 0 * * 7", "2026-03-02T00:00:00Z", "2026-03-08T00:05:00Z"),
        ("0 0 30 2 *", "2026-03-02T00:00:00Z", nil), ("@every 90s", "2026-03-02T00:00:01Z", "2026-03-02T00:01:30Z"),
        ("@monthly", "2026-12-02T00:00:00Z", "2027-01-01T00:00:00Z"),
    ]

    @Test(arguments: crons) func cronFindsTheNextMoment(text: String, after: String, next: String?) throws {
        let moment = try #require(Timestamp(after))
        #expect(try CronExpression(text).next(after: moment) == next.flatMap { Timestamp($0) })
    }

    @Test(arguments: ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "@every 5x"])
    func aBadCronIsRefused(text: String) { #expect(throws: ScheduleError.self) { try CronExpression(text) } }
}

private func - (left: Timestamp, right: Duration) -> Timestamp { Timestamp(milliseconds: left.milliseconds - right.milliseconds) }
