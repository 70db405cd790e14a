import Bridge
import BridgeTesting
import Events
import HybridRouter
import Outcomes
import Testing

/// What `submit` promises.
@Suite struct DeliveryTests {
    private func until(_ isTrue: () -> Bool) async throws {
        while !isTrue() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func whoDeliversMoreThanThereIsRoomForWaits() async throws {
        let world = GatedWorld { _ in .hold }
        let desk = try Desk(world, options: ServiceOptions(lanes: 1, maximumWaiting: 8))
        let run = desk.begin()
        try await desk.send("T-0")
        await world.state.wait { !$0.held.isEmpty }
        let stored = Watched(0)
        let senders = (1...30).map { number in
            Task {
                try await desk.send("T-\(number)")
                stored.change { $0 += 1 }
            }
        }
        try await until { desk.service.health.waitingDeliveries == 22 && stored.value == 8 }
        #expect(!desk.service.health.isReady)
        #expect(desk.service.health.reasons == ["22 deliveries wait for room"])
        world.open()
        for sender in senders { try await sender.value }
        try await desk.service.settled()
        #expect(world.state.value.done.count == 31)
        #expect(desk.service.health.isReady)
        desk.service.shutdown()
        try await run.value
    }

    @Test func whoDoesNotWaitAnyLongerLeavesNothingBehind() async throws {
        let world = GatedWorld { _ in .hold }
        let desk = try Desk(world, options: ServiceOptions(lanes: 1, maximumWaiting: 1))
        let run = desk.begin()
        try await desk.send("T-0")
        await world.state.wait { !$0.held.isEmpty }
        try await desk.send("T-1")
        let impatient = Task { try await desk.send("T-2") }
        try await until { desk.service.health.waitingDeliveries == 1 }
        impatient.cancel()
        await #expect(throws: CancellationError.self) { try await impatient.value }
        #expect(desk.service.health.waitingDeliveries == 0)
        world.open()
        try await desk.service.settled()
        #expect(try await desk.outcome("T-2") == nil)
        desk.service.shutdown()
        try await run.value
    }

    @Test func aHungEntityDoesNotFillTheRoom() async throws {
        let world = GatedWorld { $0.key.entity == "hung" ? .hold : .yes }
        let desk = try Desk(world, options: ServiceOptions(lanes: 2, maximumWaiting: 4))
        let run = desk.begin()
        try await desk.send("hung", "ticket.work", 1)
        await world.state.wait { !$0.held.isEmpty }
        for number in 2...20 { try await desk.send("hung", "ticket.work", number) }
        for number in 1...20 { try await desk.send("T-\(number)") }
        await world.state.wait { $0.done.count == 20 }
        world.open()
        try await desk.service.settled()
        #expect(world.state.value.done.count == 40)
        desk.service.shutdown()
        try await run.value
    }

    @Test func whatComesBeforeItRunsWaits() async throws {
        let world = GatedWorld()
        let desk = try Desk(world)
        let early = Task { try await desk.send("T-1") }
        try await until { desk.service.health.waitingDeliveries == 1 }
        #expect(desk.service.health.reasons.first == "it was not started")
        let run = desk.begin()
        guard case .accepted? = try await early.value.first else { return #expect(Bool(false), "accepted") }
        try await desk.service.settled()
        #expect(world.state.value.done.count == 1)
        desk.service.shutdown()
        try await run.value
    }

    @Test func deliveriesOfManyCallersShareACommit() async throws {
        let world = GatedWorld { _ in .hold }
        let (isBusy, mayGoOn) = (Watched(false), Watched(false))
        let desk = try Desk(world, options: ServiceOptions(lanes: 1)) {
            SlowStore(base: $0) {
                isBusy.change { $0 = true }
                await mayGoOn.wait { $0 }
            }
        }
        let run = desk.begin()
        let first = Task { try await desk.send("T-0", "ticket.work", 1) }
        await isBusy.wait { $0 }
        let before = desk.commits
        let others = (2...101).map { number in Task { try await desk.send("T-0", "ticket.work", number) } }
        try await until { desk.service.admitted == 101 }
        mayGoOn.change { $0 = true }
        for sender in [first] + others { _ = try await sender.value }
        #expect(desk.commits - before < 20, "101 deliveries in \(desk.commits - before) commits")
        world.open()
        try await desk.service.settled()
        #expect(world.state.value.done.count == 101)
        desk.service.shutdown()
        try await run.value
    }

    @Test func aDuplicateIsAnsweredAndALetterIsKept() async throws {
        let desk = try Desk(GatedWorld())
        let run = desk.begin()
        try await desk.send("T-1")
        #expect(try await desk.send("T-1") == [.duplicate("T-1-ticket.work-1")])
        let now = desk.service.now
        _ = try await desk.service.submit(WireMessage(source: "desk", body: "no JSON", receivedAt: now))
        try await desk.service.submit(
            DeadLetter(id: "line-1", source: "stream", reason: .malformed, detail: "expected JSON", body: "x", receivedAt: now))
        #expect(try await desk.store.deadLetters() == ["malformed": 2])
        desk.service.shutdown()
        try await run.value
    }
}

/// A store whose deliveries wait for a test.
struct SlowStore: ForwardingHandoffStore {
    let base: any HandoffStore
    let wait: @Sendable () async -> Void

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        await wait()
        return try await base.accept(arrivals, at: now)
    }
}
