import DurableWorkflow
import Events
import Testing

/// What steps an engine without waiting: its clock is the only time that it knows.
@Suite struct VirtualTimeLaws {
    private static let now = Timestamp(milliseconds: 1_772_442_000_000)
    private static let sleeping = WorkflowType("sleeping") { context, _ in
        let began = context.now
        try await context.sleep(for: .hours(1))
        _ = try await context.execute("echo", input: 1, options: briefly)
        return .integer(Int((context.now - began).milliseconds))
    }

    private func engine(_ clock: VirtualClock) -> any DurableEngine & VirtualTime {
        EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: [Self.sleeping], activities: [echo], time: clock)
    }

    @Test func nothingHappensUntilTheClockIsSet() async throws {
        let clock = VirtualClock(Self.now)
        let engine = engine(clock)
        _ = try await engine.start("sleeping")
        #expect(try await engine.describe(workflowID: "w").run.startedAt == Self.now)
        try await engine.runDue()
        #expect(try await engine.nextDue() == Self.now + .hours(1))
        #expect(try await engine.runDue() == 0)
        clock.set(to: Self.now + .minutes(59))
        #expect(try await engine.runDue() == 0)
        clock.set(to: Self.now + .minutes(61))
        #expect(try await engine.runDue() > 0)
        #expect(try await engine.value() == .integer(61 * 60_000), "the code sees the engine's clock, not the timer's moment")
        #expect(try await engine.nextDue() == nil)
    }

    /// A rehearsal runs code, and performs nothing.
    @Test func tasksRunWithoutActivitiesAndTimers() async throws {
        let clock = VirtualClock(Self.now)
        let engine = engine(clock)
        _ = try await engine.start("sleeping")
        try await engine.runTasks()
        #expect(try await engine.describe(workflowID: "w").timers == [Self.now + .hours(1)])
        clock.set(to: Self.now + .hours(1))
        try await engine.runTasks()
        #expect(try await engine.describe(workflowID: "w").timers.count == 1, "the timer is due and does not fire")
        #expect(try await engine.runNext())
        try await engine.runTasks()
        #expect(try await engine.describe(workflowID: "w").activities.map(\.type) == ["echo"])
        #expect(try await engine.status(of: "w") == .running)
    }

    /// A simulation chooses what comes first.
    @Test(arguments: [0, 1]) func somebodyChoosesWhatRunsNext(first: Int) async throws {
        let clock = VirtualClock(Self.now)
        let engine = engine(clock)
        for id in ["a", "b"] { _ = try await engine.start("sleeping", id: id) }
        var counts: [Int] = []
        let choose: (Int) -> Int = { count in
            counts.append(count)
            return first
        }
        #expect(try await engine.runNext(choose: choose))
        #expect(counts == [2])
        let (chosen, other) = first == 0 ? ("a", "b") : ("b", "a")
        #expect(try await engine.describe(workflowID: chosen).timers.count == 1)
        #expect(try await engine.describe(workflowID: other).timers.isEmpty)
    }

    /// A beat is of the moment at which the code makes it, not of the one at which its attempt began.
    @Test func aHeartbeatCountsFromTheClock() async throws {
        let clock = VirtualClock(Self.now)
        let slow = ActivityType("slow") { context, _ in
            clock.set(to: Self.now + .seconds(9))
            try await context.heartbeat(.null)
            throw CompletesLater()
        }
        let options = ActivityOptions(startToCloseTimeout: .hours(1), heartbeatTimeout: .seconds(10))
        let calling = WorkflowType("calling") { context, _ in try await context.execute("slow", input: 1, options: options) }
        let engine = EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: [calling], activities: [slow], time: clock)
        _ = try await engine.start("calling")
        try await engine.runDue()
        #expect(try await engine.nextDue() == Self.now + .seconds(19))
    }

    @Test func anAbsentEngineRefusesEverything() async throws {
        struct Away: Error {}
        let engine: any DurableEngine = AbsentEngine(Away())
        await #expect(throws: Away.self) { try await engine.startOnce(workflowID: "w", type: "t", input: 1) }
        await #expect(throws: Away.self) { try await engine.signal("s", 1, id: "a") }
        await #expect(throws: Away.self) { try await engine.list() }
        await #expect(throws: Away.self) { try await engine.schedules() }
        await #expect(throws: Away.self) { try await engine.worker(activitySlots: 1, longestSleep: .seconds(1)).run() }
    }
}
