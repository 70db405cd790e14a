import Foundation
import LockstepApp
import ParcelClaims
import Testing

/// Claims that are in the middle of their life come in where they stand.
@Suite struct ImportTests {
    private let folder = NSTemporaryDirectory() + "parcel-import-\(UUID().uuidString)"
    private let now = Timestamp(milliseconds: 1_772_442_000_000)  // 2026-03-02T09:00:00Z

    private static var app: LockstepApp<ClaimState, Claim> {
        LockstepApp("parcel-claims", domain: claims, effects: nil, plan: .text(claimPlan, name: "claims.yaml"))
    }

    private func run(_ lines: [String]) async throws -> (AppRun<ClaimState, Claim>, [ImportResult]) {
        let run = try AppRun(Self.app, RunOptions(mode: .hybrid, plan: try Self.app.plan.read(), database: ":memory:"))
        var results: [ImportResult] = []
        for line in lines { results.append(try await run.bridge.take(try ImportedEntity(parsing: line), at: now)) }
        return (run, results)
    }

    private static func line(_ claim: String, _ state: String, _ more: String = "") -> String {
        #"{"entity":"\#(claim)","state":"\#(state)","record":{"photo":false,"paid":false},"createdAt":"2026-02-01T08:00:00.000Z"\#(more)}"#
    }

    private func depot(_ id: String, _ kind: String, _ claim: String) -> TraceLine {
        TraceLine(receivedAt: now + .hours(1), source: "depot", body: ["id": .string(id), "kind": .string(kind), "claim": .string(claim)])
    }

    @Test func eachGoesOnFromWhereItStands() async throws {
        let (run, results) = try await run([Self.line("P-1", "OPEN"), Self.line("P-2", "CHECKED"), Self.line("P-3", "CLOSED")])
        #expect(results == [.imported, .imported, .imported])
        let before = try #require(try await run.store.snapshot(of: "P-1"))
        #expect(before.ownership.completions == [:] && before.record.createdAt.description == "2026-02-01T08:00:00.000Z")
        let exactly = try #require(try await run.store.snapshot(of: "P-2"))
        #expect(exactly.ownership.owner == .durable && exactly.ownership.completions == ["1": 1], "the photo step has it")
        let after = try #require(try await run.store.snapshot(of: "P-3"))
        #expect(after.record.isFinal && after.ownership.completions == ["1": 1])
        try await run.play([depot("a", "check.passed", "P-1"), depot("b", "photo.received", "P-2")])
        let outcomes = try await run.outcomes()
        #expect(outcomes["P-1"] == Outcome(status: "paid", state: "CLOSED", facts: ["photo": false]), "nobody sent its photo in a week")
        #expect(outcomes["P-2"] == Outcome(status: "paid", state: "CLOSED", facts: ["photo": true]))
        #expect(outcomes["P-3"]?.state == "CLOSED")
        #expect(try await run.ledger(of: "P-3").isEmpty)
    }

    @Test func whatWasPaidIsNotPaidAgain() async throws {
        let paid = #","effects":[{"step":"2","operation":"bank.pay","reply":{"receipt":"A7"},"at":"2026-02-02T08:00:00.000Z"}]"#
        let (run, results) = try await run([Self.line("P-1", "CHECKED", paid)])
        #expect(results == [.imported])
        try await run.play([depot("a", "photo.received", "P-1")])
        #expect(try await run.outcomes()["P-1"]?.status == "paid")
        let ledger = try await run.ledger(of: "P-1")
        #expect(ledger.map(\.key.description) == ["P-1/2/bank.pay/1", "P-1/1.1/mail.askForPhoto/1"])
        #expect(ledger.first?.reply == ["receipt": "A7"])
    }

    @Test func importingAgainChangesNothing() async throws {
        let lines = [Self.line("P-1", "OPEN"), Self.line("P-2", "CHECKED")]
        let (run, results) = try await run(lines + lines)
        #expect(results == [.imported, .imported, .known, .known])
        #expect(try await run.store.counters()["handOffs"] == 1)
    }

    @Test func anEntityThatIsThereIsRefused() async throws {
        let run = try AppRun(Self.app, RunOptions(mode: .hybrid, plan: try Self.app.plan.read(), database: ":memory:"))
        try await run.play([depot("a", "claim.filed", "P-1")])
        let result = try await run.bridge.take(try ImportedEntity(parsing: Self.line("P-1", "OPEN")), at: now + .hours(2))
        #expect(result == .refused("P-1: expected an entity that the database does not have, found it there"))
    }

    @Test(arguments: [
        ("NOWHERE", ""), ("OPEN", #","lastEventAt":"2027-01-01T00:00:00.000Z""#), ("OPEN", #","completions":{"7":1}"#),
        ("OPEN", #","effects":[{"step":"9","operation":"bank.pay","at":"2026-02-02T08:00:00.000Z"}]"#),
    ]) func whatCannotBeTrueIsRefused(state: String, more: String) async throws {
        let (run, results) = try await run([Self.line("P-1", state, more)])
        guard case .refused(let reason)? = results.first else { return #expect(Bool(false), "expected a refusal, found \(results)") }
        #expect(reason.hasPrefix("P-1: expected"))
        #expect(try await run.store.entities().isEmpty)
    }

    @Test(arguments: [
        "", "[]", #"{"entity":"P-1"}"#, #"{"entity":"P-1","state":"OPEN","record":{}}"#,
        #"{"entity":"P-1","state":"OPEN","record":{},"createdAt":"0001-01-01T00:00:00Z"}"#,
        #"{"entity":"P-1","state":"OPEN","record":7,"createdAt":"2026-02-01T08:00:00.000Z"}"#,
        #"{"entity":"P-1","state":"OPEN","record":{},"createdAt":"2026-02-01T08:00:00.000Z","effects":[{}]}"#,
        #"{"entity":"P-1","state":"OPEN","record":{},"createdAt":"2026-02-01T08:00:00.000Z","completions":{"1":-3}}"#,
    ]) func aLineThatIsNoneIsASentence(line: String) {
        #expect { try ImportedEntity(parsing: line) } throws: { "\($0)".contains("expected") }
    }
}
