import DurableWorkflow
import Events
import Foundation
import LegacyFixtures
import Outcomes
import SQLiteStorage
import Testing

/// The operators' verbs for durable workflows, as processes, beside a running one and while none runs.
@Suite struct WorkflowVerbTests {
    private let database = NSTemporaryDirectory() + "lockstep-verbs-\(UUID().uuidString).sqlite"

    private func lockstep(_ words: String..., database: String? = nil) throws -> Lockstep.Result {
        try Lockstep.run(words + ["--database", database ?? self.database])
    }

    /// A run that is inside step 5.2 of R-900001, which waits for the vetting's report.
    private func running() throws -> FedRun {
        let lines = try Lockstep.lines("happy-private-profit")
        let run = try FedRun(database)
        // The work that a line causes is done when the next one is acknowledged.
        try run.feed(lines[..<6] + Lockstep.lines("happy-non-profit")[..<1])
        return run
    }

    @Test func besideARunTheCodeIsAsked() throws {
        let run = try running()
        let answer = try lockstep("workflow", "query", "R-900001/2", "progress")
        #expect(answer.code == 0)
        #expect(answer.json?["step"] == "5.2")
        #expect(answer.json?["entity"] == "R-900001")
        let unknown = try lockstep("workflow", "query", "R-900001/2", "nothing")
        #expect(unknown.code == 2)
        #expect(unknown.error.contains("expected one of progress"))
        #expect(try lockstep("workflow", "query", "R-1/2", "progress").code == 2)
        #expect(try lockstep("workflow", "query", "R-900001/2", "progress", "--args", "{").code == 2)

        let described = try #require(try lockstep("workflow", "describe", "R-900001/2", "--format", "json").json)
        #expect(described["status"] == "running")
        #expect(described["waitsFor"]?["signals"]?.array?.first?["names"]?.array?.contains("EVP_REPORT_SCORE") == true)
        #expect(described["timers"]?.array?.count == 1)

        let shadow = try lockstep("workflow", "shadow", "--format", "json", "--concurrency", "2")
        #expect(shadow.code == 0)
        #expect(shadow.json == ["matching": 1, "replayed": 1, "problems": []])
        let none = try lockstep("workflow", "shadow", "--query", "WorkflowType = 'other'")
        #expect(none.code == 0)
        #expect(none.error.contains("no run was replayed"))
        #expect(try lockstep("workflow", "shadow", "--query", "WorkflowType = other").code == 2)
        #expect(try lockstep("workflow", "shadow", "--sample", "2").code == 2)
        #expect(try lockstep("workflow", "list", "--query", "ExecutionStatus = 'Running'", "--count").output == "1\n")
        let patches = try lockstep("patch", "report", "--removing", "vetting-2", "--format", "json")
        #expect(patches.code == 0)
        #expect(patches.json?["mayBeRemoved"] == true)

        #expect(try lockstep("workflow", "cancel", "R-900001/2").code == 3, "a change needs the database for itself")
        #expect(try lockstep("schedule", "create", "s", "--type", "t", "--cron", "@daily").code == 3)
        #expect(try lockstep("workflow", "import", "none.json").code == 2)
        try run.kill()
    }

    /// A segment that has gone on in new runs is shown whole: where it was born, and where it waits.
    @Test func everyRunOfASegmentIsShown() throws {
        let fixture = "\(LegacyFixtures.folder)/happy-private-profit"
        let plan = "\(LegacyFixtures.folder)/../Migrations/Plans/all-durable.yaml"
        #expect(try Lockstep.run(["run", fixture, "--plan", plan, "--database", database]).code == 0)
        let shown = try lockstep("history", "show", "R-900001", "--format", "json")
        let workflows = try #require(shown.json?["workflows"]?.object)
        #expect(workflows.count > 2, "\(workflows.keys.sorted())")
        #expect(workflows.keys.contains("R-900001/2") && workflows.keys.allSatisfy { $0.hasPrefix("R-900001/2") })
        let events = workflows.values.compactMap { $0["events"]?.array?.count }
        let listed = try lockstep("workflow", "list", "--format", "json").json?.array ?? []
        #expect(events.reduce(0, +) == listed.compactMap { $0["events"]?.integer }.reduce(0, +))
        #expect(try lockstep("workflow", "history", "R-900001/2").output.hasPrefix("It goes on from another run: --run "))
        let audit = try Lockstep.run(["report", "--of", database, "--audit", "R-900001", "--format", "json"]).json
        #expect(audit?["segments"]?.array?.count == workflows.count)
    }

