import BridgeTesting
import DurableWorkflow
import Events
import Testing

/// Activities, on every engine.
@Suite struct ActivityLaws {
    /// Runs one activity `a` with `options` and returns its result, or what it failed with.
    private static func calling(_ options: ActivityOptions) -> WorkflowType {
        WorkflowType("call") { context, input in
            do { return try await context.execute("a", input: input, options: options) } catch let error as ActivityError {
                var text = "\(error.retryState.rawValue) \(error.cause.type ?? "")"
                if case .timeout(let type, _) = error.cause.info { text = "\(error.retryState.rawValue) \(type.rawValue)" }
                return .string(text)
            }
        }
    }

    @Test(arguments: LawEngine.allCases) func attemptsFollowThePolicy(engine: LawEngine) async throws {
        let notes = Notes()
        let activity = ActivityType("a") { context, _ in
            notes.add("\(context.attempt) \(context.now.milliseconds)")
            throw ApplicationError(type: "Busy", message: "busy", nextRetryDelay: context.attempt == 2 ? .seconds(60) : nil)
        }
        let policy = RetryPolicy(initialInterval: .seconds(1), backoffCoefficient: 3, maximumInterval: .seconds(5), maximumAttempts: 4)
        let scenario = try engine.scenario(
            [Self.calling(ActivityOptions(startToCloseTimeout: .seconds(1), retryPolicy: policy))], [activity])
        try await scenario.start("call")
        let began = scenario.clock.now.milliseconds
        try await scenario.run()
        #expect(try await scenario.result("w") == "maximumAttemptsReached Busy")
        #expect(notes.all == ["1 \(began)", "2 \(began + 1000)", "3 \(began + 61_000)", "4 \(began + 66_000)"])
        let kinds = try await scenario.kinds()
        #expect(kinds.count { $0 == .activityTaskStarted } == 1)
    }

    @Test(arguments: LawEngine.allCases, [true, false]) func whatIsFinalIsNotTriedAgain(engine: LawEngine, byPolicy: Bool) async throws {
        let activity = ActivityType("a") { context, _ in
            throw ApplicationError(type: "No", message: "attempt \(context.attempt)", isNonRetryable: !byPolicy)
        }
        let policy = RetryPolicy(nonRetryableErrorTypes: byPolicy ? ["No"] : [])
        let scenario = try engine.scenario(
            [Self.calling(ActivityOptions(startToCloseTimeout: .seconds(1), retryPolicy: policy))], [activity])
        try await scenario.start("call")
        try await scenario.run()
        #expect(try await scenario.result("w") == "nonRetryableFailure No")
    }

    @Test(arguments: LawEngine.allCases) func allAttemptsTogetherHaveATime(engine: LawEngine) async throws {
        let activity = ActivityType("a") { _, _ in throw ApplicationError(type: "Busy", message: "busy") }
        let scenario = try engine.scenario([Self.calling(ActivityOptions(scheduleToCloseTimeout: .seconds(20)))], [activity])
        try await scenario.start("call")
        let began = scenario.clock.now
        try await scenario.run()
        #expect(try await scenario.result("w") == "timeout scheduleToClose")
        let end = try #require(try await scenario.store.history(of: "w").first { $0.kind == .activityTaskTimedOut })
        #expect(end.fields.failure(.failure)?.cause?.type == "Busy", "the last failure is the cause of the timeout")
        #expect(scenario.clock.now - began < .seconds(20))
    }

    @Test(arguments: LawEngine.allCases) func theWaitForAWorkerHasATime(engine: LawEngine) async throws {
        let options = ActivityOptions(startToCloseTimeout: .seconds(5), scheduleToStartTimeout: .seconds(30))
        let scenario = try engine.scenario([Self.calling(options)], [ActivityType("a") { _, input in input }])
        try await scenario.start("call")
        try await scenario.engine.runTasks(at: scenario.clock.now)
        scenario.clock.advance(by: .minutes(5))
        try await scenario.run()
        #expect(try await scenario.result("w") == "timeout scheduleToStart")
    }

