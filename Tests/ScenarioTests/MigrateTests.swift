import A2PRegistration
import BridgeTesting
import DurableWorkflow
import Events
import Foundation
import HybridRouter
import LegacyFixtures
import Outcomes
import SQLiteStorage
import Testing

/// What operators do, beside a running process and while none runs. Every step waits for an acknowledgement or for a process to end.
@Suite struct MigrateTests {
    /// R-900001; its sixth line brings it to step 5.2, its seventh is the vetting's report.
    private let first: [TraceLine]
    /// R-900003, with the same deliveries at the same times.
    private let second: [TraceLine]
    private let database = NSTemporaryDirectory() + "lockstep-migrate-\(UUID().uuidString).sqlite"

    init() throws {
        first = try Lockstep.lines("happy-private-profit")
        second = try Lockstep.lines("happy-non-profit")
    }

    private func migrate(_ verb: String, _ arguments: String...) throws -> Lockstep.Result {
        try Lockstep.run(["migrate", verb, "--database", database] + arguments)
    }

    private func reader() throws -> SQLiteHandoffStore { SQLiteHandoffStore(try LockstepDatabase(path: database, readOnly: true)) }

    private func merged(_ left: some Sequence<TraceLine>, _ right: some Sequence<TraceLine>) -> [TraceLine] {
        (Array(left) + Array(right)).sorted { $0.receivedAt < $1.receivedAt }
    }

    private func outcomes() throws -> [EntityID: Outcome] {
        let text = try String(contentsOfFile: database + ".outcomes", encoding: .utf8)
        let pairs = try text.split(separator: "\n").map { line -> (EntityID, Outcome) in
            let value = try JSONValue(parsing: String(line))
            return (EntityID(try #require(value["registration"]?.string)), try value.decoded())
        }
        return Dictionary(pairs, uniquingKeysWith: { $1 })
    }

    /// Every key that was performed, in order, from what the outside wrote down.
    private func performed() throws -> [String] {
        try String(contentsOfFile: database + ".effects.jsonl", encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONValue(parsing: String($0))["key"]).canonicalText
        }
    }

    @Test func haltAndResumeBesideARun() async throws {
        let run = try FedRun(database)
        try run.feed(first[..<5])
        let halt = try migrate("halt")
        #expect(halt.code == 0)
        #expect(halt.output.hasPrefix("halted: every step returns to legacy at its next boundary; no registration is durable now"))
        try run.feed(first[5...5] + second[..<5])
        #expect(try await reader().counters()["handOffs"] == nil, "the boundary was passed during the halt")
        #expect(try await reader().snapshot(of: "R-900001")?.record.state == "CONTENT_REVIEW")
        #expect(try migrate("halt").output.hasPrefix("halted already, since 2026-03-03T09:0"))
        let resume = try migrate("resume")
        #expect(resume.code == 0)
        #expect(resume.output.contains("from the next boundary on"))
        #expect(try migrate("resume").output.hasPrefix("not halted"))
        try run.feed(second[5...5] + first[6...6])
        #expect(try await reader().counters()["handOffs"] == 1, "the other registration passed it after the resume")
        try run.feed(merged(first[7...], second[6...]))
        try run.end()
        let expected = try ["happy-private-profit", "happy-non-profit"].map { try Scenario(folder: "\(LegacyFixtures.folder)/\($0)") }
        #expect(
            try outcomes() == [
                "R-900001": #require(expected[0].legacy?["R-900001"]), "R-900003": #require(expected[1].hybrid?["R-900003"]),
            ])
    }

    @Test func recallBesideARunInTheMiddleOfAStep() async throws {
        let run = try FedRun(database)
        try run.feed(first[..<6] + second[..<1])
        #expect(try await reader().snapshot(of: "R-900001")?.ownership.owner == .durable)
        #expect(try migrate("recall", "R-9", "R-900001").code == 3)
        #expect(try await reader().snapshot(of: "R-900001")?.ownership.owner == .durable, "an unknown id moves nobody")
        let recall = try migrate("recall", "--step", "5.2")
        #expect(recall.code == 0)
        #expect(recall.output == "R-900001: moved to legacy, epoch 3\n")
        let again = try migrate("recall", "R-900001", "--format", "json")
        #expect(again.code == 1)
        #expect(again.json?.array?.first?["refused"] == "R-900001: legacy has it already")
        try run.feed(first[6...6] + second[1...1])
        let store = try reader()
        #expect(try await store.snapshot(of: "R-900001")?.record.state == "CONTENT_REVIEW", "the running process went on with legacy")
        #expect(try await store.pendingOutbox().isEmpty, "and told the engine")
        let workflows = SQLiteWorkflowStore(try LockstepDatabase(path: database, readOnly: true))
        #expect(try await workflows.run("R-900001/2", runID: nil)?.status == .cancelled)
        let report = try await store.journal(of: "R-900001").last { $0.what == "EVP_REPORT_SCORE" }
        #expect(report?.detail == "ignored in CONTENT_REVIEW: legacy has no step 5.2")
        try run.feed(first[7...])
        try run.end()
        var expected = try #require(try Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit").legacy?["R-900001"])
        expected.facts["fee/vettingFee"] = "1 x 40.00 USD"
        #expect(try outcomes()["R-900001"] == expected, "as legacy alone, but for what durable had performed before the recall")
        let keys = try performed()
        #expect(Set(keys).count == keys.count)
        #expect(keys.count { $0.contains("vetting.order") } == 1)
        #expect(try await store.counters()["handBacks"] == nil)
    }

