import A2PApp
import Bridge
import Commands
import DurableWorkflow
import Events
import GRDB
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// What a registration costs that is active for years, when every step of it is durable.
@Suite struct FootprintTests {
    private static let count = 200

    @Test func anActiveRegistrationCostsLittleOnceItIsCompacted() async throws {
        let path = TemporaryDatabase.path("footprint")
        defer { TemporaryDatabase.remove(path) }
        let active = try await Self.active(path)
        #expect(active.count > 120)
        let store = SQLiteWorkflowStore(try LockstepDatabase(path: path, readOnly: true))
        let all = try await store.runs(matching: WorkflowFilter(), before: nil, limit: 10_000)
        for entity in active {
            let current = all.filter { $0.workflowID.hasPrefix("\(entity)/") }.max { $0.key < $1.key }?.length ?? 0
            #expect(current <= 60, "\(entity): the history of the run that waits in step 11")
        }
        try await Self.compact(path)
        let rows = try await Self.rows(of: active, path)
        #expect(rows.count <= 1, "all that was told was used, and is packed: \(rows.map { ($0.event.kind, $0.disposition) })")
        let bytes = try await Self.bytes(path) / Self.count
        #expect(bytes <= 20_480, "\(bytes) bytes for each of \(Self.count) registrations, \(active.count) of them active")
        print("footprint: \(bytes) bytes for each of \(Self.count) registrations, \(active.count) of them active")
    }

    /// Plays registrations with every step durable; returns those that have become active.
    private static func active(_ path: String) async throws -> Set<EntityID> {
        let run = try A2PRun(.init(mode: .hybrid, plan: try EveryStepTests.plan(Set(EveryStepTests.steps)), database: path))
        try await run.play(EveryStepTests.ordered(try await GeneratedTrace.lines(count, seed: 16)))
        return Set(try await run.outcomes().filter { $0.value.state == "ACTIVE" }.keys)
    }

    private static func rows(of active: Set<EntityID>, _ path: String) async throws -> [InboxRow] {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path, readOnly: true))
        var rows: [InboxRow] = []
        for entity in active.sorted() { rows += try await store.rows(of: entity) }
        return rows
    }

    private static func compact(_ path: String) async throws {
        let database = try LockstepDatabase(path: path)
        _ = try await SQLiteHandoffStore(database).compact(before: .distantFuture)
        while try await SQLiteWorkflowStore(database).remove(closedBefore: .distantFuture, limit: 1000) > 0 {}
    }

    /// The size of a file in which nothing is deleted.
    private static func bytes(_ path: String) async throws -> Int {
        try await DatabaseQueue(path: path).writeWithoutTransaction { database in
            try database.execute(sql: "VACUUM")
            return try Int.fetchOne(database, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") ?? .max
        }
    }
}
