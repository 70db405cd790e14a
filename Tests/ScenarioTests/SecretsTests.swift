import Events
import Foundation
import HybridRouter
import LegacyFixtures
import SQLiteStorage
import Testing

/// Senders' secrets, and who may say what.
@Suite struct SecretsTests {
    private let folder: String
    private static let secret = "demo-secret-not-real"
    private static let body =
        #"{"mock":false, "brandId":"BFHXANR","brandName":"Owl Demo LLC","brandReferenceId":"Q-29393332","campaignId":"CRMKK5Y","campaignReferenceId":"C-00388","cspId":"SABC123","cspName":"ACME","eventType":"MNO_CAMPAIGN_OPERATION_SUSPENDED","mnoId":10017,"mnoName":"AT&T"}"#

    init() throws {
        folder = NSTemporaryDirectory() + "lockstep-secrets-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func file(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let path = "\(folder)/\(name)"
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        return path
    }

    /// A delivery that is signed rightly, one that was changed, one that is not signed.
    private func deliveries() throws -> String {
        let headers = ["X-Registry-Signature": "6kHpHb91b8JRLUucOTFUo+YfiH4="]
        let url = "https://hooks.example.test/tcr/campaigns"
        let lines = [
            DeliveryLine(source: "tcr", id: "1", headers: headers, url: url, body: .string(Self.body)),
            DeliveryLine(source: "tcr", id: "2", headers: headers, url: url, body: .string(Self.body.replacing("10017", with: "10035"))),
            DeliveryLine(source: "tcr", id: "3", body: .string(Self.body)),
        ]
        return try file("deliveries.jsonl", lines.map(\.text).joined(separator: "\n") + "\n")
    }

    private func letters(_ arguments: [String], environment: [String: String] = [:]) throws -> JSONValue? {
        let process = try Lockstep.process(
            ["run", "--events", try deliveries(), "--live", "--format", "json", "--database", "\(folder)/\(UUID().uuidString).sqlite"]
                + arguments)
        let output = Pipe()
        process.standardOutput = output
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try text.split(separator: "\n").last.map { try JSONValue(parsing: String($0)) }?["deadLettersByReason"]
    }

    @Test func aSenderWithASecretHasToSign() throws {
        let path = try file("secrets.json", #"{"tcr":"\#(Self.secret)"}"#)
        #expect(try letters(["--secrets", path]) == ["signature": 2, "unknown-entity": 1])
        #expect(try letters([], environment: ["LOCKSTEP_SECRET_TCR": Self.secret]) == ["signature": 2, "unknown-entity": 1])
        #expect(try letters([], environment: ["LOCKSTEP_SECRET_TCR": "another"]) == ["signature": 3])
        #expect(
            try letters(["--secrets", path], environment: ["LOCKSTEP_SECRET_TCR": "another"]) == ["signature": 2, "unknown-entity": 1])
        #expect(try letters([]) == ["unknown-entity": 3])
    }

