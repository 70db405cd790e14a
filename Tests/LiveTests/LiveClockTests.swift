import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Synchronization
import Testing

/// A wall clock that is set wrong, and right again.
private final class Wall: Sendable {
    private let began = ContinuousClock.now
    private let wrong = Mutex<Duration>(.zero)

    var clock: RealTime { RealTime(SystemTime(wall: { self.moment(self.wrong.withLock { $0 }) }, uptime: { self.moment(.zero) })) }

    func set(wrongBy wrong: Duration) { self.wrong.withLock { $0 = wrong } }

    private func moment(_ wrong: Duration) -> Int64 {
        (Timestamp(milliseconds: 1_790_000_000_000) + (ContinuousClock.now - began) + wrong).milliseconds
    }
}

@Suite struct LiveClockTests {
    private static let names = (1...30).map { "T-\($0)" }

    /// The clock jumps by up to 90 days, there and back, while 64 lanes are at work: everything is done once and comes to its end. With legacy, where
    /// one lane at a time has an entity, its time never goes back; a lane and the engine can have taken the time before and after a jump.
    @Test(arguments: [false, true], 1...4) func nothingIsLostDoneTwiceOrStranded(isHybrid: Bool, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let (wall, world) = (Wall(), GatedWorld())
        let path = NSTemporaryDirectory() + "lockstep-clock-\(UUID().uuidString).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let database = try LockstepDatabase(path: path, durability: .grouped)
        let desk = try Desk(world, isHybrid: isHybrid, clock: wall.clock, options: ServiceOptions(lanes: 64), on: database)
        let run = desk.begin()
        for (kind, number) in [("ticket.work", 1), ("ticket.work", 2), ("ticket.work", 3), ("ticket.check", 0), ("photo.received", 0)] {
            for name in Self.names.shuffled(using: &random) {
                if Int.random(in: 0..<6, using: &random) == 0 { wall.set(wrongBy: .days(Int.random(in: -90...90, using: &random))) }
                try await desk.send(name, kind, number)
            }
        }
        wall.set(wrongBy: .zero)
        try await desk.service.settled()
        desk.service.shutdown()
        try await run.value
        try await expectAllIsWell(desk, isInOrder: !isHybrid, "seed \(seed)")
    }

    private func expectAllIsWell(_ desk: Desk, isInOrder: Bool, _ comment: Comment) async throws {
        let world = desk.world.state.value
        #expect(world.doubled.isEmpty, comment)
        #expect(world.done.values.allSatisfy { $0 == 1 }, comment)
        for name in Self.names {
            let outcome = try await desk.outcome(name)
            #expect(outcome?.status == "closed" && outcome?.facts["done"]?.string == "1 2 3", "\(comment), \(name)")
            let moments = try await desk.store.journal(of: EntityID(name)).map(\.at)
            #expect(!moments.isEmpty && (!isInOrder || moments == moments.sorted()), "\(comment), \(name): its time goes back")
        }
    }
}
