import Events
import Foundation
import Testing

/// From 'shadow: legacy' to the gate of stage retired, as processes.
@Suite struct RetirementVerbTests {
    private let folder = NSTemporaryDirectory() + "lockstep-retirement-\(UUID().uuidString)"
    private var file: String { folder + "/evidence.jsonl" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// The plan in which every step is durable, and step 3 is what `stage` says.
    private func plan(_ name: String, _ stage: String, _ change: (inout String) -> Void = { _ in }) throws -> String {
        var text = try String(contentsOfFile: "Migrations/Plans/all-durable.yaml", encoding: .utf8)
        text.replace("Brand submission, stage: durable", with: "Brand submission, stage: \(stage)")
        text.replace("version: 1\n", with: "version: 1\ninterrupts: durable\n")
        change(&text)
        let path = "\(folder)/\(name).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func followed() throws -> String { try plan("followed", "durable, shadow: legacy") }
    private func retired() throws -> String { try plan("retired", "retired") }

    /// Runs a scenario on a new database, and keeps what its shadow has come to.
    private func keep(_ plan: String, _ fixture: String = "happy-private-profit") throws -> Lockstep.Result {
        let database = "\(folder)/\(UUID().uuidString).sqlite"
        let run = try Lockstep.run(["run", "LegacyFixtures/\(fixture)", "--plan", plan, "--database", database])
        #expect(run.code == 0, "\(run.error)")
        return try Lockstep.run(["shadow", "--database", database, "--evidence", file, "--format", "json"])
    }

    private func following(_ more: String...) throws -> JSONValue? {
        let shown = try Lockstep.run(["evidence", file, "--plan", retired(), "--format", "json"] + more)
        #expect(shown.code == 1)
        return shown.json?["steps"]?.array?.first { $0["step"] == "3" }?["following"]
    }

    @Test func aVisitCountsOnceHoweverOftenItIsPlayedAndKept() throws {
        defer { remove() }
        let first = try keep(followed())
        #expect(first.code == 0 && first.json?["evidence"] == ["added": 1, "known": 0, "withoutGate": 0])
        #expect(try keep(followed()).json?["evidence"] == ["added": 0, "known": 1, "withoutGate": 0])
        #expect(try keep(followed(), "happy-non-profit").json?["evidence"] == ["added": 1, "known": 0, "withoutGate": 0])
        let following = try following()
        #expect(following?["isNeeded"] == true && following?["isOpen"] == false)
        #expect(following?["visits"]?["rows"]?.array?.map { $0["moreCleanCases"] } == [3790])
        #expect(try self.following("--limit", "0.9", "--alpha", "0.9")?["isOpen"] == true)
        #expect(try Lockstep.run(["evidence", file, "--plan", retired()]).output.contains("gate of stage retired closed"))
    }

    /// Stage shadow is the other direction: its visits retire nothing.
    @Test func whatDurableFollowsRetiresNothing() throws {
        defer { remove() }
        let shadowed = try plan("shadowed", "shadow")
        let kept = try keep(shadowed)
        #expect(kept.json?["steps"]?.array?.first?["follows"] == "durable" && kept.json?["steps"]?.array?.first?["matched"] == 1)
        #expect(kept.json?["evidence"] == ["added": 0, "known": 0, "withoutGate": 0])
    }

    @Test func anotherPromiseMakesTheVisitsStale() throws {
        defer { remove() }
        _ = try keep(followed())
        let other = try plan("other", "retired") {
            $0.replace("{ effect: vetting.appeal, count: 0..1", with: "{ effect: vetting.appeal, count: 0..2")
        }
        let shown = try Lockstep.run(["evidence", file, "--plan", other, "--format", "json"])
        let reasons = shown.json?["reasons"]?.array?.compactMap(\.string) ?? []
        #expect(reasons.contains { $0.contains("step 3 is retired and legacy has followed no visit to it with this build, table") })
        // Durable answers what belongs to no step before legacy goes: what was gathered while legacy did is about something else.
        let legacyAnswers = try plan("answers", "durable, shadow: legacy") { $0.replace("interrupts: durable\n", with: "") }
        #expect(try keep(legacyAnswers, "happy-non-profit").json?["evidence"]?["added"] == 1)
        #expect(try following()?["visits"]?["rows"]?.array?.map { $0["cases"] } == [1])
    }

    @Test func theGateStandsWhereverAStepIsRetired() throws {
        defer { remove() }
        _ = try keep(followed())
        let plans = [try followed(), try retired()]
        let without = try Lockstep.run(["plan", "diff"] + plans)
        #expect(without.code == 1 && without.output.contains("its gate is closed, since no evidence was given"))
        let diff = try Lockstep.run(["plan", "diff"] + plans + ["--evidence", file, "--format", "json"])
        let gate = diff.json?.array?.first?["gate"]
        #expect(diff.code == 1 && gate?["isOpen"] == false)
        let needs = "step 3 is retired and needs 3791 more clean visits that legacy follows and that end with left, "
        #expect(gate?["reasons"]?.array?.contains { $0.string?.hasPrefix(needs) == true } == true, "\(diff.output)")
        let back = try Lockstep.run(["plan", "diff"] + plans.reversed() + ["--evidence", file, "--format", "json"])
        #expect(back.json?.array?.first?["gate"] == .null, "the way back needs no gate")
        let lint = try Lockstep.run(["plan", "lint", plans[1], "--evidence", file])
        #expect(lint.code == 0 && lint.output.contains("warning: plan all-durable, gate closed: \(needs)"))
        #expect(try !Lockstep.run(["plan", "lint", plans[1]]).output.contains("gate closed"))
        let shown = try Lockstep.run(["plan", "show", plans[1], "--evidence", file, "--format", "json"])
        #expect(shown.json?["steps"]?.array?.compactMap { $0["gate"]?["isOpen"] }.count == 12)
        let database = folder + "/status.sqlite"
        #expect(try Lockstep.run(["run", "LegacyFixtures/happy-private-profit", "--plan", plans[1], "--database", database]).code == 0)
        let status = try Lockstep.run(["migrate", "status", "--database", database, "--plan", plans[1], "--evidence", file])
        #expect(status.code == 0 && status.output.contains(needs))
        #expect(try Lockstep.run(["plan", "diff"] + plans + ["--evidence", folder + "/none.jsonl"]).code == 2)
        let report = try Lockstep.run([
            "report", "LegacyFixtures/happy-private-profit", "--plan", plans[1], "--evidence", file, "--output", folder, "--format", "json",
        ])
        #expect(report.json?["verdict"]?["isSafe"] == false)
        #expect(report.json?["verdict"]?["reasons"]?.array?.contains { $0.string?.hasPrefix(needs) == true } == true)
        #expect(try String(contentsOfFile: folder + "/report.html", encoding: .utf8).contains("3, followed by legacy"))
    }
}
