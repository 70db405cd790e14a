import DurableWorkflow
import Events
import Testing

/// Schedules and activities that are completed from outside, through the port alone.
@Suite(.timeLimit(.minutes(5))) struct PortScheduleLaws {
    private static let echoed = WorkflowType("echoed") { _, input in input }
    private static let waiting = WorkflowType("waiting") { context, _ in
        try await context.sleep(for: .hours(1))
        return .null
    }
    /// Once a year, so that nothing starts by itself while a test looks.
    private static let yearly = Schedule(crons: ["0 0 1 1 *"], workflowType: "waiting", overlapPolicy: .allowAll)

    @Test(arguments: PortEngine.allCases) func aScheduleIsMadeOnceAndChanged(engine: PortEngine) async throws {
        try await engine.working([Self.waiting]) { engine in
            try await engine.createSchedule("s", Self.yearly)
            await #expect(throws: ScheduleError.self) { try await engine.createSchedule("s", Self.yearly) }
            try await engine.updateSchedule("s") { $0.note = "changed" }
            #expect(try await engine.schedule("s").schedule.note == "changed")
            try await engine.putSchedule("s", Self.yearly)
            #expect(try await engine.schedule("s").schedule.note == "")
            try await engine.putSchedule("r", Self.yearly)
            #expect(try await engine.schedules().map(\.id) == ["r", "s"])
            await #expect(throws: ScheduleError.self) { try await engine.updateSchedule("s") { $0.crons = ["no cron"] } }
            #expect(try await engine.schedule("s").schedule == Self.yearly)
            try await engine.deleteSchedule("s")
            #expect(try await engine.schedules().map(\.id) == ["r"])
        }
    }

    @Test(arguments: PortEngine.allCases) func aTriggerStartsAndABackfillMakesUp(engine: PortEngine) async throws {
        try await engine.working([Self.waiting]) { engine in
            try await engine.createSchedule("s", Self.yearly)
            try await engine.pauseSchedule("s", note: "holiday")
            #expect(try await engine.schedule("s").schedule.isPaused)
            try await engine.triggerSchedule("s", overlap: nil)
            #expect(try await engine.schedule("s").started == 1, "a trigger starts a paused one")
            let (from, to) = (try #require(Timestamp("2024-01-01T00:00:00Z")), try #require(Timestamp("2025-06-01T00:00:00Z")))
            try await engine.backfillSchedule("s", from: from, to: to, overlap: .allowAll)
            #expect(try await engine.schedule("s").started == 3)
            let running = try await engine.running(ofSchedule: "s")
            #expect(running.count == 3)
            #expect(running.allSatisfy { $0.type == "waiting" && $0.status == .running })
            try await engine.resumeSchedule("s", note: "back")
            let record = try await engine.schedule("s")
            #expect(!record.schedule.isPaused)
            #expect(record.schedule.note == "back")
            try await engine.deleteSchedule("s")
            #expect(try await engine.status(of: running[0].workflowID) == .running, "what it has started goes on")
        }
    }

    /// What cannot be asked of what is not there.
    private static let calls: [PortCall] = [
        ("describe", { _ = try await $0.schedule("none") }), ("update", { try await $0.updateSchedule("none") { $0.note = "" } }),
        ("pause", { try await $0.pauseSchedule("none", note: "") }),
        ("resume", { try await $0.resumeSchedule("none", note: "") }),
        ("trigger", { try await $0.triggerSchedule("none", overlap: nil) }),
        ("backfill", { try await $0.backfillSchedule("none", from: .distantPast, to: .distantPast, overlap: nil) }),
        ("delete", { try await $0.deleteSchedule("none") }),
    ]

    @Test(arguments: PortEngine.allCases) func nobodyKnowsAnUnknownSchedule(engine: PortEngine) async throws {
        try await engine.working([Self.echoed]) { engine in
            await engine.refuses(Self.calls, with: ScheduleError.self)
            let schedules = try await engine.schedules()
            #expect(schedules.isEmpty)
        }
    }

    // MARK: Completion from outside

    /// A workflow whose one activity is completed by somebody else, and the token of its attempt.
    private func opened(
        _ engine: PortEngine, _ body: @escaping @Sendable (any DurableEngine, TaskToken) async throws -> Void
    ) async throws {
        let (tokens, send) = AsyncStream.makeStream(of: TaskToken.self)
        let activity = ActivityType("open") { context, _ in
            send.yield(context.taskToken)
            throw CompletesLater()
        }
        let options = ActivityOptions(
            startToCloseTimeout: .hours(1), heartbeatTimeout: .minutes(10), retryPolicy: RetryPolicy(maximumAttempts: 1),
            cancellationType: .waitCancellationCompleted)
        let workflow = WorkflowType("outside") { context, input in try await context.execute("open", input: input, options: options) }
        try await engine.working([workflow], [activity]) { engine in
            _ = try await engine.start("outside")
            var iterator = tokens.makeAsyncIterator()
            let token = try #require(await iterator.next())
            while try await engine.describe(workflowID: "w").activities.first?.isOpen != true { await Task.yield() }
            try await body(engine, token)
        }
    }

    @Test(arguments: PortEngine.allCases) func anAttemptIsCompletedOnce(engine: PortEngine) async throws {
        try await opened(engine) { engine, token in
            try await engine.heartbeat(token, details: ["page": 1])
            #expect(try await engine.describe(workflowID: "w").activities.first?.heartbeatDetails == ["page": 1])
            try await engine.complete(token, result: 42)
            #expect(try await engine.value() == 42)
            await #expect(throws: ActivityNotFound.self) { try await engine.complete(token, result: 43) }
            await #expect(throws: ActivityNotFound.self) { try await engine.heartbeat(token, details: .null) }
            await #expect(throws: ActivityNotFound.self) { try await engine.fail(token, ApplicationError(type: "Late", message: "late")) }
        }
    }

    @Test(arguments: PortEngine.allCases) func aFailedAttemptFailsByThePolicy(engine: PortEngine) async throws {
        try await opened(engine) { engine, token in
            try await engine.fail(token, ApplicationError(type: "Broken", message: "broken"))
            let failed = await #expect(throws: WorkflowFailed.self) { try await engine.result(workflowID: "w") }
            #expect(failed?.run.status == .failed)
            #expect(failed?.cause?.cause?.type == "Broken")
        }
    }

    @Test(arguments: PortEngine.allCases) func aCancelledAttemptSaysSo(engine: PortEngine) async throws {
        try await opened(engine) { engine, token in
            await #expect(throws: CancellationNotRequested.self) { try await engine.reportCancelled(token) }
            try await engine.cancel(workflowID: "w")
            #expect(try await engine.describe(workflowID: "w").isCancelRequested)
            while try await !isCancelled(engine, token) { await Task.yield() }
            try await engine.reportCancelled(token)
            #expect(try await engine.failure() == .cancelled)
        }
    }

    /// What a heartbeat is told once the code has asked for the cancellation.
    private func isCancelled(_ engine: any DurableEngine, _ token: TaskToken) async throws -> Bool {
        do { try await engine.heartbeat(token, details: .null) } catch is CancellationError { return true }
        return false
    }
}
