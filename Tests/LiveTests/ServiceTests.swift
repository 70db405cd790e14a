import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import HybridRouter
import LegacyStateMachine
import Outcomes
import SQLiteStorage
import Testing

/// How a service begins, fails, retries, keeps its hours, and ends.
@Suite struct ServiceTests {
    private let clock = ManualClock()

    private func options(lanes: Int = 16, maximumWaiting: Int = 4096) -> ServiceOptions {
        ServiceOptions(lanes: lanes, maximumWaiting: maximumWaiting, longestSleep: .milliseconds(10))
    }

    private func until(_ isTrue: () async throws -> Bool) async throws {
        while try await !isTrue() { try await Task.sleep(for: .milliseconds(1)) }
    }

    // MARK: The end

    @Test(arguments: [0, 5, 10]) func aShutdownWhileCallsAreUnderWayLosesNothing(answered: Int) async throws {
        let world = GatedWorld { _ in .hold }
        let first = try Desk(world, clock: clock, options: options())
        let running = first.begin()
        for name in 1...10 {
            try await first.send("T-\(name)", "ticket.work", 1)
            try await first.send("T-\(name)", "ticket.work", 2)
        }
        await world.state.wait { $0.held.count == 10 }
        first.service.shutdown()
        await clock.waitForSleeper(until: clock.now + .seconds(30))
        for name in 0..<answered { world.release(Desk.key("T-\(name + 1)")) }
        if answered < 10 { clock.advance(by: .seconds(30)) }
        try await running.value
        #expect(first.service.abandonedCalls >= 10 - answered)
        await #expect(throws: ServiceStopped.self) { try await first.send("T-1", "ticket.work", 3) }
        world.loseAll()

        world.open()
        let second = try Desk(world, clock: clock, options: options(), on: first.database)
        let again = second.begin()
        try await second.service.settled()
        clock.advance(by: .minutes(5))
        try await until {
            try await second.service.settled()
            return world.state.value.done.count == 20
        }
        for name in 1...10 { #expect(try await second.done("T-\(name)") == "1 2") }
        #expect(world.state.value.done.values.allSatisfy { $0 == 1 })
        second.service.shutdown()
        try await again.value
    }

    @Test func aCancelledRunEndsAtOnce() async throws {
        let world = GatedWorld { _ in .hold }
        let desk = try Desk(world, options: options())
        let run = desk.begin()
        try await desk.send("T-1")
        await world.state.wait { !$0.held.isEmpty }
        run.cancel()
        try await run.value
        #expect(desk.service.abandonedCalls == 1)
        #expect(!desk.service.health.isLive)
        world.loseAll()
    }

    /// What an earlier process has begun with a party that says nothing is set aside at the start. A call of this process is none of that.
    @Test func nothingIsBegunBeforeItIsKnownWhatWas() async throws {
        let order = Watched<[String]>([])
        let path = NSTemporaryDirectory() + "lockstep-look-\(UUID().uuidString).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let database = try LockstepDatabase(path: path, durability: .grouped)
        let desk = try Desk(GatedWorld(.neither), isHybrid: true, on: database) { SlowLook(base: $0, order: order) }
        _ = try await desk.bridge.receive((1...20).map { Desk.message("T-\($0)", at: desk.service.now) }, at: desk.service.now)
        let run = desk.begin()
        try await desk.service.settled()
        #expect(order.value == ["look"] + Array(repeating: "begin", count: 20))
        #expect(try await desk.store.quarantined().isEmpty)
        #expect(desk.world.state.value.done.count == 20)
        desk.service.shutdown()
        try await run.value
    }

    @Test func itRunsOnce() async throws {
        let desk = try Desk(GatedWorld())
        desk.service.shutdown()
        try await desk.service.run()
        await #expect(throws: ServiceStopped.self) { try await desk.service.run() }
    }

    @Test func aDatabaseThatFailsEndsItAndRefusesWhatComes() async throws {
        let isBroken = Watched(false)
        let desk = try Desk(GatedWorld(), options: options()) { FailingStore(base: $0) { _ in isBroken.value ? DiskGone() : nil } }
        let run = desk.begin()
        try await desk.send("T-1")
        try await desk.service.settled()
        isBroken.change { $0 = true }
        _ = try? await desk.send("T-2")
        await #expect(throws: DiskGone.self) { try await run.value }
        await #expect(throws: (any Error).self) { try await desk.send("T-3") }
        #expect(!desk.service.health.isLive)
        #expect(desk.service.health.reasons.first?.contains("failed") == true)
    }

    // MARK: What goes wrong with one thing

    @Test func anEntityWhoseCallsFailTriesAgainEverLater() async throws {
        let world = GatedWorld { $0.key.entity == "bad" ? .fail(.temporary) : .yes }
        let desk = try Desk(world, clock: clock, options: options())
        let run = desk.begin()
        try await desk.send("bad")
        let key = Desk.key("bad")
        for attempt in 1...4 {
            await world.state.wait { $0.attempts[key]?.count == attempt }
            try await desk.service.settled()
            let wait = ticketMachine.retrySchedule.delay(afterAttempt: attempt, entity: "bad")
            clock.advance(by: wait - .milliseconds(1))
            try await desk.send("T-\(attempt)")
            try await desk.service.settled()
            #expect(world.state.value.attempts[key]?.count == attempt, "not before \(wait) have passed")
            #expect(try await desk.done("T-\(attempt)") == "1")
            clock.advance(by: .milliseconds(1))
        }
        await world.state.wait { $0.attempts[key]?.count == 5 }
        try await desk.service.settled()
        #expect(try await desk.store.deadLetters() == ["failed": 1])
        desk.service.shutdown()
        try await run.value
    }

    @Test func aPoisonIsSetAsideAndTheOthersGoOn() async throws {
        let desk = try Desk(GatedWorld(), clock: clock, options: options()) {
            FailingStore(base: $0) { $0 == "poison" ? Unfit() : nil }
        }
        let run = desk.begin()
        try await desk.send("poison")
        for failure in 1...3 {
            try await desk.service.settled()
            try await desk.send("T-\(failure)")
            try await desk.service.settled()
            #expect(try await desk.done("T-\(failure)") == "1")
            #expect(try await desk.store.quarantined().count == (failure == 3 ? 1 : 0))
            clock.advance(by: .seconds(4))
        }
        let item = try #require(try await desk.store.quarantined().first)
        #expect(item.entity == "poison" && item.reason.contains("handling failed 3 times"))
        #expect(desk.service.health.setAside == 1 && desk.service.health.isReady, "it is somebody's affair, and nobody else's")
        desk.service.shutdown()
        try await run.value
    }

    @Test func anEffectOfWhichNobodyKnowsWaitsForAPersonAndNobodyElseDoes() async throws {
        let world = GatedWorld(.neither) { $0.key.entity == "lost" ? .fail(.unknownOutcome) : .yes }
        let desk = try Desk(world, clock: clock, options: options())
        let run = desk.begin()
        try await desk.send("lost", "ticket.work", 1)
        try await desk.send("lost", "ticket.work", 2)
        try await desk.send("T-1")
        try await desk.service.settled()
        #expect(try await desk.done("T-1") == "1")
        #expect(try await desk.store.quarantined().map(\.key) == [Desk.key("lost").description])
        #expect(world.state.value.attempts[Desk.key("lost")]?.count == 1, "it is not repeated by itself")
        world.open()
        #expect(try await desk.bridge.settle(Desk.key("lost"), reply: [:], at: clock.now))
        try await desk.service.settled()
        #expect(try await desk.done("lost") == "1 2")
        #expect(world.state.value.attempts[Desk.key("lost")]?.count == 1)
        desk.service.shutdown()
        try await run.value
    }

    // MARK: By the clock

    @Test func theSweeperKeepsItsHours() async throws {
        let world = GatedWorld()
        let desk = try Desk(world, clock: clock, options: options())
        let run = desk.begin()
        try await desk.send("T-1")
        try await desk.service.settled()
        await clock.waitForSleeper(until: clock.now + .hours(1))
        clock.advance(by: .hours(1))
        await clock.waitForSleeper(until: clock.now + .hours(1))
        #expect(world.state.value.done.count == 1, "an hour is not too long")
        clock.advance(by: .hours(1))
        await world.state.wait { $0.done.keys.contains { $0.operation == "desk.remind" } }
        try await desk.service.settled()
        #expect(try await desk.outcome("T-1")?.facts["reminders"] == 1)
        desk.service.shutdown()
        try await run.value
    }

    @Test func aSegmentThatEndedWithoutAWordIsGivenBackWithinTheHour() async throws {
        let world = GatedWorld()
        let desk = try Desk(world, isHybrid: true, clock: clock, options: options())
        let run = desk.begin()
        try await desk.send("T-1")
        try await desk.send("T-1", "ticket.check")
        await world.state.wait { $0.done.keys.contains { $0.operation == "desk.photo" } }
        try await desk.service.settled()
        try await desk.bridge.engine.cancel(workflowID: "T-1/2")
        try await desk.service.settled()
        #expect(try await desk.outcome("T-1")?.state == "CHECKED")
        clock.advance(by: .hours(1))
        await world.state.wait { $0.done.keys.contains { $0.operation == "desk.close" } }
        try await desk.service.settled()
        #expect(try await desk.outcome("T-1")?.state == "CLOSED")
        desk.service.shutdown()
        try await run.value
    }

    @Test func aStartThatIsUnderWayIsNoLostSegment() async throws {
        let world = GatedWorld()
        let desk = try Desk(world, isHybrid: true, clock: clock, options: options())
        try await desk.bridge.load()
        _ = try await desk.bridge.receive(
            [Desk.message("T-1", at: clock.now), Desk.message("T-1", "ticket.check", at: clock.now)], at: clock.now)
        while try await desk.bridge.handleNext(at: clock.now) {}
        #expect(desk.bridge.hasUnsent)
        #expect(try await desk.bridge.reconcile(at: clock.now) == 0, "its start is still to be sent")
    }

    @Test func whatAnotherProcessDidIsTakenUp() async throws {
        let folder = NSTemporaryDirectory() + "lockstep-live-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/t.sqlite"
        let world = GatedWorld()
        let desk = try Desk(world, isHybrid: true, on: try LockstepDatabase(path: path, durability: .grouped))
        let run = desk.begin()
        try await desk.send("T-1")
        try await desk.send("T-1", "ticket.check")
        await world.state.wait { $0.done.keys.contains { $0.operation == "desk.photo" } }
        try await desk.service.settled()

        let beside = try LockstepDatabase(path: path, access: .beside(wait: .seconds(30)))
        let other = try EventBridge(
            domain: tickets, plan: desk.bridge.plan, store: SQLiteHandoffStore(beside), effects: world
        ) { EmbeddedEngine(store: InMemoryWorkflowStore(), workflows: $0, activities: $1) }
        #expect(try await other.recall("T-1", at: desk.service.now) == .moved(epoch: 3))
        await world.state.wait { $0.done.keys.contains { $0.operation == "desk.close" } }
        try await desk.service.settled()
        #expect(try await desk.outcome("T-1")?.state == "CLOSED")
        #expect(try await desk.bridge.engine.status(of: "T-1/2")?.isClosed == true)
        desk.service.shutdown()
        try await run.value
    }
}

struct DiskGone: EnvironmentFailure {}
struct Unfit: Error {}

/// A store whose commits fail when a test says so.
struct FailingStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let failure: @Sendable (EntityID) -> (any Error)?

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        if let failure = failure(transaction.entity) { throw failure }
        return try await base.commit(transaction)
    }
}

/// Takes its time to say what was begun, and keeps books of who came first.
private struct SlowLook: ForwardingHandoffStore {
    let base: any HandoffStore
    let order: Watched<[String]>

    func intentions() async throws -> [EffectCall] {
        for _ in 0..<10_000 { await Task.yield() }
        order.change { $0.append("look") }
        return try await base.intentions()
    }

    func intend(_ call: EffectCall) async throws -> IntentionResult {
        order.change { $0.append("begin") }
        return try await base.intend(call)
    }
}
