import A2PApp
import Commands
import DurableWorkflow
import Events
import Foundation
import GRDB
import HybridRouter
import Outcomes
import SQLiteStorage
import Testing

/// A database that an earlier build has left in the middle of its work is brought up to date in place, and goes on as if it had never been
/// old.
@Suite struct OlderDatabaseTests {
    /// The last schema without unclaimed deliveries, copies of a service's records and intentions in order.
    private static let version = "v012_workflow_once"

    /// What a run came to.
    private struct End: Equatable {
        var outcomes: [EntityID: Outcome]
        var journals: [EntityID: [JournalEntry]]
        var aside: [Quarantined]
        var intentions: [EffectKey]
        var unfinished: Int
    }

    @Test func itGoesOnAsOneThatWasNeverOld() async throws {
        let halves = try await TwoHalves(24, seed: 23)
        let (young, old) = (TwoHalves.path("young") + ".sqlite", TwoHalves.path("old") + ".sqlite")
        defer { [young, old].forEach(TwoHalves.remove) }
        try await halves.first(young)
        let begun = try await Self.leaveIntentions(in: young)
        try Self.writeAsOlderBuild(young, to: old)
        try Self.expectThatMuchIsUnderWay(in: old)

        let expected = try await Self.end(try await halves.second(young), young)
        let found = try await Self.end(try await halves.second(old), old)
        #expect(found.outcomes == expected.outcomes)
        #expect(found.journals == expected.journals)
        #expect(found.aside.map(\.key) == expected.aside.map(\.key))
        #expect(found.intentions == begun, "in the order in which they were begun")
        #expect(found == expected)
        #expect(expected.outcomes.count == 24 && expected.aside.count == begun.count)
        let schemas = try [young, old].map { try LockstepDatabase(path: $0, readOnly: true).schemaText() }
        #expect(schemas[0] == schemas[1])
    }

    /// Two effects of which the process that began them never heard the result. Their keys are not in the order of their times.
    private static func leaveIntentions(in path: String) async throws -> [EffectKey] {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: path))
        let keys = try await store.entities().prefix(2).reversed().map { EffectKey(entity: $0, step: "9", operation: "billing.fee") }
        for (index, key) in keys.enumerated() {
            let at = Timestamp(milliseconds: Int64(1_772_442_000_000 + index))
            _ = try await store.intend(EffectCall(key: key, request: [:], owner: .legacy, epoch: 1, attempt: 1, at: at))
        }
        return keys
    }

    /// Makes a database of the older schema and fills it with the rows of another one, in the columns that the older build had. It wrote
    /// the same values in them. Deliveries that came too early were dead letters to it, which nobody claimed.
    private static func writeAsOlderBuild(_ path: String, to old: String) throws {
        try LockstepDatabase(path: path).write { try $0.execute(sql: "DELETE FROM unclaimed") }
        try LockstepDatabase.make(path: old, upTo: version)
        if FileManager.default.fileExists(atPath: path + ".effects.jsonl") {
            try FileManager.default.copyItem(atPath: path + ".effects.jsonl", toPath: old + ".effects.jsonl")
        }
        try DatabaseQueue(path: old).writeWithoutTransaction { database in
            try database.execute(sql: "ATTACH ? AS young", arguments: [path])
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name <> 'grdb_migrations' ORDER BY name")
            for table in tables {
                let columns = try database.columns(in: table).map { "\"\($0.name)\"" }.joined(separator: ", ")
                try database.execute(sql: "INSERT INTO main.\(table) (\(columns)) SELECT \(columns) FROM young.\(table)")
            }
        }
    }

    /// The database holds what matters: open rows on both sides, effects, intentions, and workflows that wait.
    private static func expectThatMuchIsUnderWay(in path: String) throws {
        let queue = try DatabaseQueue(path: path)
        func count(_ rows: String) throws -> Int {
            try queue.read { database in try Int.fetchOne(database, sql: "SELECT count(*) FROM " + rows) ?? 0 }
        }
        #expect(try count("ownership WHERE owner = 'durable'") > 0)
        #expect(try count("record WHERE final = 0") > 5)
        #expect(try count("ledger") > 50)
        #expect(try count("intention") == 2)
        #expect(try count("workflow_run WHERE closed_at IS NULL") > 0)
        #expect(try count("workflow_due") > 0)
        #expect(try count("pragma_table_info('record') WHERE name = 'legacy_version'") == 0)
        #expect(try count("sqlite_master WHERE name = 'unclaimed'") == 0)
    }

    private static func end(_ run: A2PRun, _ path: String) async throws -> End {
        let database = try LockstepDatabase(path: path, readOnly: true)
        let store = SQLiteHandoffStore(database)
        var journals: [EntityID: [JournalEntry]] = [:]
        for entity in try await store.entities() { journals[entity] = try await store.journal(of: entity) }
        let open = try await SQLiteWorkflowStore(database).count(matching: WorkflowFilter(isOpen: true))
        return End(
            outcomes: try await run.outcomes(), journals: journals, aside: try await store.quarantined(),
            intentions: try await store.intentions().map(\.key), unfinished: open)
    }
}
