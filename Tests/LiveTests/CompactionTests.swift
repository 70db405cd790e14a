import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// A service that keeps what is over for two hours.
@Suite struct CompactionTests {
    @Test func whatHasBeenOverForLongIsPackedAndStillKnown() async throws {
        let clock = ManualClock()
        let world = GatedWorld { _ in .yes }
        let options = ServiceOptions(lanes: 4, retention: .hours(2), longestSleep: .milliseconds(10))
        let desk = try Desk(world, clock: clock, options: options)
        let running = desk.begin()
        let message = Desk.message("T-1", at: desk.service.now)
        let first = try await desk.service.submit(message)
        try await desk.send("T-2")
        try await desk.service.settled()
        let journal = try await desk.store.journal(of: "T-1")
        #expect(try await desk.store.rows(of: "T-1").count == 1)
        while try await !desk.store.rows(of: "T-1").filter({ first.map(\.id).contains($0.event.id) }).isEmpty {
            clock.advance(by: .hours(1))
            try await desk.service.settled()
        }
        #expect(try await desk.store.journal(of: "T-1").starts(with: journal))
        guard case .duplicate? = try await desk.service.submit(message).first else {
            Issue.record("expected a duplicate, found news")
            return
        }
        #expect(world.state.value.done[Desk.key("T-1")] == 1)
        desk.service.shutdown()
        try await running.value
    }

    @Test func soAreTheHistoriesOfItsSegments() async throws {
        let clock = ManualClock()
        let options = ServiceOptions(lanes: 4, retention: .hours(2), longestSleep: .milliseconds(10))
        let desk = try Desk(GatedWorld { _ in .yes }, isHybrid: true, clock: clock, options: options)
        let running = desk.begin()
        for kind in ["ticket.work", "ticket.check", "photo.received"] {
            try await desk.send("T-1", kind)
            try await desk.service.settled()
        }
        #expect(try await desk.segments() == ["T-1/2 completed"])
        while try await !desk.segments().isEmpty {
            clock.advance(by: .hours(1))
            try await desk.service.settled()
        }
        #expect(try await desk.outcome("T-1")?.state == "CLOSED")
        desk.service.shutdown()
        try await running.value
    }
}

extension Desk {
    fileprivate func segments() async throws -> [String] {
        let runs = try await SQLiteWorkflowStore(database).runs(matching: WorkflowFilter(), before: nil, limit: 10)
        return runs.map { "\($0.workflowID) \($0.status)" }.sorted()
    }
}
