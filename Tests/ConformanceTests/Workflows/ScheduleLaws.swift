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

    /// Every field of a schedule's cron has to match; of a workflow's, one of the two days suffices.
    @Test func theTwoDialectsDifferInTheirDays() throws {
        let moment = try #require(Timestamp("2026-03-02T00:00:00Z"))
        #expect(try CronExpression("0 12 13 * 5", .workflow).next(after: moment) == Timestamp("2026-03-06T12:00:00Z"))
        #expect(try CronExpression("0 12 13 * 5", .schedule).next(after: moment) == Timestamp("2026-03-13T12:00:00Z"))
    }

    /// `@every` of a workflow counts from its start, also where a run takes long.
    @Test(arguments: LawEngine.allCases) func everyCountsFromTheWorkflowsStart(engine: LawEngine) async throws {
        let busy = WorkflowType("busy") { context, _ in
            try await context.sleep(for: .seconds(130))
            return .null
        }
        let scenario = try engine.scenario([busy])
        let began = scenario.clock.now
        try await scenario.start("busy", .null, WorkflowOptions(cronSchedule: "@every 1m"))
        try await scenario.pass(.minutes(8))
        let starts = try await started(scenario).map { run in
            ((run.startedAt - began) + .zero).milliseconds / 1000
        }
        // Runs from 60 to 190, from 240 to 370, from 420 on: each begins at a full minute.
        #expect(starts == [0, 190, 370])
        let firsts = try await started(scenario).asyncMap { try await scenario.store.history($0.key) }.compactMap(\.first)
        #expect(firsts.map { $0.fields.duration(.firstTaskBackoff) } == [.seconds(60), .seconds(50), .seconds(50)])
    }

    @Test(arguments: LawEngine.allCases) func aCronThatNeverComesIsRefused(engine: LawEngine) async throws {
        let scenario = try engine.scenario([Self.long])
        await #expect(throws: ScheduleError.self) {
            try await scenario.start("long", .null, WorkflowOptions(cronSchedule: "0 0 30 2 *"))
        }
        let now = scenario.clock.now
        await #expect(throws: ScheduleError.self) {
            try await scenario.engine.putSchedule("s", Schedule(crons: ["@hourly", "0 0 31 4 *"], workflowType: "long"), at: now)
        }
        #expect(try await scenario.engine.nextDue() == nil)
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}

private func - (left: Timestamp, right: Duration) -> Timestamp { Timestamp(milliseconds: left.milliseconds - right.milliseconds) }
