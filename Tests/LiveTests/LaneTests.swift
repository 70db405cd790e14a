import Bridge
import BridgeTesting
import Events
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// Events of one entity in order, entities in parallel, and nobody waits for somebody else's call.
@Suite struct LaneTests {
    @Test(arguments: 1...8) func theEventsOfAnEntityKeepTheirOrderWhileEntitiesRunInParallel(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let world = GatedWorld { _ in .hold }
        let lanes = Int.random(in: 2...6, using: &random)
        let desk = try Desk(world, options: ServiceOptions(lanes: lanes))
        let run = desk.begin()
        let names = (1...9).map { "T-\($0)" }
        var left = Dictionary(uniqueKeysWithValues: names.map { ($0, Array(1...5)) })
        var count = 0
        while let name = left.keys.sorted().randomElement(using: &random) {
            try await desk.send(name, "ticket.work", left[name]?.removeFirst() ?? 0)
            count += 1
            if left[name]?.isEmpty == true { left[name] = nil }
        }
        for _ in 0..<count {
            await world.state.wait { !$0.held.isEmpty }
            let held = world.state.value.held.keys.sorted()
            world.release(try #require(held.randomElement(using: &random)))
        }
        try await desk.service.settled()
        for name in names { #expect(try await desk.done(name) == "1 2 3 4 5", "seed \(seed), \(name)") }
        let end = world.state.value
        #expect(end.doubled.isEmpty)
        #expect(end.most > 1 && end.most <= lanes, "seed \(seed): \(end.most) at once in \(lanes) lanes")
        #expect(end.done.values.allSatisfy { $0 == 1 })
        desk.service.shutdown()
        try await run.value
    }

    @Test func aCallThatHangsDelaysNobody() async throws {
        let world = GatedWorld { $0.key.entity == "hung" ? .hold : .yes }
        let desk = try Desk(world, options: ServiceOptions(lanes: 4))
        let run = desk.begin()
        try await desk.send("hung", "ticket.work", 1)
        try await desk.send("hung", "ticket.work", 2)
        await world.state.wait { !$0.held.isEmpty }
        for number in 1...5 { for name in 1...40 { try await desk.send("T-\(name)", "ticket.work", number) } }
        await world.state.wait { $0.done.count == 200 }
        #expect(world.state.value.held.count == 1)
        #expect(world.state.value.attempts[Desk.key("hung", 2)] == nil, "its second event waits for the first")
        world.open()
        try await desk.service.settled()
        #expect(try await desk.done("hung") == "1 2")
        desk.service.shutdown()
        try await run.value
    }

    @Test func aDurableActivityThatHangsDelaysNobody() async throws {
        let world = GatedWorld { $0.key.entity == "hung" && $0.key.operation == "desk.photo" ? .hold : .yes }
        let desk = try Desk(world, isHybrid: true, options: ServiceOptions(lanes: 4))
        let run = desk.begin()
        for name in ["hung"] + (1...20).map({ "T-\($0)" }) {
            try await desk.send(name)
            try await desk.send(name, "ticket.check")
        }
        for name in 1...20 { try await desk.send("T-\(name)", "photo.received") }
        await world.state.wait { $0.done.keys.count { $0.operation == "desk.close" } == 20 }
        #expect(world.state.value.held.count == 1)
        world.open()
        try await desk.send("hung", "photo.received")
        try await desk.service.settled()
        for name in ["hung", "T-1", "T-20"] {
            let outcome = try await desk.outcome(name)
            #expect(outcome?.state == "CLOSED" && outcome?.facts["photo"] == true, "\(name)")
        }
        #expect(world.state.value.done.values.allSatisfy { $0 == 1 })
        desk.service.shutdown()
        try await run.value
        let stored = try await SQLiteHandoffStore(desk.database).counters()
        #expect(stored["handOffs"] == 21 && stored["handBacks"] == 21, "what was counted is stored, too: \(stored)")
    }

    @Test func aThousandEntitiesIn256LanesHave256CallsUnderWay() async throws {
        let world = GatedWorld { _ in .hold }
        let desk = try Desk(world, options: ServiceOptions(lanes: 256))
        let run = desk.begin()
        let now = desk.service.now
        _ = try await desk.service.submit((1...1000).map { Desk.message("T-\($0)", at: now) })
        await world.state.wait { $0.held.count == 256 }
        #expect(desk.service.health.busyLanes == 256)
        #expect(desk.service.health.waitingEvents == 1000 - 256)
        #expect(world.state.value.done.isEmpty)
        world.open()
        try await desk.service.settled()
        #expect(world.state.value.done.count == 1000)
        #expect(world.state.value.most == 256)
        desk.service.shutdown()
        try await run.value
    }

    /// Shows that the tests above could fail: with claims that end while a call is under way, two lanes have the same entity.
    @Test func claimsThatExpireAreFound() async throws {
        let clock = ManualClock()
        let world = GatedWorld { _ in .hold }
        let desk = try Desk(world, clock: clock, options: ServiceOptions(lanes: 4, longestSleep: .milliseconds(10)))
        desk.bridge.expireClaims(after: .seconds(30))
        let run = desk.begin()
        try await desk.send("T-1")
        await world.state.wait { !$0.held.isEmpty }
        clock.advance(by: .seconds(31))
        let error = await #expect(throws: (any Error).self) { try await run.value }
        #expect("\(try #require(error))".contains("T-1: expected one lane to have it, found two"))
        world.open()
    }
}
