import Commands
import Cutover
import Events
import Foundation
import LegacyFixtures
import Migrations
import Outcomes
import ShadowComparator
import Testing

/// `lockstep record` and `lockstep compare --recorded`
@Suite struct RecordedTests {
    private let folder = NSTemporaryDirectory() + "lockstep-recorded-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// A line of an entity, with an effect whose request is as long as `padding` says.
    private static func line(_ number: Int, status: String = "approved", padding: Int = 0) -> String {
        let entity = EntityID("R-\(String(10_000_000 + number).dropFirst())")
        let key = EffectKey(entity: entity, step: "3", operation: "registry.submitBrand")
        let text = String(repeating: "x", count: padding)
        let entry = LedgerEntry(
            key: key, request: ["text": .string(text)], reply: [:], owner: .legacy, epoch: 1, attempt: 1, at: .distantPast)
        let outcome = Outcome(status: status, state: "ACTIVE", facts: ["number/1": "REGISTERED"])
        return String(decoding: Observation(entity: entity, path: "legacy", outcome: outcome, ledger: [entry]).recordingLine, as: UTF8.self)
    }

    private func file(_ name: String, _ lines: [String]) throws -> String {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }

    private func compare(_ arguments: String...) throws -> Lockstep.Result {
        try Lockstep.run(["compare", "--format", "json", "--recorded"] + arguments)
    }

    /// The members that `compare` has, too, as it prints them.
    private func common(_ json: JSONValue?) -> [String: JSONValue]? {
        json?.object?.filter { !["noise", "unpaired", "unreadable"].contains($0.key) }
    }

    @Test func recordedRunsComeToWhatComparingThemComesTo() throws {
        let (trace, database) = ("\(folder)/trace.jsonl", "\(folder)/both.sqlite")
        #expect(try Lockstep.run(["generate", "--registrations", "60", "--seed", "5", "--output", trace]).code == 0)
        let played = try Lockstep.run(["compare", trace, "--no-noise", "--format", "json", "--database", database])
        for mode in ["legacy", "hybrid"] {
            let recorded = try Lockstep.run(["record", "--database", "\(database).\(mode)", "--output", "\(folder)/\(mode).jsonl"])
            #expect(recorded.code == 0 && recorded.output.hasPrefix("60 registrations"))
            let permissions = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(mode).jsonl")[.posixPermissions]
            #expect(permissions as? Int == 0o600)
        }
        let found = try compare("\(folder)/legacy.jsonl", "\(folder)/hybrid.jsonl")
        #expect(found.code == played.code && found.code == 0)
        #expect(common(found.json) == common(played.json))
        #expect(found.json?["compared"] == 60)
        #expect(found.json?["expectedDifferences"]?.integer ?? 0 > 10)
        // The other way round what legacy lacks is what the candidate lacks, and nobody promises that.
        #expect(try compare("\(folder)/hybrid.jsonl", "\(folder)/legacy.jsonl").code == 1)
    }

    @Test func whatIsAloneIsNamedAndABadLineLosesNothingElse() throws {
        let good = (1...9).map { Self.line($0) }
        var left = good
        left.remove(at: 2)
        left[5] = #"{"entity":"R-0000007","status":7}"#
        left.append("no JSON at all")
        var right = good
        right[8] = Self.line(9, status: "rejected")
        right.insert(Self.line(4, status: "rejected"), at: 4)
        let found = try compare(try file("left.jsonl", left), try file("right.jsonl", right))
        #expect(found.code == 1)
        #expect(found.json?["compared"] == 8)
        #expect(found.json?["matched"] == 6)
        #expect(found.json?["mismatched"] == 2)
        #expect(found.json?["unpaired"] == ["control": 0, "candidate": 1, "examples": ["R-0000003"]])
        #expect(found.json?["unreadable"]?["control"] == 2)
        #expect(found.json?["unreadable"]?["candidate"] == 1)
        let sentences = (found.json?["unreadable"]?["lines"]?.array ?? []).compactMap(\.string)
        #expect(sentences.count == 3)
        #expect(sentences.contains { $0.contains("right.jsonl, byte") && $0.contains("R-0000004: expected one line of it") })
        #expect(sentences.contains { $0.contains("R-0000007: status: expected a text") })
        let same = try compare("\(folder)/right.jsonl", "\(folder)/right.jsonl")
        #expect(same.code == 1, "a line that cannot be read is no proof that nothing differs")
    }

    private static let python = ProcessInfo.processInfo.environment["TEMPORAL_PYTHON"]