    /// A history of another team's code, and one that was changed: the first does not belong here, the second names its event.
    @Test func shadowAndReplaySayWhatDoesNotFit() throws {
        try running().kill()
        let exported = try lockstep("workflow", "export", "R-900001/2").output
        let file = database + ".json"
        try Data(exported.utf8).write(to: URL(filePath: file))
        #expect(try Lockstep.run(["workflow", "replay", file]).code == 0)
        let beside = try lockstep("workflow", "import", file)
        #expect(beside.code == 2)
        #expect(beside.error.contains("was imported before"))

        let other = database + ".other"
        try Data(exported.replacing("vetting.order", with: "vetting.buy").utf8).write(to: URL(filePath: file))
        let replay = try Lockstep.run(["workflow", "replay", file, "--format", "json"])
        #expect(replay.code == 1)
        let problem = try #require(replay.json?["problem"])
        #expect(problem["cause"] == "nonDeterminism")
        #expect(problem["expected"]?.string?.hasSuffix("vetting.buy") == true)
        #expect(problem["found"]?.string?.hasSuffix("vetting.order") == true)
        #expect(try lockstep("workflow", "import", file, database: other).code == 0)
        let shadow = try lockstep("workflow", "shadow", "--format", "json", database: other)
        #expect(shadow.code == 1)
        #expect(shadow.json?["problems"]?.array?.first?["event"] == problem["event"])
        #expect(shadow.json?["problems"]?.array?.first?["workflow"] == "R-900001/2")
        let patches = try lockstep("patch", "report", "--removing", "vetting-2", database: other)
        #expect(patches.code == 1)
        #expect(patches.output.contains("R-900001/2"))
        let described = try lockstep("workflow", "describe", "R-900001/2", "--format", "json", database: other)
        #expect(described.json?["waitsFor"]?["unknown"]?["cause"] == "nonDeterminism")
    }

    @Test func anImportedRunIsTheSameRun() throws {
        try running().kill()
        let exported = try lockstep("workflow", "export", "R-900001/2").output
        let (file, other) = (database + ".json", database + ".other")
        try Data(exported.utf8).write(to: URL(filePath: file))
        let imported = try lockstep("workflow", "import", file, database: other)
        #expect(imported.code == 0)
        #expect(try lockstep("workflow", "export", "R-900001/2", database: other).output == exported)
        let (here, there) = (try lockstep("workflow", "describe", "R-900001/2", "--format", "json").json, other)
        let moved = try lockstep("workflow", "describe", "R-900001/2", "--format", "json", database: there).json
        for name in ["run", "status", "events", "timers", "activities", "waitsFor", "taskDueAt", "startedAt"] {
            #expect(here?[name] == moved?[name], "\(name)")
        }
        #expect(try lockstep("workflow", "import", file, database: other).code == 2)
    }

    @Test func aChangeIsMadeToTheRunThatIsMeant() throws {
        try running().kill()
        let run = try #require(try lockstep("workflow", "describe", "R-900001/2", "--format", "json").json?["run"]?.string)
        for verb in ["cancel", "terminate"] {
            let reason = verb == "terminate" ? ["--reason", "test"] : []
            #expect(try Lockstep.run(["workflow", verb, "R-0/2", "--database", database] + reason).code == 2, "no such workflow")
            let other = try Lockstep.run(["workflow", verb, "R-900001/2", "--database", database, "--run", "0"] + reason)
            #expect(other.code == 2)
            #expect(other.error.contains("expected its current run \(run), found --run 0"))
        }
        #expect(try lockstep("workflow", "signal", "R-900001/2", "hello", "--id", "1", "--payload", #"{"a":1}"#, "--run", run).code == 0)
        #expect(try lockstep("workflow", "signal", "R-900001/2", "hello", "--id", "1").output == "delivered before\n")
        #expect(try lockstep("workflow", "terminate", "R-900001/2", "--reason", "entered twice").code == 0)
        #expect(try lockstep("workflow", "cancel", "R-900001/2").code == 2, "it has closed")
        let events = try #require(try lockstep("workflow", "history", "R-900001/2", "--format", "json").json?.array)
        let signal = try #require(events.first { $0["kind"] == "workflowExecutionSignaled" && $0["fields"]?["signalName"] == "hello" })
        #expect(signal["fields"]?["input"] == ["a": 1])
        #expect(events.last?["kind"] == "workflowExecutionTerminated")
        #expect(events.last?["fields"] == ["reason": "entered twice", "identity": "lockstep workflow"])
        #expect(events.compactMap { $0["event"]?.integer } == Array(1...events.count))
    }

