import Foundation
import LockstepApp
import ParcelClaims
import Testing

/// Compare and report on a database that runs live, beside the service.
@Suite struct StoredTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "parcel-stored-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func app(_ step: DurableStep<Claim> = photoStep) -> LockstepApp<ClaimState, Claim> {
        var domain = claims
        domain.durableSteps = [step]
        return LockstepApp(
            "parcel-claims", domain: domain, effects: PostAndBank(folder: folder + "/parties"),
            plan: .text(claimPlan, name: "claims.yaml"))
    }

    /// Delivers while the service runs, and looks at the database before it ends.
    private func comparison(_ app: LockstepApp<ClaimState, Claim>, _ deliveries: [(String, String)]) async throws -> (StoredSummary, Report)
    {
        let plan = try app.plan.read()
        let live = try LiveRun(app, RunOptions(mode: .hybrid, plan: plan, database: folder + "/work.sqlite"))
        let running = Task { try await live.run() }
        for (claim, kind) in deliveries {
            let line = DeliveryLine(
                source: "depot", body: ["id": .string("\(claim)-\(kind)"), "kind": .string(kind), "claim": .string(claim)])
            _ = try await live.service.submit(line.message(at: live.service.now))
        }
        try await live.service.settled()
        let stored = try await StoredRun(app, database: folder + "/work.sqlite", plan: plan)
        let found = (try await stored.comparison(), try await stored.report())
        live.service.shutdown()
        try await running.value
        try FileManager.default.removeItem(atPath: folder)
        return found
    }

    private static let paid = ["claim.filed", "check.passed", "photo.received"].map { ("P-1", $0) }

    @Test func whatIsPaidIsComparedAndWhatWaitsIsUnderWay() async throws {
        let waiting = ["claim.filed", "check.passed"].map { ("P-2", $0) }
        let (summary, report) = try await comparison(app(), Self.paid + waiting)
        #expect(summary.comparison.compared == 1)
        #expect(summary.comparison.expectedDifferences == 1, "the photo, which the plan announces")
        #expect(summary.underWay == 1)
        #expect(report.plan.steps.map(\.figures.handOffs) == [0, 2, 0])
        #expect(report.runs.first?.outcomes == ["paid": 1, "open": 1])
    }

    @Test func aStepThatPaysAFeeIsFound() async throws {
        let fee = DurableActivity<Claim>("bank.fee") { try await $1.perform("bank.fee", step: "1.1") }
        let wrong = DurableStep<Claim>(number: "1.1", events: ["photo.received"], activities: [fee]) { context, claim in
            try await context.perform(fee, on: &claim)
            claim.photo = try await context.wait(for: ["photo.received"], timeout: .days(7)) != nil
        }
        let (summary, _) = try await comparison(app(wrong), Self.paid)
        #expect(summary.comparison.mismatched == 1)
        #expect(summary.comparison.mismatches.first?.differences.first { !$0.expected }?.path == "1.1/bank.fee/1")
    }

    @Test func aPaymentThatWasNotMadeIsFound() async throws {
        let free = DurableStep<Claim>(number: "2", events: [], activities: [], adopts: []) { _, claim in
            claim.paid = true
            return ClaimState.CLOSED.rawValue
        }
        var app = app()
        app.domain.durableSteps.append(free)
        app.plan = .text(claimPlan.replacingOccurrences(of: "Payment, stage: legacy", with: "Payment, stage: durable"), name: "free.yaml")
        let (summary, _) = try await comparison(app, Self.paid)
        #expect(summary.comparison.mismatches.first?.differences.filter { !$0.expected }.map(\.path) == ["2/bank.pay/1"])
    }
}
