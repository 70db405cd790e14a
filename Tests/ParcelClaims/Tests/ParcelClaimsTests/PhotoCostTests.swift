import ClaimsWithPhoto
import Foundation
import LockstepApp
import LockstepTesting
import Testing

import struct ParcelClaims.ClaimDecoder
import let ParcelClaims.photoCost

/// What the photo would have cost as rows of the table, measured on a table that has it.
@Suite struct PhotoCostTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    private static var app: LockstepApp<ClaimState, Claim> {
        let domain = Domain(
            machine: claimMachine, sweeper: claimSweeper, decoders: [ClaimDecoder()], durableSteps: [], interrupts: [],
            birth: { $0.kind == "claim.filed" ? Claim() : nil }, references: { _ in [] },
            outcome: { claim, state, _ in
                Outcome(status: claim.paid ? "paid" : "open", state: state.rawValue, facts: ["photo": .bool(claim.photo)])
            })
        let plan = """
            plan: parcel-claims
            version: 1
            steps: [{ step: 1, title: Check, stage: legacy }, { step: 1.1, title: Photo, stage: legacy }, { step: 2, title: Payment, stage: legacy }]
            """
        return LockstepApp("parcel-claims", domain: domain, effects: nil, plan: .text(plan, name: "photo.yaml"))
    }

    @Test(arguments: ["photo-comes", "photo-never-comes", "withdrawn"]) func theTableEndsAsHybrid(scenario: String) async throws {
        let scenario = try Scenario(folder: Self.root.appending(path: "Scenarios/\(scenario)").path)
        let run = try AppRun(Self.app, RunOptions(mode: .legacy, plan: try Self.app.plan.read(), database: ":memory:"))
        try await run.play(scenario.lines)
        #expect(try await run.outcomes() == scenario.hybrid)
    }

    @Test func theCostIsWhatTheSourcesSay() throws {
        let folder = "Sources/ParcelClaims"
        let (table, parts) = (try Self.text("\(folder)/Machine.swift"), try Self.text("\(folder)/Claims.swift"))
        let entry = try #require(parts.firstMatch(of: #/      - step: 1\.1\n(        .*\n)+/#)).range
        let unplanned = parts.replacingCharacters(in: entry, with: "").replacing("[photoStep]", with: "[]")
        let cost = MachineExtension(
            step: "1.1", machine: claimMachine.description,
            legacy: [
                TouchedFile("\(folder)/Machine.swift", before: table, after: try Self.text("Tests/ClaimsWithPhoto/Machine.swift")),
                TouchedFile(
                    "\(folder)/Claims.swift", before: parts, after: parts.replacing("Sweeper(rules: [])", with: "claimSweeper")),
            ],
            durable: [
                TouchedFile("\(folder)/PhotoStep.swift", before: nil, after: try Self.text("\(folder)/PhotoStep.swift")),
                TouchedFile("\(folder)/Claims.swift", before: unplanned, after: parts),
            ])
        let text = try cost.text
        #expect(try MachineExtension(parsing: photoCost) == cost, "photoCost is stale; it is to be:\n\(text)")
    }
}
