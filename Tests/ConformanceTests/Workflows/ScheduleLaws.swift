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
