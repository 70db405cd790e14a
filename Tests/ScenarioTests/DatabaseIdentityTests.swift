import A2PRegistration
import Events
import Foundation
import HybridRouter
import LegacyFixtures
import Outcomes
import SQLiteStorage
import Testing

/// A database knows its machine, mode, plans, input and effects log, and is never shown under another name.
@Suite struct DatabaseIdentityTests {
    private let folder: String
    private let database: String
    private let trace = LegacyFixtures.folder + "/happy-private-profit"

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-whose-\(UUID().uuidString)"
        database = folder + "/work.sqlite"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func plan(_ name: String, _ stage: String, version: Int = 1) throws -> String {
        let text = try String(contentsOfFile: LegacyFixtures.folder + "/../Migrations/Plans/hybrid-5.2.yaml", encoding: .utf8)
            .replacing("stage: durable", with: "stage: \(stage)").replacing("plan: hybrid-5.2", with: "plan: \(name)")
            .replacing("version: 1", with: "version: \(version)")
        let path = "\(folder)/\(name)-\(version)-\(stage).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func run(_ arguments: String...) throws -> Lockstep.Result {
        try Lockstep.run(["run"] + arguments + ["--database", database, "--format", "json"])
    }

    private func compare(_ arguments: String...) throws -> Lockstep.Result {
        try Lockstep.run(["compare"] + arguments + ["--database", database])
    }

    private func file(_ name: String, _ lines: some Sequence<TraceLine>) throws -> String {
        try Data(lines.map { $0.text + "\n" }.joined().utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }

    @Test func anotherModeIsRefused() throws {
        #expect(try run(trace).code == 0)
        let legacy = try run(trace, "--mode", "legacy")
        #expect(legacy.code == 2)
        #expect(legacy.error.contains("expected a database of mode legacy, found one of mode hybrid; pass --mode hybrid or another"))
        #expect(try run(trace).code == 0)
        let stream = try run("--events", "/dev/null", "--mode", "legacy")
        #expect(stream.code == 2)
    }

    @Test func anotherMachineIsRefused() async throws {
        #expect(try run(trace).code == 0)
        do { try await SQLiteHandoffStore(try LockstepDatabase(path: database)).set("machine", to: "claims") }
        #expect(try run(trace).error.contains("found one of claims"))
        let halt = try Lockstep.run(["migrate", "halt", "--database", database])
        #expect(halt.code == 2)
        #expect(halt.error.contains("found one of claims"))
    }

    @Test func anotherPlanIsTheNextStepAsLongAsThereIsSomethingToPlay() throws {
        let lines = try Lockstep.lines("happy-private-profit")
        let first = try run("--events", try file("a.jsonl", lines[..<6]), "--plan", try plan("p", "legacy"))
        #expect(first.json?["plans"] == nil && first.output.contains(#""plans":["p version 1 since the beginning"]"#))
        let second = try run(
            "--events", try file("b.jsonl", lines[6...]), "--drain", "--plan", try plan("p", "durable", version: 2))
        #expect(second.code == 0)
        let since = lines[5].receivedAt.description
        #expect(second.output.contains(#""plans":["p version 1 since the beginning","p version 2 since \#(since)"]"#), "\(second.output)")
    }

    @Test func aPlanDoesNotPutItsNameToWhatAnotherHasPlayed() throws {
        #expect(try run(trace, "--plan", try plan("p", "durable")).code == 0)
        for other in [try plan("q", "durable"), try plan("p", "legacy"), try plan("p", "durable", version: 2)] {
            let result = try run(trace, "--plan", other)
            #expect(result.code == 2)
            #expect(result.error.contains("found that all of them were played with p version 1"), "\(result.error)")
            #expect(result.output.isEmpty)
        }
        #expect(try run(trace, "--plan", try plan("p", "durable")).code == 0, "the same again")
        let others = LegacyFixtures.folder + "/happy-non-profit/events.jsonl"
        let more = try run(others, "--plan", try plan("q", "durable"))
        #expect(more.code == 0, "other deliveries are something to play")
        let mixed = try run(trace + "/events.jsonl", others, "--plan", try plan("p", "durable"))
        #expect(mixed.code == 0)
    }

    @Test func aComparisonIsOfOnePlanAndOneInput() throws {
        #expect(try compare(trace, "--plan", try plan("p", "durable")).code == 0)
        #expect(try compare(trace, "--plan", try plan("p", "durable")).code == 0)
        let other = try compare(trace, "--plan", try plan("q", "durable"))
        #expect(other.code == 2)
        #expect(other.error.contains("expected a comparison with plan"))
        let input = try compare(LegacyFixtures.folder + "/happy-non-profit", "--plan", try plan("p", "durable"))
        #expect(input.code == 2)
        #expect(input.error.contains("expected a comparison of these deliveries, found one of others"))
    }

    /// Every way to cut and repeat an input, one file after another on one database.
    @Test func otherFilesOnTheSameDatabaseAreReceived() throws {
        let lines = try Lockstep.lines("happy-private-profit")
        let other = try Lockstep.lines("m10-stale-rejection")
        let whole = try file("whole.jsonl", lines)
        _ = try Lockstep.run(["run", whole, "--database", folder + "/w.sqlite", "--outcomes", folder + "/w.out"])
        _ = try Lockstep.run(
            ["run", whole, try file("o.jsonl", other), "--database", folder + "/b.sqlite", "--outcomes", folder + "/b.out"])
        #expect(try run(whole, "--outcomes", folder + "/1.out").code == 0)
        #expect(try text("1.out") == text("w.out"))
        #expect(try run(try file("short.jsonl", lines.suffix(1)), "--outcomes", folder + "/2.out").code == 0)
        #expect(try text("2.out") == text("w.out"), "what was accepted before is a duplicate")
        #expect(try run(try file("o.jsonl", other), "--outcomes", folder + "/3.out").code == 0)
        #expect(try text("3.out").split(separator: "\n").count == 2)
        #expect(try run(whole, "--outcomes", folder + "/4.out").code == 0)
        #expect(try text("4.out") == text("3.out"))
    }

    private func text(_ name: String) throws -> String { try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) }

