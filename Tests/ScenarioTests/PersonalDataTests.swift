import Events
import Foundation
import LegacyFixtures
import SQLiteStorage
import Testing

/// `lockstep forget`: what goes, what stays, and that every column was thought of.
@Suite struct PersonalDataTests {
    private let folder: String
    private let database: String

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-forget-\(UUID().uuidString)"
        database = folder + "/work.sqlite"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func played(_ fixtures: String...) throws {
        let result = try Lockstep.run(["run", "--database", database] + fixtures.map { "\(LegacyFixtures.folder)/\($0)" })
        try #require(result.code == 0, "\(result.error)")
    }

    private func sqlite(_ sql: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", database, sql]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(sql)")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: Every column

    @Test func everyColumnIsDecided() throws {
        let columns = try LockstepDatabase(path: ":memory:").columns().mapValues { Set($0) }
        #expect(columns == PersonalData.fates.mapValues { Set($0.keys) }, "say in PersonalData.fates what becomes of a new column")
    }

    @Test func theGuideSaysWhatBecomesOfEveryColumn() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(contentsOf: root.appending(path: "Sources/Bridge/Documentation.docc/PersonalData.md"), encoding: .utf8)
        var found: [String: [String: PersonalData.Fate]] = [:]
        for line in guide.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            for (cell, fate) in zip(cells.dropFirst(), [PersonalData.Fate.kept, .reduced, .emptied, .removed]) {
                for column in cell.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) where column != "–" {
                    found[cells[0].filter { $0 != "`" }, default: [:]][column] = fate
                }
            }
        }
        #expect(found == PersonalData.fates)
    }

    /// Whatever stands in the columns that are not kept, also what cannot be read, is in no file afterwards.
    @Test func nothingOfWhatIsErasedIsLeft() throws {
        try played("vetting-cancelled", "m01-exact-duplicate")
        let mark = "Zoltan Markerfield"
        try plant(mark)
        #expect(try files().contains { $0.contains(mark) })
        let result = try Lockstep.run(["forget", "R-900047", "--dead-letters", "--database", database])
        #expect(result.code == 0, "\(result.error)")
        for file in try files() { #expect(!file.contains(mark)) }
        #expect(try sqlite("SELECT count(*) FROM record") == "2")
        #expect(try sqlite("PRAGMA integrity_check") == "ok")
    }

    /// Writes `mark` into every text column that is not kept of every row of R-900047; columns by which rows belong to it are left alone.
    private func plant(_ mark: String) throws {
        try plantRows(mark)
        let keys: Set = [
            "entity", "workflow", "run", "key", "scope", "id", "name", "sequence", "first", "at", "event", "number", "sum", "calls",
        ]
        var planted = 0
        for (table, columns) in PersonalData.fates {
            for (column, fate) in columns where fate != .kept && !keys.contains(column) {
                let own =
                    columns["entity"] == nil
                    ? table == "workflow_run" ? "WHERE workflow LIKE 'R-900047/%'" : "" : "WHERE entity = 'R-900047'"
                let runs = "WHERE run IN (SELECT key FROM workflow_run WHERE workflow LIKE 'R-900047/%')"
                let rows = ["workflow_history", "workflow_due", "workflow_quarantine"].contains(table) ? runs : own
                let world = table == "setting" ? "WHERE name LIKE 'world/%'" : rows
                let value = table == "setting" ? "'R-900047 \(mark)'" : "'\(mark)'"
                let type = try sqlite("SELECT type FROM pragma_table_info('\(table)') WHERE name = '\(column)'")
                guard type == "TEXT" || type == "BLOB", !["workflow_run"].contains(table) || ["problem", "more"].contains(column) else {
                    continue
                }
                let cast = type == "BLOB" ? "CAST(\(value) AS BLOB)" : value
                planted += Int(try sqlite("UPDATE OR IGNORE \(table) SET \(column) = \(cast) \(world); SELECT changes()")) ?? 0
            }
        }
        #expect(planted > 50)
    }

    /// Rows of tables that the run left empty, and what only earlier versions of rows still say.
    private func plantRows(_ mark: String) throws {
        _ = try sqlite(
            """
            INSERT INTO setting VALUES ('world/1', 'R-900047', NULL);
            INSERT INTO dead_letter VALUES (NULL, 'x1', 'tcr', 'malformed', 'about R-900047', 'T', 'R-900047', 0);
            INSERT INTO dead_letter VALUES (NULL, 'x2', 'tcr', 'malformed', '', 'T', 'about nobody', 0);
            INSERT INTO reading VALUES (NULL, 'R-900047', 'a.b', '{}', '{}', 'legacy', 1, 0);
            INSERT INTO quarantine VALUES (NULL, 'event', '1', 'R-900047', 'because', 0);
            INSERT INTO workflow_quarantine SELECT NULL, 1, key, 1, 'task', workflow, 'q', '{}', 'p', 1 FROM workflow_run;
            UPDATE record SET body = json_insert(body, '$.note', '\(mark) was here') WHERE entity = 'R-900047';
            UPDATE record SET body = json_remove(body, '$.note') WHERE entity = 'R-900047';
            """)
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
            String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
        }
    }

    // MARK: What stays

    @Test func idsStatesAndCodesStay() throws {
        try played("vetting-cancelled")
        let before = try Lockstep.run(["history", "show", "R-900047", "--database", database, "--format", "json"]).json
        let result = try Lockstep.run(["forget", "R-900047", "--database", database, "--format", "json"])
        let remains = try #require(result.json?["forgotten"]?.array?.first)
        #expect(remains["state"] == "CANCELLED")
        #expect(remains["effects"] == before?["ledger"]?.array.map { .integer($0.count) })
        let after = try #require(Lockstep.run(["history", "show", "R-900047", "--database", database, "--format", "json"]).json)
        #expect(after["journal"] == before?["journal"])
        #expect(after["ownership"] == before?["ownership"])
        #expect(after["ledger"]?.array?.map { $0["key"] } == before?["ledger"]?.array?.map { $0["key"] })
        #expect(after["ledger"]?.array?.allSatisfy { $0["request"] == [:] && $0["reply"] == [:] } == true)
        #expect(after["workflows"] == [:])
        let comparison = try Lockstep.run(["compare", "--of", database, "--format", "json"])
        #expect(comparison.code == 0, "what was forgotten is no difference")
        #expect(comparison.json?["incomparable"]?.array?.first?.string?.contains("forgotten") == true)
        let log = try String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8).split(separator: "\n")
        #expect(try log.allSatisfy { try JSONValue(parsing: String($0))["request"] == [:] })
    }

    /// Everything that is sent again after it was forgotten is a duplicate, and nothing is done twice.
    @Test func whatIsSentAgainIsADuplicate() throws {
        try played("vetting-cancelled")
        #expect(try Lockstep.run(["forget", "R-900047", "--database", database]).code == 0)
        let effects = try String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8)
        let trace = "\(LegacyFixtures.folder)/vetting-cancelled/events.jsonl"
        let again = try Lockstep.run(["run", "--events", trace, "--drain", "--database", database, "--format", "json"])
        #expect(again.code == 0, "\(again.error)")
        #expect(again.output.contains(#""outcomes":{"cancelled":1}"#))
        #expect(try String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8) == effects)
        #expect(try Lockstep.run(["forget", "R-900047", "--database", database]).code == 0)
    }

    // MARK: What is refused

    @Test func whatIsOpenIsNotForgotten() throws {
        try played("vetting-cancelled", "m01-exact-duplicate")
        for other in ["R-900007", "R-1"] {
            let result = try Lockstep.run(["forget", "R-900047", other, "--database", database])
            #expect(result.code == 3)
            #expect(result.error.contains("\(other): expected"))
            #expect(result.error.contains("nothing was erased"))
        }
        #expect(try sqlite("SELECT count(*) FROM inbox WHERE entity = 'R-900047' AND payload <> '{}'") != "0")
        #expect(try sqlite("SELECT count(*) FROM workflow_run WHERE workflow LIKE 'R-900047/%'") != "0")
    }

    @Test func anotherEffectsLogIsRefused() throws {
        try played("vetting-cancelled")
        try FileManager.default.moveItem(atPath: database + ".effects.jsonl", toPath: database + ".moved")
        let missing = try Lockstep.run(["forget", "R-900047", "--database", database])
        #expect(missing.code == 3)
        #expect(missing.error.contains("pass it with --effects-log"))
        try Data().write(to: URL(filePath: database + ".effects.jsonl"))
        #expect(try Lockstep.run(["forget", "R-900047", "--database", database]).code == 3)
        #expect(try sqlite("SELECT count(*) FROM workflow_run") != "0")
        #expect(try Lockstep.run(["forget", "R-900047", "--database", database, "--effects-log", database + ".moved"]).code == 0)
    }

    @Test func aRunnerIsInTheWay() throws {
        try played("vetting-cancelled")
        let run = try FedRun(database, "--recorded")
        try run.feed([try Lockstep.lines("happy-private-profit")[0]])
        let result = try Lockstep.run(["forget", "R-900047", "--database", database])
        #expect(result.code == 3)
        #expect(result.error.contains("expected no other runner"))
        try run.kill()
    }

    /// A name is found as a whole: `R-1` is not in `R-10`.
    @Test func lettersOfOthersStay() throws {
        try played("vetting-cancelled")
        _ = try sqlite(
            """
            INSERT INTO dead_letter VALUES (NULL, 'x1', 'tcr', 'malformed', 'd', 'T', '{"r":"R-9000471"}', 0);
            INSERT INTO dead_letter VALUES (NULL, 'x2', 'tcr', 'malformed', 'd', 'T', '{"r":"R-900047"}', 0);
            INSERT INTO dead_letter VALUES (NULL, 'x3', 'tcr', 'malformed', 'd', 'T', '{"r":"BYIQ6CO"}', 0);
            """)
        #expect(try Lockstep.run(["forget", "R-900047", "--database", database]).code == 0)
        #expect(try sqlite("SELECT event_id FROM dead_letter WHERE body <> ''") == "x1")
    }
}
