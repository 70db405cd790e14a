import Foundation
import LockstepApp
import LockstepTesting
import ParcelClaims
import Testing

/// What can happen to a claim, played in virtual time.
@Suite struct TutorialTests {
    static var app: LockstepApp<ClaimState, Claim> {
        LockstepApp("parcel-claims", domain: claims, effects: nil, plan: .text(claimPlan, name: "claims.yaml"))
    }

    private func play(_ mode: RunMode, _ events: [(Duration, String)]) async throws -> (Outcome, [String: Int], [String]) {
        let run = try AppRun(Self.app, RunOptions(mode: mode, plan: try Self.app.plan.read(), database: ":memory:"))
        let start = Timestamp(milliseconds: 1_772_442_000_000)
        let lines = events.enumerated().map { index, event in
            TraceLine(
                receivedAt: start + event.0, source: "depot",
                body: ["id": .string("e\(index)"), "kind": .string(event.1), "claim": "P-1"])
        }
        try await run.play(lines)
        let outcome = try #require(try await run.outcomes()["P-1"])
        return (outcome, try await run.store.counters(), try await run.ledger(of: "P-1").map(\.key.description))
    }

    private let happy: [(Duration, String)] = [(.zero, "claim.filed"), (.hours(1), "check.passed"), (.hours(5), "photo.received")]

    @Test func hybridAddsTheStep() async throws {
        let (outcome, counters, effects) = try await play(.hybrid, happy)
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": true]))
        #expect(counters["handOffs"] == 1)
        #expect(counters["handBacks"] == 1)
        #expect(effects == ["P-1/1.1/mail.askForPhoto/1", "P-1/2/bank.pay/1"])
    }

    @Test func legacyAlonePaysAtOnce() async throws {
        let (outcome, counters, effects) = try await play(.legacy, happy)
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": false]))
        #expect(counters["handOffs"] == nil)
        #expect(effects == ["P-1/2/bank.pay/1"])
    }

    @Test func aWithdrawalEndsTheWait() async throws {
        let (outcome, counters, effects) = try await play(
            .hybrid, [(.zero, "claim.filed"), (.hours(1), "check.passed"), (.hours(2), "claim.withdrawn")])
        #expect(outcome.state == "CLOSED")
        #expect(outcome.status == "open")
        #expect(counters["handBacks"] == 1)
        #expect(effects == ["P-1/1.1/mail.askForPhoto/1"])
    }

    @Test func aPhotoThatNeverComesDoesNotStopTheClaim() async throws {
        let (outcome, _, _) = try await play(.hybrid, Array(happy.dropLast()))
        #expect(outcome == Outcome(status: "paid", state: "CLOSED", facts: ["photo": false]))
    }

    @Test func anEarlyPhotoIsKept() async throws {
        let (outcome, counters, _) = try await play(
            .hybrid, [(.zero, "claim.filed"), (.hours(1), "photo.received"), (.hours(2), "check.passed")])
        #expect(outcome.facts["photo"] == true)
        #expect(counters["parked"] == 1)
    }

    @Test func theOutsideSaysWhatTheRecordingSays() async throws {
        let run = try AppRun(Self.app, RunOptions(mode: .legacy, plan: try Self.app.plan.read(), database: ":memory:"))
        let lines = try [
            #"{"source":"world","receivedAt":"2026-03-02T09:00:00.000Z","body":{"entity":"P-1","operation":"bank.pay","attempts":2,"answer":"500"}}"#,
            #"{"source":"depot","receivedAt":"2026-03-02T09:00:00.000Z","body":{"id":"a","kind":"claim.filed","claim":"P-1"}}"#,
            #"{"source":"depot","receivedAt":"2026-03-02T09:00:00.000Z","body":{"id":"b","kind":"check.passed","claim":"P-1"}}"#,
        ].map { try TraceLine(parsing: $0) }
        try await run.play(lines)
        #expect(try await run.ledger(of: "P-1").map(\.attempt) == [3], "two attempts failed")
    }

    @Test func thePartiesKeepTheLawsOfPorts() async throws {
        let folder = NSTemporaryDirectory() + "parcel-parties-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let laws = EffectPortLaws(operation: "bank.pay", step: "2", entity: "P-1", now: Timestamp(milliseconds: 1_772_442_000_000))
        #expect(await laws.breaches(of: PostAndBank(folder: folder)) == [])
    }
}
