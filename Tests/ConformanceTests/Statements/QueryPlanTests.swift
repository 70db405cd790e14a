import Events
import Foundation
import GRDB
import SQLiteStorage
import Synchronization
import Testing

/// No statement reads a whole table that grows, unless it is there to show or count all of it.
@Suite struct QueryPlanTests {
    /// Tables and indexes that hold only what is to be read.
    private static let short: [String: String] = [
        "outbox": "a message goes when it was sent", "intention": "an intention goes with its result",
        "quarantine": "what a person has not looked at yet", "workflow_quarantine": "what a person has not looked at yet",
        "counter": "a fixed set of names", "inbox_open": "what is to be handled", "ownership_durable": "what durable owns now",
        "shadow_note_over": "at most a thousand visits that wait for their shadow", "shadow_count": "steps, paths and verdicts",
        "shadow_result": "at most a thousand results",
    ]

    private static let columns = "key, workflow, run, type, queue, status, length, bytes, started_at, closed_at, problem, more"
    /// Statements that read all rows on purpose; a text that ends in … is how they begin.
    private static let whole: [String: String] = [
        "SELECT entity FROM ownership ORDER BY entity": "lists all entities",
        "SELECT step, owner, final, count(*) FROM ownership JOIN record…": "the census counts all entities",
        "SELECT count(*), min(entity) FROM ownership JOIN record…": "a run without legacy asks once, at its start",
        "SELECT pins, count(*) FROM ownership WHERE pins <> '' GROUP BY pins": "the census counts all pins",
        "SELECT sequence, entity, event_id, source, kind, payload, received_at, occurred_at, sum, disposition, epoch, priority, attempt,"
            + " visible_at, place_sum FROM inbox WHERE source <> 'lockstep'…": "tells a simulated outside everything again",
        "SELECT reason, count(*) FROM dead_letter GROUP BY reason": "counts all dead letters",
        "SELECT source || ' ' || type, count(*) FROM dead_letter…": "counts all dead letters",
        "SELECT sequence FROM dead_letter WHERE body <> ''": "empties all dead letters, by hand",
        "SELECT sequence, detail, body, EXISTS…": "forgetting looks for names in the texts of all dead letters, by hand",
        "SELECT external FROM reference WHERE entity = ?": "forgetting, by hand; an index would be written with every id",
        "DELETE FROM workflow_due WHERE run = ?": "forgetting, by hand; an index would be written with every timer and task",
        "SELECT key FROM workflow_run WHERE closed_at < ? AND key NOT IN (SELECT run FROM workflow_due)…":
            "retention, by hand and hourly: once for a thousand runs; an index would be written with every timer and task",
        "SELECT COUNT(*) FROM…": "counts the rows of a table, for a look at a database",
        "SELECT count(*) FROM workflow_run": "counts all runs", "SELECT \(columns) FROM workflow_run": "counts the runs that match",
        "SELECT id, body FROM workflow_schedule ORDER BY id": "lists all schedules",
        "SELECT id, step, version, path, way, mismatch FROM shadow_judged ORDER BY sequence": "makes evidence of all visits, by hand",
        "SELECT step, count(DISTINCT entity || '/' || visit) FROM shadow_note WHERE follower = ? GROUP BY 1":
            "counts all visits that are open",
        "UPDATE shadow_note SET body = json_set(body, '$.segment.isSealed', json('true')) WHERE sequence IN…":
            "once, when a process ends: marks all visits that are open",
    ]

    private static func isWhole(_ sql: String) -> String? {
        whole.keys.first { $0.hasSuffix("…") ? sql.hasPrefix($0.dropLast()) : sql == $0 }
    }

    @Test func noStatementReadsAWholeTableThatGrows() async throws {
        let database = try LockstepDatabase(path: ":memory:")
        let statements = try await EveryStatement(database).run()
        var excused: Set<String> = []
        for sql in statements.sorted() {
            let read = try Self.scanned(by: sql, in: database).filter { Self.short[$0] == nil }
            guard !read.isEmpty else { continue }
            let reason = Self.isWhole(sql)
            #expect(reason != nil, "reads all of \(read.sorted()): use an index, or say here why it is meant to: \(sql)")
            reason.map { _ = excused.insert($0) }
        }
        #expect(excused == Set(Self.whole.keys), "take out what is not needed any more")
        print("query plans: \(statements.count) statements, \(excused.count) of them read a whole table on purpose")
    }

    /// Nothing is left out: each text in the sources that is a statement was run.
    @Test func everyStatementInTheSourcesIsLookedAt() async throws {
        let statements = try await EveryStatement(try LockstepDatabase(path: ":memory:")).run()
        let texts = try StatementTexts.all()
        #expect(texts.count > 90)
        for (file, parts) in texts {
            let isRun = statements.contains { StatementTexts.matches(parts, $0) }
            #expect(isRun, "\(file): run this statement in EveryStatement: \(parts.joined(separator: "…"))")
        }
        print("query plans: \(texts.count) texts in the sources")
    }

    /// The tables and partial indexes of which a statement reads everything. SQLite's own tables are not ours.
    private static func scanned(by sql: String, in database: LockstepDatabase) throws -> Set<String> {
        guard !sql.contains("sqlite_master") else { return [] }
        return try database.read { database in
            let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            statement.setUncheckedArguments(StatementArguments())
            let steps = try Row.fetchAll(statement).map { $0["detail"] as String }
            return Set(steps.filter { $0.hasPrefix("SCAN ") && $0 != "SCAN CONSTANT ROW" }.map(Self.name))
        }
    }

    /// The partial index that a step uses, else its table.
    private static func name(_ step: String) -> String {
        let words = step.split(separator: " ").map(String.init)
        return words.last.flatMap { short[$0] == nil ? nil : $0 } ?? words[1]
    }

    // MARK: The rule can fail

    @Test(arguments: [
        ("SELECT * FROM record WHERE state = ?", ["record"]), ("SELECT entity FROM inbox WHERE priority = 1 ORDER BY sequence", ["inbox"]),
        ("SELECT * FROM record WHERE entity = ?", []), ("DELETE FROM workflow_due WHERE workflow = ?", ["workflow_due"]),
        ("SELECT entity FROM ownership WHERE owner = 'durable' ORDER BY entity", ["ownership_durable"]),
        ("SELECT 1 FROM ledger l, move m WHERE l.entity = ? AND m.at = 3", ["m"]),
    ]) func aScanIsFound(sql: String, expected: [String]) throws {
        let database = try LockstepDatabase(path: ":memory:")
        #expect(try Self.scanned(by: sql, in: database) == Set(expected))
        #expect(Self.isWhole(sql) == nil)
    }

    @Test func textsOfASource() {
        let source = #"""
            // "SELECT 1"
            let a = "SELECT \(columns("x")) FROM t WHERE a = ?", b = "\"no\" statement"
            let c = """
                UPDATE t
                SET a = 1 \(d)
                """
            """#
        #expect(StatementTexts.texts(in: source) == [["SELECT", "FROM t WHERE a = ?"], ["\"no\" statement"], ["UPDATE t SET a = 1", ""]])
        #expect(StatementTexts.matches(["SELECT", "FROM t WHERE a = ?"], "SELECT x, y FROM t WHERE a = ? LIMIT 1"))
        #expect(!StatementTexts.matches(["SELECT", "FROM t WHERE a = ?"], "SELECT x FROM u"))
        #expect(!StatementTexts.matches(["FROM t"], "SELECT x FROM t"))
    }
}
