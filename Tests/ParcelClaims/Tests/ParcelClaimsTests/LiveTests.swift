import Foundation
import LockstepApp
import ParcelClaims
import Testing

/// Deliveries that come in now, through the API of the library.
@Suite struct LiveTests {
    @Test func aClaimIsPaidWhileTheServiceRuns() async throws {
        let folder = NSTemporaryDirectory() + "parcel-live-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let app = LockstepApp(
            "parcel-claims", domain: claims, effects: PostAndBank(folder: folder + "/parties"), plan: .text(claimPlan, name: "claims.yaml"))
        let live = try LiveRun(app, RunOptions(mode: .hybrid, plan: try app.plan.read(), database: folder + "/work.sqlite"))
        let running = Task { try await live.run() }
        for (id, kind) in [("a", "claim.filed"), ("b", "check.passed"), ("c", "photo.received")] {
            let line = DeliveryLine(source: "depot", body: ["id": .string(id), "kind": .string(kind), "claim": "P-1"])
            #expect(try await live.service.submit(line.message(at: live.service.now)).count == 1)
        }
        try await live.service.settled()
        #expect(try await live.parts.outcomes()["P-1"] == Outcome(status: "paid", state: "CLOSED", facts: ["photo": true]))
        live.service.shutdown()
        try await running.value
        let parties = try FileManager.default.contentsOfDirectory(atPath: folder + "/parties").sorted()
        #expect(parties == ["P-1-1.1-mail.askForPhoto-1", "P-1-2-bank.pay-1"])
    }
}