    /// The schema of the documentation takes what is recorded, and refuses what the decoder refuses.
    @Test(.enabled(if: RecordedTests.python != nil, "TEMPORAL_PYTHON names a Python with jsonschema")) func theSchemaIsTheDecoders() throws
    {
        let good = Self.line(1)
        let minimal = #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[]}"#
        let visit = #"{"entity":"R","status":"a","state":"b","facts":{},"effects":[{"key":"5.2#2/a.b/1","request":1}],"waits":{"5":[]}}"#
        let changes = [
            ("\"status\":\"a\"", "\"status\":1"), ("\"facts\":{},", ""), ("\"facts\"", "\"fact\""), ("\"R\"", "\"\""), ("\"5\"", "\"x\""),
            ("5.2#2", "5.2#0"), ("a.b/1", "a.b"), ("\"request\":1", "\"request\":1,\"ids\":{\"id\":1}"), (",\"request\":1", ""),
            ("{\"5\":[]}", "{\"5\":[{\"state\":\"A\"}]}"), ("\"waits\":{\"5\":[]}", "\"visits\":{\"5\":-1}"),
            ("\"waits\":{\"5\":[]}", "\"visits\":{\"5\":1},\"failures\":{\"5.2\":0},\"deadLetters\":{\"late\":2}"),
        ]
        let lines = [good, minimal, visit] + changes.map { visit.replacing($0.0, with: $0.1) }
        let path = try file("lines.jsonl", lines)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let script =
            "import json,sys,jsonschema;v=jsonschema.Draft202012Validator(json.load(open(sys.argv[1])));"
            + "print(''.join('1' if v.is_valid(json.loads(l)) else '0' for l in open(sys.argv[2])))"
        let schema =
            URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
            + "/Sources/Bridge/Documentation.docc/Resources/recording-line.json"
        process.arguments = [try #require(Self.python), "-c", script, schema, path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let decoded = lines.map { (try? Observation(recordingLine: Array($0.utf8), path: "legacy")) == nil ? "0" : "1" }
        #expect(said == decoded.joined() + "\n")
        #expect(said.hasPrefix("111") && said.dropFirst(3).contains("0"))
    }

    @Test func badUsageIsOneSentence() throws {
        let lines = (1...3).map { Self.line($0) }
        let good = try file("good.jsonl", lines)
        let unsorted = try file("unsorted.jsonl", lines.reversed())
        let found = try compare(good, unsorted)
        #expect(found.code == 2)
        #expect(found.error.contains("unsorted.jsonl, byte") && found.error.contains("sort"))
        #expect(try compare(good).code == 2)
        #expect(try compare(good, "\(folder)/none.jsonl").code == 2)
        #expect(try compare(good, folder).code == 2)
        #expect(try Lockstep.run(["compare", "--checkpoint", "x", good]).code == 2)
        let empty = try file("empty.jsonl", [])
        let nothing = try compare(empty, empty)
        #expect(nothing.code == 1 && nothing.error.contains("found none"))
        let database = "\(folder)/a.sqlite"
        #expect(try Lockstep.run(["run", "--database", database, "\(LegacyFixtures.folder)/abandoned"]).code == 0)
        let refused = try compare(database, good)
        #expect(refused.code == 2 && refused.error.contains("lockstep record --database"))
    }

    /// Whatever the size of the parts and the number of workers, the result is that of one pass.
    @Test(arguments: UInt64(0)..<12) func partsComeToTheWhole(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let share = seed % 3 == 0 ? 0.5 : 0.02
        func lines() -> [String] {
            (1...400).flatMap { number -> [String] in
                if random.chance(share) { return [] }
                if random.chance(share) { return ["damaged"] }
                let status = random.chance(0.1) ? "rejected" : "approved"
                let line = Self.line(number, status: status, padding: Int.random(in: 0...99, using: &random))
                return random.chance(0.02) ? [line, line] : [line]
            }
        }
        let (left, right) = (try file("left.jsonl", lines()), try file("right.jsonl", lines()))
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        func run(_ bytes: Int, _ workers: Int) async throws -> RecordedSummary {
            try await RecordedComparing(left, right, plan: plan, at: .distantPast, partBytes: bytes).run(workers: workers)
        }
        let whole = try await run(1 << 30, 1)
        #expect(whole.comparison.mismatched > 20)
        for (bytes, workers) in [(1, 3), (200, 2), (3000, 4), (20_000, 1)] {
            #expect(try await run(bytes, workers) == whole, "\(bytes), \(workers)")
        }
    }

    /// A process that is killed again and again comes to the figures of one that was not.
    @Test func goesOnAfterAKill() throws {
        let count = 60_000
        let left = try file("left.jsonl", (1...count).map { Self.line($0, padding: 900) })
        let right = try file(
            "right.jsonl",
            (1...count).map { Self.line($0, status: $0 % 1000 == 0 ? "rejected" : "approved", padding: $0 % 7 == 0 ? 901 : 900) })
        let calm = try compare(left, right)
        #expect(calm.code == 1 && calm.json?["compared"]?.integer == count)
        let checkpoint = "\(folder)/checkpoint.json"
        var kills = 0
        while kills < 2 {
            let process = try Lockstep.process(["compare", "--recorded", left, right, "--checkpoint", checkpoint])
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            let before = Self.version(of: checkpoint)
            try process.run()
            while process.isRunning, Self.version(of: checkpoint) == before { usleep(200) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            // One that came to its end before the signal has removed its checkpoint: it is done again.
            if process.terminationReason == .uncaughtSignal { kills += 1 }
        }
        #expect(FileManager.default.fileExists(atPath: checkpoint))
        let kept = try JSONValue(parsing: String(contentsOfFile: checkpoint, encoding: .utf8))
        #expect(kept["position"]?["control"]?.integer ?? 0 > 0)
        let resumed = try compare(left, right, "--checkpoint", checkpoint)
        #expect(resumed.code == 1)
        #expect(resumed.output == calm.output)
        #expect(!FileManager.default.fileExists(atPath: checkpoint))
        try Data(kept.canonicalText.utf8).write(to: URL(filePath: checkpoint))
        let other = try compare(right, left, "--checkpoint", checkpoint)
        #expect(other.code == 2 && other.error.contains("expected the checkpoint of this comparison"))
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Changes when the file is replaced.
    private static func version(of path: String) -> UInt64? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64
    }
}
