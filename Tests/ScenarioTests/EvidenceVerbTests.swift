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
        // Cases alone open no gate.
        let loose = try Lockstep.run(["evidence", file, "--limit", "0.9", "--alpha", "0.9", "--format", "json"])
        #expect(loose.code == 1)
        #expect(
            loose.json?["reasons"] == [
                "step 5.2 has no mutation score; 'mutants --evidence' measures it",
                "step 5.2 has no exploration; 'explore --evidence' makes one of recordings that enter it",
            ])
    }

    /// From nothing to an open gate: cases, bugs with a signature for what survives, schedules.
    @Test func bugsAndSchedulesArePartOfTheGate() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try compare("happy-private-profit").code == 0)
        let fixture = "LegacyFixtures/happy-private-profit"
        let mutants = try Lockstep.run(
            ["mutants", fixture, "--explored", "0", "--seeds", "1", "--evidence", file, "--format", "json"])
        #expect(mutants.code == 1, "\(mutants.error)")
        let score = try #require(mutants.json?["evidence"]?["steps"]?.array?.first?["mutants"])
        #expect(score["caught"] == mutants.json?["caught"] && score["expressible"] == mutants.json?["expressible"])
        let survivors = try #require(mutants.json?["survivors"]?.array?.compactMap { $0.string })
        #expect(Set(score["survivors"]?.array?.compactMap { $0["bug"]?.string } ?? []) == Set(survivors))
        let explored = try Lockstep.run(["explore", fixture, "--events", "2", "--evidence", file, "--format", "json"])
        #expect(explored.code == 0, "\(explored.error)")
        let rows = explored.json?["evidence"]?["steps"]?.array?.first?["exploration"]?["rows"]?.array
        #expect(
            rows?.first?["covered"]?.integer.map(String.init)
                == explored.json?["steps"]?.array?.first?["recordings"]?.array?.first?["covered"]?.string)
        let closed = try weigh()
        #expect(closed.code == 1)
        #expect(closed.json?["reasons"]?.array?.count == 1)
        #expect(closed.json?["reasons"]?.array?.first?.string?.contains("\(survivors.count) bugs that survive") == true)
        #expect(try weigh(plan(signing: survivors, until: "2999-01-01")).code == 0)
        let expired = try weigh(plan(signing: survivors, until: "2026-01-02"))
        #expect(expired.code == 1)
        #expect(expired.json?["reasons"]?.array?.first?.string?.contains("the signature does not count for") == true)
        #expect(try weigh(plan(signing: Array(survivors.dropFirst()), until: "2999-01-01")).code == 1)
        // The report shows what the verdict follows from, and status shows the same gates.
        let report = try Lockstep.run(["report", fixture, "--output", folder, "--evidence", file, "--format", "json"])
        #expect(report.json?["verdict"]?["isSafe"] == false)
        let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8).replacing("&#39;", with: "'")
        let markdown = try String(contentsOfFile: folder + "/report.md", encoding: .utf8)
        #expect(page.contains("\(score["caught"]?.integer ?? 0) of \(score["expressible"]?.integer ?? 0)"))
        #expect(survivors.allSatisfy { page.contains($0) && markdown.contains($0) })
        #expect(markdown.contains("which survive"))
        let stale = try weigh("Migrations/Plans/hybrid-2-5.2.yaml")
        #expect(stale.json?["reasons"]?.array?.compactMap { $0.string }.contains { $0.contains("no mutation score of this build") } == true)
    }

    private func weigh(_ plan: String? = nil) throws -> Lockstep.Result {
        try Lockstep.run(["evidence", file, "--limit", "0.9", "--alpha", "0.9", "--format", "json"] + (plan.map { ["--plan", $0] } ?? []))
    }

    /// The built-in plan, in which somebody has signed for bugs.
    private func plan(signing bugs: [String], until day: String) throws -> String {
        let plan = try String(contentsOfFile: "Migrations/Plans/hybrid-5.2.yaml", encoding: .utf8)
        let list = bugs.map { "      - { bug: \"\($0)\", reason: nobody reads it, owner: vetting, signed: 2026-01-01, expires: \(day) }\n" }
        let signed = plan.replacing("    announces:\n", with: "    survives:\n\(list.joined())    announces:\n")
        let path = folder + "/signed.yaml"
        try Data(signed.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func anotherPlanMakesItStale() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try compare("happy-private-profit")
        let stale = try Lockstep.run(["evidence", file, "--plan", "Migrations/Plans/hybrid-2-5.2.yaml", "--format", "json"])
        #expect(stale.code == 1)
        #expect(stale.json?["steps"]?.array?.map { $0["isStale"] } == [false, true])
        #expect(stale.json?["reasons"]?.array?.count == 6, "each of two steps lacks cases, bugs and schedules")
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
        #expect(try Lockstep.run(["mutants", "LegacyFixtures/happy-private-profit", "--evidence", file]).code == 2)
        #expect(try Lockstep.run(["explore", "LegacyFixtures/happy-private-profit", "--evidence", file]).code == 2)
        for part in [["--side", "durable"], ["--only", "x"], ["--step", "5.2"], ["--seeds", "0"]] {
            let refused = try Lockstep.run(["mutants", "--evidence", folder + "/new.jsonl"] + part)
            #expect(refused.code == 2 && refused.error.contains("--evidence keeps the score of all bugs"))
        }
    }
}