    @Test(arguments: [
        (#"{"tcr":"demo-secret-not-real"}"#, 0o644, 3, "chmod 600"),
        (#"{"tcr":7,"x":"demo-secret-not-real"}"#, 0o600, 2, "expected a JSON object"),
        ("demo-secret-not-real", 0o600, 2, "expected a JSON object"),
        (#"{"telnyx":"demo-secret-not-real"}"#, 0o600, 2, "32 bytes in base64"),
    ]) func secretsThatCannotBeUsedAreRefusedWithoutBeingTold(text: String, mode: Int, code: Int32, sentence: String) throws {
        let path = try file("secrets.json", text, mode: mode)
        let result = try Lockstep.run([
            "run", "--events", try deliveries(), "--live", "--database", "\(folder)/a.sqlite", "--secrets", path,
        ])
        #expect(result.code == code)
        #expect(result.error.contains(sentence), "\(result.error)")
        #expect(!result.error.contains(Self.secret) && !result.output.contains(Self.secret))
    }

    /// What a sender may not say moves nothing, whoever says it.
    @Test(arguments: [
        ("customer", "support.override", #"{"state":"ACTIVE"}"#), ("reviewer", "registration.cancel", "{}"),
        ("billing", "support.override", #"{"hold":true}"#),
        ("provider", "registration.cancel", "{}"), ("timer", "support.override", #"{"hold":true}"#), ("customer", "content.approved", "{}"),
        ("customer", "billing.result", #"{"status":"posted"}"#), ("support", "CAMPAIGN_DCA_COMPLETE", "{}"),
    ]) func nobodySaysWhatIsAnothers(source: String, type: String, data: String) throws {
        var lines = try Lockstep.lines("happy-private-profit").map(\.text)
        let at = try TraceLine(parsing: lines[2]).receivedAt
        let body = try JSONValue(parsing: #"{"id":"x-1","type":"\#(type)","registration":"R-900001","data":\#(data)}"#)
        lines.insert(TraceLine(receivedAt: at, source: EventSource(source), body: body).text, at: 3)
        let trace = try file("trace.jsonl", lines.joined(separator: "\n") + "\n")
        let result = try Lockstep.run(["run", trace, "--database", "\(folder)/a.sqlite", "--format", "json"])
        #expect(result.json?["outcomes"] == ["approved": 1])
        #expect(result.json?["deadLettersByReason"] == ["wrong-sender": 1])
    }

    @Test func anOutcomesFileThatCannotBeWrittenIsNoticedBeforeTheRun() throws {
        let database = "\(folder)/a.sqlite"
        for path in ["\(folder)/none/outcomes.jsonl", folder] {
            let result = try Lockstep.run(["run", "--database", database, "--outcomes", path])
            #expect(result.code == 3)
            #expect(result.error.contains("\(path): expected a file that can be written"))
            #expect(!FileManager.default.fileExists(atPath: database), "nothing was run")
        }
        let kept = try file("outcomes.jsonl", "of an earlier run\n")
        #expect(try Lockstep.run(["run", "--database", "/dev/null/x", "--outcomes", kept]).code == 3)
        #expect(try String(contentsOfFile: kept, encoding: .utf8) == "of an earlier run\n")
    }

    // MARK: Damaged settings

    @Test func aDamagedSettingIsFoundUnderAPrefix() async throws {
        let store = SQLiteHandoffStore(try LockstepDatabase(path: "\(folder)/a.sqlite"))
        try await store.set("plan/1", to: "hybrid version 1")
        #expect(try await store.values(prefix: "plan/") == ["plan/1": "hybrid version 1"])
        try damage("plan/1")
        await #expect(throws: HybridRouter.UnreadableRow.self) { try await store.values(prefix: "plan/") }
    }

    private func damage(_ name: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", "\(folder)/a.sqlite", "UPDATE setting SET value = value || 'x' WHERE name = '\(name)'"]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// A damaged halt is a halt: registrations go on with legacy, and none is blamed for it.
    @Test func aDamagedHaltHaltsAndBlamesNobody() throws {
        let (database, trace) = ("\(folder)/a.sqlite", "\(LegacyFixtures.folder)/happy-private-profit/events.jsonl")
        #expect(try Lockstep.run(["run", "--events", "/dev/null", "--database", database]).code == 0)
        #expect(try Lockstep.run(["migrate", "halt", "--database", database]).code == 0)
        try damage("halted")
        let run = try Lockstep.run(["run", "--events", trace, "--drain", "--database", database, "--format", "json"])
        #expect(run.code == 0, "\(run.error)")
        let summary = try #require(run.output.split(separator: "\n").last.map { try JSONValue(parsing: String($0)) })
        #expect(summary["outcomes"] == ["approved": 1])
        #expect(summary["handOffs"] == 0)
        #expect(try Lockstep.run(["migrate", "quarantine", "--database", database]).output == "nothing is set aside\n")
        #expect(try Lockstep.run(["migrate", "resume", "--database", database]).output.hasPrefix("resumed"))
        #expect(try Lockstep.run(["migrate", "resume", "--database", database]).output.hasPrefix("not halted"))
    }
}