    @Test func recallAndHaltWhileNoProcessRuns() async throws {
        let run = try FedRun(database)
        try run.feed(first[..<6] + second[..<1])
        try run.kill()
        #expect(try migrate("halt").output.hasSuffix("1 registration is durable now and finishes its step\n"))
        #expect(try migrate("recall", "R-900001").code == 0)
        let next = try FedRun(database)
        try next.feed(merged(first[6...], second[1...]))
        try next.end()
        #expect(try await reader().counters()["handOffs"] == 1)
        #expect(try outcomes()["R-900003"] == Scenario(folder: "\(LegacyFixtures.folder)/happy-non-profit").legacy?["R-900003"])
    }

    @Test func adoptNeedsTheDatabaseForItself() async throws {
        let plan = LegacyFixtures.folder + "/../Migrations/Plans/hybrid-2-5.2.yaml"
        let run = try FedRun(database)
        try run.feed(first[..<2] + second[..<1])
        let refused = try migrate("adopt", "R-900001", "--plan", plan)
        #expect(refused.code == 3)
        #expect(refused.error.contains("stop it, repeat this command, then start it again"))
        try run.kill()
        let adopted = try migrate("adopt", "R-900001", "--plan", plan)
        #expect(adopted.output == "R-900001: moved to durable, epoch 2\n")
        #expect(adopted.code == 0)
        let again = try migrate("adopt", "R-900001", "--plan", plan)
        #expect(again.code == 1)
        #expect(again.output.contains("moves at the next boundary, because the durable side has it already"))
        let next = try FedRun(database, "--plan", plan)
        try next.feed(first[2...])
        try next.end()
        #expect(try await reader().counters()["adoptions"] == 1)
        #expect(try outcomes()["R-900001"] == Scenario(folder: "\(LegacyFixtures.folder)/happy-private-profit").hybrid?["R-900001"])
    }

    @Test func adoptIsRefusedWhileAnEventWaits() async throws {
        let run = try FedRun(database)
        try run.feed(first[..<2] + second[..<1])
        try run.kill()
        let event = IncomingEvent(
            id: "waits", source: "reviewer", reference: .entity("R-900001"), kind: "profile.in_review", payload: [:], subject: nil,
            receivedAt: first[1].receivedAt)
        _ = try await SQLiteHandoffStore(try LockstepDatabase(path: database)).accept([.event(event, birth: nil)], at: event.receivedAt)
        let refused = try migrate("adopt", "R-900001", "--plan", LegacyFixtures.folder + "/../Migrations/Plans/hybrid-2-5.2.yaml")
        #expect(refused.code == 1)
        #expect(refused.output.contains("because an event of it waits or is being handled"))
        #expect(try await reader().snapshot(of: "R-900001")?.ownership.owner == .legacy)
    }

    @Test func anotherPercentageFlipsNobody() async throws {
        // R-900002 draws 70 of 100 for step 5.2, R-900001 draws 37.
        let drawn = try Lockstep.lines("happy-public-profit")
        let run = try FedRun(database, "--plan", try canary(50))
        try run.feed(merged(drawn[..<6], first[..<6]) + second[..<1])
        let before = try migrate("status", "--plan", try canary(50), "--format", "json").json
        #expect(step("5.2", before)?["pins"] == ["drawnDurable": 1, "drawnLegacy": 1, "recalled": 0])
        try run.kill()
        let next = try FedRun(database, "--plan", try canary(100))
        let back = TraceLine(
            receivedAt: drawn[5].receivedAt, source: "support",
            body: [
                "id": "s-1", "type": "support.override", "registration": "R-900002",
                "data": ["state": "BRAND_READY", "operator": "op-1", "reason": "look at the boundary again"],
            ])
        try next.feed([back] + second[1..<6] + drawn[6...6])
        let store = try reader()
        #expect(try await store.journal(of: "R-900002").contains { $0.detail == "CONTENT_REVIEW -> BRAND_READY" })
        #expect(try await store.snapshot(of: "R-900002")?.ownership.pins == ["5.2": .legacy])
        #expect(try await store.snapshot(of: "R-900002")?.ownership.owner == .legacy, "it was drawn once")
        #expect(try await store.snapshot(of: "R-900003")?.ownership.owner == .durable, "who comes later is drawn anew")
        #expect(try migrate("status").output.contains("the last run had plan canary-100 version 1"))
        try next.kill()
    }

    private func canary(_ percent: Int) throws -> String {
        let folder = LegacyFixtures.folder + "/../Migrations/Plans"
        let text = try String(contentsOfFile: folder + "/hybrid-5.2.yaml", encoding: .utf8)
            .replacing("stage: durable", with: "stage: canary \(percent)").replacing("plan: hybrid-5.2", with: "plan: canary-\(percent)")
        let path = database + ".canary-\(percent).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func step(_ number: String, _ status: JSONValue?) -> JSONValue? {
        status?["steps"]?.array?.first { $0["step"]?.string == number }
    }

