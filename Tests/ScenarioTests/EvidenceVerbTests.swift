import Events
import Foundation
import Testing

/// `lockstep compare --evidence` and `lockstep evidence`, as processes.
@Suite struct EvidenceVerbTests {
    private let folder = NSTemporaryDirectory() + "lockstep-evidence-\(UUID().uuidString)"
    private var file: String { folder + "/evidence.jsonl" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func compare(_ fixtures: String...) throws -> Lockstep.Result {
        let database = folder + "/\(UUID().uuidString).sqlite"
        return try Lockstep.run(
            ["compare", "--evidence", file, "--format", "json", "--database", database] + fixtures.map { "LegacyFixtures/\($0)" })
    }

    @Test func whatIsComparedIsCountedOnce() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try compare("happy-private-profit", "happy-non-profit")
        #expect(first.code == 0, "\(first.error)")
        #expect(first.json?["verdicts"] == ["outcome": "expected", "state": "matched", "effects": "expected"])
        #expect(first.json?["noise"] == ["compared": 2, "differing": 0])
        #expect(first.json?["evidence"]?["steps"]?.array?.first?["cases"] == 2)
        let second = try compare("happy-private-profit", "happy-sole-proprietor")
        #expect(second.json?["evidence"]?["steps"]?.array?.first?["cases"] == 3)
        let shown = try Lockstep.run(["evidence", file, "--format", "json"])
        #expect(shown.code == 1)
        #expect(shown.json?["isOpen"] == false)
        let step = shown.json?["steps"]?.array?.first
        #expect(step?["build"] == 1)
        #expect(step?["rows"]?.array?.compactMap { $0["moreCleanCases"]?.integer } == [3791, 3790])
        #expect(try Lockstep.run(["evidence", file]).output.contains("3790 more clean cases"))
        #expect(try Lockstep.run(["evidence", file, "--limit", "0.9", "--alpha", "0.9"]).code == 0)
    }

    @Test func anotherPlanMakesItStale() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try compare("happy-private-profit")
        let stale = try Lockstep.run(["evidence", file, "--plan", "Migrations/Plans/hybrid-2-5.2.yaml", "--format", "json"])
        #expect(stale.code == 1)
        #expect(stale.json?["steps"]?.array?.map { $0["isStale"] } == [false, true])
        #expect(stale.json?["reasons"]?.array?.count == 2)
    }

    @Test func theReportIsNeverSafeWithoutAnOpenGate() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try compare("happy-private-profit")
        let report = { (more: [String]) in
            try Lockstep.run(["report", "LegacyFixtures/happy-private-profit", "--output", folder, "--format", "json"] + more)
        }
        #expect(try report([]).json?["verdict"]?["sentence"] == "Not safe to move on: no evidence was given, so no gate is open.")
        let weighed = try report(["--evidence", file])
        #expect(weighed.json?["verdict"]?["isSafe"] == false)
        #expect(weighed.json?["verdict"]?["sentence"]?.string?.contains("needs 3791 more clean cases") == true)
        #expect(try String(contentsOfFile: folder + "/report.html", encoding: .utf8).contains("EVP_REPORT_SCORE"))
    }

    @Test func whatIsNoEvidenceIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try Lockstep.run(["evidence", file]).code == 2)
        try Data("{\"v\":2}\n".utf8).write(to: URL(filePath: file))
        let other = try Lockstep.run(["evidence", file])
        #expect(other.code == 2)
        #expect(other.error.contains("evidence.jsonl:1: expected a line of evidence of form 1"))
        #expect(try compare("happy-private-profit").code == 2)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "{\"v\":2}\n", "nothing was added")
        #expect(try Lockstep.run(["evidence", file, "--limit", "0"]).code == 2)
    }
}
