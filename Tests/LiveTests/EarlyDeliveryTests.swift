import Bridge
import BridgeTesting
import Events
import Foundation
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// The desk calls back under a number that it gives out in an answer which has not reached us yet.
@Suite struct EarlyDeliveryTests {
    @Test(arguments: [false, true]) func aCallbackThatOvertakesTheAnswerIsHandled(isHybrid: Bool) async throws {
        let world = GatedWorld { $0.key == Desk.key("T-1", 1000) ? .hold : .yes }
        let desk = try Desk(world, isHybrid: isHybrid)
        let run = desk.begin()
        try await desk.send("T-1", "ticket.work", 1000)
        await world.state.wait { !$0.held.isEmpty }
        for number in [1, 2] { try await desk.send("job-1000", "ticket.work", number) }
        #expect(try await desk.store.deadLetters() == ["unknown-entity": 2])
        world.open()
        try await desk.service.settled()
        #expect(try await desk.done("T-1") == "1000 1 2")
        #expect(try await desk.store.deadLetters().isEmpty)
        #expect(try await desk.store.counters()["takenBack"] == 2)
        let again = try await desk.send("job-1000", "ticket.work", 1)
        #expect(again == [.duplicate("job-1000-ticket.work-1")])
        desk.service.shutdown()
        try await run.value
    }

    /// The process dies in the middle of the race; the next one finds out that the call was performed.
    @Test func theNextProcessHandlesIt() async throws {
        let path = NSTemporaryDirectory() + "lockstep-early-\(UUID().uuidString).sqlite"
        defer { for end in ["", "-wal", "-shm", "-lock"] { try? FileManager.default.removeItem(atPath: path + end) } }
        do {
            let database = try LockstepDatabase(path: path, durability: .grouped)
            let world = GatedWorld { _ in .hold }
            let desk = try Desk(world, on: database)
            let run = desk.begin()
            try await desk.send("T-1", "ticket.work", 1000)
            await world.state.wait { !$0.held.isEmpty }
            try await desk.send("job-1000", "ticket.work", 1)
            run.cancel()
            world.loseAll()
            _ = await run.result
        }
        let desk = try Desk(GatedWorld(), on: try await reopened(path))
        #expect(try await desk.store.deadLetters() == ["unknown-entity": 1])
        let run = desk.begin()
        await desk.world.state.wait { $0.done.count == 2 }
        try await desk.service.settled()
        #expect(try await desk.done("T-1") == "1000 1")
        #expect(try await desk.store.deadLetters().isEmpty)
        desk.service.shutdown()
        try await run.value
    }

    /// The file, once the last call of the run that was cancelled has let go of it: cancelling waits for no call.
    private func reopened(_ path: String) async throws -> LockstepDatabase {
        while true {
            do { return try LockstepDatabase(path: path, durability: .grouped) } catch let refusal as DatabaseRefusal where refusal.isHeld {
                await Task.yield()
            }
        }
    }
}