    @Test(arguments: LawEngine.allCases) func somebodyElseMayCompleteIt(engine: LawEngine) async throws {
        let notes = Notes()
        let activity = ActivityType("a") { context, _ in
            notes.add(context.taskToken.description)
            throw CompletesLater()
        }
        let scenario = try engine.scenario([Self.calling(ActivityOptions(startToCloseTimeout: .days(30)))], [activity])
        try await scenario.start("call")
        try await scenario.pass(.days(9))
        #expect(try await scenario.engine.describe(workflowID: "w", at: scenario.clock.now).activities.first?.isOpen == true)
        let token = try #require(TaskToken(notes.all.first ?? ""))
        try await scenario.engine.complete(token, result: "clicked", at: scenario.clock.now)
        await #expect(throws: ActivityNotFound.self) {
            try await scenario.engine.complete(token, result: "twice", at: scenario.clock.now)
        }
        try await scenario.run()
        #expect(try await scenario.result("w") == "clicked")
        #expect(notes.all.count == 1)
    }

    @Test(arguments: LawEngine.allCases) func anAttemptThatIsTooLongIsTriedAgain(engine: LawEngine) async throws {
        let activity = ActivityType("a") { context, _ in
            if context.attempt < 3 { throw CompletesLater() }
            return .integer(context.attempt)
        }
        let scenario = try engine.scenario([Self.calling(ActivityOptions(startToCloseTimeout: .minutes(1)))], [activity])
        try await scenario.start("call")
        let began = scenario.clock.now
        try await scenario.run()
        #expect(try await scenario.result("w") == 3)
        #expect(scenario.clock.now - began == .seconds(60 + 1 + 60 + 2))
    }

    @Test(arguments: LawEngine.allCases) func heartbeatsKeepItAliveAndTellTheNextAttempt(engine: LawEngine) async throws {
        let notes = Notes()
        let activity = ActivityType("a") { context, _ in
            notes.add(context.taskToken.description)
            if let details = context.heartbeatDetails { return details }
            throw CompletesLater()
        }
        let options = ActivityOptions(startToCloseTimeout: .hours(1), heartbeatTimeout: .seconds(30))
        let scenario = try engine.scenario([Self.calling(options)], [activity])
        try await scenario.start("call")
        let began = scenario.clock.now
        try await scenario.settle()
        let token = try #require(TaskToken(notes.all.first ?? ""))
        for page in 1...4 {
            try await scenario.pass(.seconds(20))
            try await scenario.engine.heartbeat(token, details: ["page": .integer(page)], at: scenario.clock.now)
        }
        try await scenario.run()
        #expect(try await scenario.result("w") == ["page": 4])
        #expect(scenario.clock.now - began == .seconds(80 + 30 + 1))
    }

    @Test(arguments: LawEngine.allCases) func anAttemptMayBeatWhileItRuns(engine: LawEngine) async throws {
        let activity = ActivityType("a") { context, _ in
            if let details = context.heartbeatDetails { return details }
            try await context.heartbeat(["done": 7])
            throw ApplicationError(type: "Died", message: "died")
        }
        let scenario = try engine.scenario([Self.calling(briefly)], [activity])
        try await scenario.start("call")
        try await scenario.run()
        #expect(try await scenario.result("w") == ["done": 7])
    }

    @Test(arguments: LawEngine.allCases, ActivityCancellationType.allCases)
    func cancellationDoesWhatItsTypeSays(engine: LawEngine, type: ActivityCancellationType) async throws {
        let notes = Notes()
        let activity = ActivityType("a") { context, _ in
            notes.add(context.taskToken.description)
            throw CompletesLater()
        }
        let options = ActivityOptions(startToCloseTimeout: .days(1), cancellationType: type)
        let workflow = WorkflowType("race") { context, _ in
            let began = context.now
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await context.execute("a", input: .null, options: options) }
                group.addTask { try? await context.sleep(for: .minutes(1)) }
                await group.next()
                group.cancelAll()
            }
            try await context.withCancellationShield { try await context.sleep(for: .hours(1)) }
            return .integer(Int((context.now - began).milliseconds / 60_000))
        }
        let scenario = try engine.scenario([workflow], [activity])
        try await scenario.start("race")
        try await scenario.pass(.minutes(5))
        let token = try #require(TaskToken(notes.all.first ?? ""))
        if type == .abandon {
            try await scenario.engine.heartbeat(token, details: .null, at: scenario.clock.now)
        } else {
            await #expect(throws: CancellationError.self) {
                try await scenario.engine.heartbeat(token, details: .null, at: scenario.clock.now)
            }
            try await scenario.engine.reportCancelled(token, at: scenario.clock.now)
        }
        try await scenario.run()
        #expect(try await scenario.result("w") == .integer(type == .waitCancellationCompleted ? 65 : 61))
        let kinds = try await scenario.kinds()
        #expect(kinds.contains(.activityTaskCancelRequested) == (type != .abandon))
        #expect(kinds.contains(.activityTaskCanceled) == (type != .abandon))
    }

    @Test(arguments: LawEngine.allCases) func whatWasNotSentVanishes(engine: LawEngine) async throws {
        let workflow = WorkflowType("vanish") { context, _ in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await context.execute("echo", input: 1) }
                group.addTask { try? await context.sleep(for: .hours(1)) }
                group.addTask { group_unused() }
                await group.next()
                group.cancelAll()
            }
            return "done"
        }
        let scenario = try engine.scenario([workflow], [echo])
        try await scenario.start("vanish")
        try await scenario.run()
        let kinds = try await scenario.kinds()
        #expect(!kinds.contains(.activityTaskScheduled) && !kinds.contains(.timerStarted))
        #expect(try await scenario.status() == .completed)
    }

    @Test(arguments: LawEngine.allCases) func localActivitiesAreMarkers(engine: LawEngine) async throws {
        let notes = Notes()
        let activity = ActivityType("a") { context, input in
            notes.add("\(input.integer ?? 0).\(context.attempt)")
            if input == 2, context.attempt == 1 { throw ApplicationError(type: "Busy", message: "busy") }
            return input
        }
        let workflow = WorkflowType("local") { context, _ in
            let first = try await context.executeLocal("a", input: 1)
            let second = try await context.executeLocal("a", input: 2, retry: RetryPolicy(initialInterval: .seconds(5)))
            do {
                _ = try await context.executeLocal("none", input: 3, retry: RetryPolicy(maximumAttempts: 1))
            } catch let error as ActivityError { return [first, second, .string(error.cause.type ?? "")] }
            return .null
        }
        let scenario = try engine.scenario([workflow], [activity])
        try await scenario.start("local")
        try await scenario.run()
        #expect(try await scenario.result("w") == [1, 2, "UnknownActivity"])
        #expect(notes.all == ["1.1", "2.1", "2.2"])
        let kinds = try await scenario.kinds()
        #expect(kinds.count { $0 == .markerRecorded } == 4 && kinds.contains(.timerFired) && !kinds.contains(.activityTaskScheduled))
    }

    /// Others see what a local activity does, so the code must come there again by the same events, whenever the process dies.
    @Test(arguments: LawEngine.allCases) func whatALocalActivityFollowsFromIsDurable(engine: LawEngine) async throws {
        let store = try engine.store()
        let notes = Notes()
        let activity = ActivityType("a") { _, input in
            let stored = try await store.history(of: "w")
            notes.add("\(input.string ?? "") \(stored.contains { $0.kind == .workflowExecutionSignaled })")
            return input
        }
        let workflow = WorkflowType("local") { context, _ in
            _ = try await context.executeLocal("a", input: "begun")
            _ = try await context.nextSignal(named: ["go"])
            return try await context.executeLocal("a", input: "gone")
        }
        let scenario = try engine.scenario([workflow], [activity], store: store)
        try await scenario.start("local")
        try await scenario.settle()
        try await scenario.signal("go")
        try await scenario.run()
        #expect(try await scenario.result("w") == "gone")
        #expect(notes.all == ["begun false", "gone true"])
    }

    @Test(arguments: LawEngine.allCases) func aRateIsExactOverAnySecond(engine: LawEngine) async throws {
        // A rebuilt engine does not know what the one before has begun; a worker starts with a used-up rate instead.
        guard engine != .memoryRebuilt, engine != .diskRebuilt else { return }
        let notes = Notes()
        let activity = ActivityType("a") { context, input in
            notes.add("\(context.now.milliseconds)")
            return input
        }
        let workflow = WorkflowType("many") { context, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    let options = ActivityOptions(startToCloseTimeout: .seconds(1), taskQueue: "slow")
                    group.addTask { _ = try await context.execute("a", input: .integer(number), options: options) }
                }
                try await group.waitForAll()
            }
            return .null
        }
        let options = EngineOptions(taskQueues: [TaskQueue("slow", maximumActivitiesPerSecond: 10)])
        let scenario = try engine.scenario([workflow], [activity], options)
        try await scenario.start("many")
        let began = scenario.clock.now
        try await scenario.run()
        let times = notes.all.compactMap { Int($0) }
        #expect(times.count == 50)
        for time in times { #expect(times.count { $0 > time - 1000 && $0 <= time } <= 10) }
        #expect(scenario.clock.now - began == .milliseconds(4004))
    }
}

/// A task that ends at once.
private func group_unused() {}