    @Test func retentionDeletesClosedRuns() throws {
        let lines = try Lockstep.lines("happy-private-profit")
        let run = try FedRun(database)
        try run.feed(lines)
        try run.end()
        let closed = "ExecutionStatus = 'Completed'"
        #expect(try lockstep("workflow", "list", "--query", closed, "--count").output == "1\n")
        #expect(try lockstep("workflow", "query", "R-900001/2", "progress").json?["step"] == "5.2", "a closed run answers too")
        #expect(try lockstep("workflow", "shadow", "--format", "json").json?["replayed"] == 0)
        #expect(try lockstep("workflow", "shadow", "--include-closed", "--format", "json").json?["replayed"] == 1)
        #expect(try lockstep("workflow", "prune", "--closed-before", "10000d", "--format", "json").json?["deleted"] == 0)
        #expect(try lockstep("workflow", "prune", "--closed-before", "soon").code == 2)
        let pruned = try lockstep("workflow", "prune", "--closed-before", "9000-01-01T00:00:00Z", "--format", "json")
        #expect(pruned.json?["deleted"] == 1)
        #expect(try lockstep("workflow", "list", "--count").output == "0\n")
    }

    @Test func schedulesAreMadeAndChanged() async throws {
        try running().kill()
        #expect(try lockstep("schedule", "create", "s", "--type", "t").code == 2, "neither cron nor interval")
        #expect(try lockstep("schedule", "create", "s", "--type", "t", "--cron", "bad").code == 2)
        let made = try lockstep(
            "schedule", "create", "nightly", "--type", "report", "--cron", "0 2 * * *", "--input", #"{"kind":"full"}"#, "--overlap",
            "bufferOne",
            "--catch-up", "1h", "--note", "for the audit")
        #expect(made.code == 0)
        #expect(try lockstep("schedule", "create", "poll", "--type", "poll", "--interval", "15m", "--offset", "60s", "--paused").code == 0)
        #expect(try lockstep("schedule", "create", "poll", "--type", "poll", "--interval", "15m").code == 2)
        #expect(try lockstep("schedule", "describe", "none").code == 2)
        #expect(try lockstep("schedule", "backfill", "nightly", "--from", "2026-03-01T00:00:00Z", "--to", "2026-03-03T00:00:00Z").code == 0)
        let list = try #require(try lockstep("schedule", "list", "--format", "json").json?.array)
        #expect(list.map { $0["schedule"] } == ["nightly", "poll"])
        #expect(list.map { $0["isPaused"] } == [false, true])
        #expect(list.map { $0["next"]?.array?.count } == [1, 0])

        let nightly = try #require(try lockstep("schedule", "describe", "nightly", "--upcoming", "3", "--format", "json").json)
        #expect(nightly["next"]?.array?.compactMap { $0.string?.dropFirst(10) } == Array(repeating: "T02:00:00.000Z", count: 3))
        #expect(nightly["recent"]?.array?.map { $0["scheduledAt"] } == ["2026-03-01T02:00:00.000Z"])
        #expect(nightly["running"]?.array?.map { $0["workflow"] } == ["nightly-2026-03-01T02:00:00.000Z"])
        #expect(nightly["buffered"] == ["2026-03-02T02:00:00.000Z"])
        #expect([nightly["started"], nightly["skippedByOverlap"], nightly["missed"]] == [1, 0, 0])
        #expect([nightly["note"], nightly["overlap"], nightly["catchUpSeconds"]] == ["for the audit", "bufferOne", 3600])

        #expect(try lockstep("schedule", "update", "nightly", "--cron", "0 3 * * *").code == 0)
        #expect(try lockstep("schedule", "pause", "nightly", "--note", "moving").code == 0)
        var now = try #require(try lockstep("schedule", "describe", "nightly", "--format", "json").json)
        #expect([now["when"], now["isPaused"], now["note"], now["started"]] == ["0 3 * * *", true, "moving", 1])
        #expect(now["input"] == ["kind": "full"], "what is not given stays")
        #expect(try lockstep("schedule", "unpause", "nightly").code == 0)
        #expect(try lockstep("schedule", "trigger", "nightly", "--overlap", "allowAll").code == 0)
        now = try #require(try lockstep("schedule", "describe", "nightly", "--format", "json").json)
        #expect(now["started"] == 2)
        #expect(try lockstep("schedule", "delete", "nightly").code == 0)
        #expect(try lockstep("schedule", "list").output.contains("nightly") == false)
        #expect(try lockstep("workflow", "list", "--prefix", "nightly", "--count").output == "2\n", "what it has started goes on")
    }

    @Test(arguments: ["signal", "cancel", "terminate", "reset", "prune", "schedule"]) func aDatabaseThatIsNotThereIsNotMade(verb: String)
        throws
    {
        let words: [String] =
            switch verb {
            case "signal": ["workflow", verb, "w", "s", "--id", "1"]
            case "terminate": ["workflow", verb, "w", "--reason", "r"]
            case "reset": ["workflow", verb, "w", "--reason", "r", "--event", "4"]
            case "prune": ["workflow", verb, "--closed-before", "1d"]
            case "schedule": [verb, "trigger", "s"]
            default: ["workflow", verb, "w"]
            }
        #expect(try Lockstep.run(words + ["--database", database]).code == 3)
        #expect(!FileManager.default.fileExists(atPath: database))
    }
}
