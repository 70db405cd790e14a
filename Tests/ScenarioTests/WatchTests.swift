import Events
import Foundation
import LegacyFixtures
import Testing

/// `lockstep run --metrics` and `--log`, as a process.
@Suite struct WatchTests {
    private let base = NSTemporaryDirectory() + "lockstep-watch-\(UUID().uuidString)"
    private var fixture: String { "\(LegacyFixtures.folder)/happy-private-profit" }

    private func run(_ arguments: String...) throws -> Lockstep.Result {
        try Lockstep.run(["run", fixture, "--format", "json", "--database", base + ".sqlite"] + arguments)
    }

    /// The value of a line that begins so.
    private func value(_ text: String, _ series: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }

    @Test func theFileHasTheEnginesFiguresAndTheRouters() throws {
        let result = try run("--metrics", base + ".prom")
        #expect(result.code == 0)
        #expect(result.error.isEmpty)
        let text = try String(contentsOfFile: base + ".prom", encoding: .utf8)
        let labels = "namespace=\"default\",task_queue=\"default\",workflow_type=\"segment\""
        #expect(value(text, "temporal_workflow_completed{\(labels)}") == "1")
        #expect(value(text, "temporal_workflow_endtoend_latency_count{\(labels)}") == "1")
        #expect(value(text, "temporal_sticky_cache_size{namespace=\"default\"}") == "0")
        #expect(value(text, "lockstep_hand_offs_total") == "1")
        #expect(value(text, "lockstep_hand_backs_total") == "1")
        #expect(Int(value(text, "lockstep_commits_total{namespace=\"default\"}") ?? "") ?? 0 > 0)
        for (name, count) in try #require(result.json?["counters"]?.object) {
            let snake = name.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
            #expect(value(text, "lockstep_\(snake)_total") == count.canonicalText)
        }
        #expect(!text.contains("R-9"), "no id and nothing of a person is in a metric")
    }

    @Test func aFileThatCannotBeWrittenIsTheEnvironmentsFault() throws {
        let result = try run("--metrics", "/proc/no/such/file")
        #expect(result.code == 3)
        #expect(result.output.isEmpty)
        #expect(
            result.error
                == "lockstep: /proc/no/such/file: expected a file that can be written for metrics, found that it cannot; name another\n")
    }

    @Test func logsGoToStandardErrorWhenTheyAreWanted() throws {
        let result = try Lockstep.run(["run", "--format", "json", "--database", base + ".sqlite", "--log", "warning"])
        #expect(result.code == 0)
        #expect(result.json != nil)
        let lines = result.error.split(separator: "\n")
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0.contains(" warning lockstep: ") && $0.contains("workflowID=R-") && $0.contains("an attempt failed") })
        #expect(try run("--log", "loud").code == 2)
    }
}