    @Test func anEffectsLogBelongsToOneDatabase() throws {
        #expect(try run(trace).code == 0)
        let log = database + ".effects.jsonl"
        let before = FileManager.default.contents(atPath: log)
        for (database, log) in [(folder + "/new.sqlite", log), (database, folder + "/new.jsonl")] {
            let result = try Lockstep.run(["run", trace, "--database", database, "--effects-log", log])
            #expect(result.code == 3)
            #expect(result.error.contains("expected the effects log of this database"), "\(result.error)")
        }
        #expect(FileManager.default.contents(atPath: log) == before)
        try FileManager.default.moveItem(atPath: log, toPath: folder + "/moved.jsonl")
        try FileManager.default.copyItem(atPath: folder + "/moved.jsonl", toPath: folder + "/copied.jsonl")
        #expect(try run(trace, "--effects-log", folder + "/copied.jsonl").code == 0, "its own in another place")
    }

    @Test func anEffectsLogHasOneWriter() throws {
        let run = try FedRun(database)
        try run.feed(try Lockstep.lines("happy-private-profit")[..<1])
        let log = database + ".effects.jsonl"
        let second = try Lockstep.run(["run", trace, "--database", folder + "/new.sqlite", "--effects-log", log])
        #expect(second.code == 3)
        #expect(second.error.contains("no other run writes"))
        try run.end()
    }

    /// A file system of two pages for the log: it is full in the middle of a line, and then there is room again.
    @Test(.enabled(if: DatabaseFileTests.canBeReadOnly && getuid() == 0)) func aFullDiskTearsNoLine() throws {
        let fixtures = ["happy-private-profit", "happy-non-profit", "happy-public-profit", "happy-government"]
        let lines = try fixtures.flatMap { try Lockstep.lines($0) }.sorted { $0.receivedAt < $1.receivedAt }
        let small = folder + "/small"
        try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: false)
        let mount = "mount -t tmpfs -o size=8k tmpfs \(small) && exec \"$0\" \"$@\""
        let run = try FedRun(
            database, "--effects-log", small + "/e.jsonl", prefix: ["unshare", "-m", "--propagation", "private", "sh", "-c", mount])
        let inside = "/proc/\(run.id)/root\(small)/e.jsonl"
        var fed = 0
        var last = -1
        func size() -> Int { (try? FileManager.default.attributesOfItem(atPath: inside)[.size] as? Int) ?? 0 }
        // The first line is answered when the process has its file system and its file; there is nothing to look at before.
        repeat {
            last = size()
            try run.feed(lines[fed...fed])
            fed += 1
        } while fed < lines.count && (size() < 7500 || size() != last)
        try #require(fed < lines.count, "the log never was full")
        try nsenter(run.id, "mount -o remount,size=1m \(small)")
        try run.feed(lines[fed...])
        try nsenter(run.id, "true")
        let whole = try #require(FileManager.default.contents(atPath: inside))
        for line in whole.split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: line, as: UTF8.self)
            #expect(throws: Never.self) { try JSONValue(parsing: text) }
        }
        #expect(whole.last == UInt8(ascii: "\n"))
        try run.end()
    }

    private func nsenter(_ id: Int32, _ command: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nsenter", "-t", String(id), "-m", "sh", "-c", command]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test func metricsDoNotOverwriteWhatIsNoMetrics() throws {
        let precious = try file("trace.jsonl", try Lockstep.lines("happy-private-profit"))
        let before = FileManager.default.contents(atPath: precious)
        let result = try run(trace, "--metrics", precious)
        #expect(result.code == 2)
        #expect(result.error.contains("expected a file of metrics or none"))
        #expect(FileManager.default.contents(atPath: precious) == before)
        for _ in 0..<2 { #expect(try run(trace, "--metrics", folder + "/metrics.prom").code == 0) }
    }

    @Test func runsWithoutADatabaseLeaveABoundedCache() throws {
        let cache = folder + "/cache"
        var left: Set<String> = []
        for _ in 0..<12 {
            let process = try Lockstep.process(["run", trace, "--format", "json"])
            process.environment = ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": cache]) { $1 }
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            left = Set(try FileManager.default.contentsOfDirectory(atPath: cache + "/lockstep").filter { $0.hasSuffix(".sqlite") })
        }
        #expect(left.count == 8)
        let mode = try FileManager.default.attributesOfItem(atPath: cache + "/lockstep")[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test(arguments: [["recall", "R-9"], ["adopt", "R-9"]]) func anUnknownIdIsUnknown(verb: [String]) throws {
        #expect(try run(trace).code == 0)
        let result = try Lockstep.run(["migrate"] + verb + ["--database", database])
        #expect(result.code == 3)
        #expect(result.error.contains("R-9: expected registrations of"))
    }
}