    @Test func statusSaysWhereEverybodyStands() async throws {
        let run = try FedRun(database)
        let unknown = TraceLine(
            receivedAt: first[5].receivedAt, source: "reviewer",
            body: ["id": "r-1", "type": "profile.approved", "registration": "R-0", "data": [:]])
        try run.feed(first[..<6] + second[..<2] + [unknown])
        _ = try migrate("halt")
        let status = try #require(try migrate("status", "--format", "json").json)
        #expect(
            Set(status.object?.keys ?? [:].keys) == [
                "clock", "database", "deadLetters", "durable", "ended", "halted", "haltedSince", "lastRun", "legacy", "plan",
                "quarantined", "registrations", "rows", "running", "steps", "unsentMessages",
            ])
        #expect(status["running"] == .string("process \(run.id)"))
        #expect(status["plan"] == ["name": "hybrid-5.2", "version": 1])
        #expect(status["halted"] == true)
        #expect(status["rows"] == ["pending": 0, "signalled": 0, "parked": 0])
        #expect(status["deadLetters"] == ["unknown-entity": 1])
        #expect([status["registrations"], status["legacy"], status["durable"], status["ended"]] == [2, 1, 1, 0])
        #expect(
            step("5.2", status) == [
                "step": "5.2", "title": "Secondary vetting", "stage": "durable", "legacy": 0, "durable": 1, "ended": 0,
                "pins": ["drawnDurable": 0, "drawnLegacy": 0, "recalled": 0],
            ])
        #expect(step("2", status)?["legacy"] == 1)
        #expect(status["steps"]?.array?.count == 12)
        let text = try migrate("status")
        #expect(text.code == 0)
        #expect(text.output.contains("halted since 2026-03-03T09:05"))
        #expect(text.output.contains("process \(run.id) runs on it"))
        #expect(text.output.contains("dead letters: unknown-entity 1; see 'lockstep migrate letters'"))
        try run.kill()
        #expect(try migrate("status").output.contains("nobody runs on it"))
        #expect(try migrate("status", "--format", "json").json?["running"] == nil)
    }

    @Test func aWriteThatCannotGetInSaysWhyAndHowToRetry() async throws {
        let holder = SQLiteHandoffStore(try LockstepDatabase(path: database, durability: .grouped))
        try await holder.set("a", to: "1")
        let refused = try migrate("halt", "--wait", "0")
        #expect(refused.code == 3)
        #expect(refused.error.split(separator: "\n").count == 1)
        #expect(refused.error.contains("found process \(getpid()) in a transaction; nothing was written; try again"))
        try await holder.flush()
        #expect(try migrate("halt", "--wait", "0").code == 0)
    }

    /// The latest first, a page at a time; and never a body.
    @Test func deadLettersAreListed() throws {
        let run = try FedRun(database)
        let unknown = (0..<3).map { index in
            TraceLine(
                receivedAt: first[0].receivedAt + .seconds(index), source: "reviewer",
                body: ["id": .string("r-\(index)"), "type": "profile.approved", "registration": "R-0", "data": ["name": "Ada Example"]])
        }
        let unread = TraceLine(
            receivedAt: first[0].receivedAt + .seconds(3), source: "reviewer",
            body: ["id": "r-3", "type": "no.such.type", "registration": "R-0"])
        try run.feed(unknown + [unread])
        try run.end()
        let all = try #require(try migrate("letters", "--format", "json").json?.array)
        // What cannot be read has an id that is made of it.
        #expect(all.dropFirst().map { $0["id"] } == ["r-2", "r-1", "r-0"] && all.first?["source"] == "reviewer")
        #expect(all.map { $0["reason"] } == ["unknown-type", "unknown-entity", "unknown-entity", "unknown-entity"])
        let page = try migrate("letters", "--reason", "unknown-entity", "--limit", "2")
        #expect(page.output.contains("r-2") && page.output.contains("r-1") && !page.output.contains("r-0") && !page.output.contains("r-3"))
        let number = try #require(all[2]["number"]?.integer)
        #expect(page.output.contains("before these: --before \(number)"))
        let rest = try migrate("letters", "--reason", "unknown-entity", "--before", String(number), "--format", "json").json
        #expect(rest?.array?.map { $0["id"] } == ["r-0"])
        #expect(try !migrate("letters").output.contains("Ada"))
        #expect(try migrate("letters", "--reason", "signature").output == "no dead letters of reason signature\n")
        #expect(try migrate("letters", "--limit", "0").code == 2)
    }

    @Test(arguments: ["status", "letters", "halt", "resume", "recall", "adopt"]) func aDatabaseThatIsNotThereIsNotMade(verb: String) throws
    {
        let ids = verb == "recall" || verb == "adopt" ? ["R-1"] : []
        let process = try Lockstep.process(["migrate", verb, "--database", database] + ids)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 3)
        #expect(!FileManager.default.fileExists(atPath: database))
    }
}
