import A2PApp
import Bridge
import Commands
import Cutover
import Events
import Foundation
import HybridRouter
import Migrations
import Outcomes
import SQLiteStorage

/// A run that ends in the middle of its deliveries and goes on later, with whatever was done to its database in between.
struct TwoHalves: Sendable {
    let lines: [TraceLine]

    /// So many generated registrations.
    init(_ registrations: Int, seed: UInt64) async throws {
        let path = Self.path("trace") + ".jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await RecordedRun.generate(registrations, seed: seed, to: path)
        lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { try TraceLine(parsing: String($0)) }
    }

    static func path(_ label: String) -> String { NSTemporaryDirectory() + "lockstep-\(label)-\(UUID().uuidString)" }

    static func remove(_ database: String) {
        for suffix in ["", "-wal", "-shm", ".effects.jsonl"] { try? FileManager.default.removeItem(atPath: database + suffix) }
    }

    func first(_ database: String) async throws { _ = try await play(lines[..<(lines.count / 2)], database, drains: false) }

    func second(_ database: String) async throws -> A2PRun { try await play(lines[(lines.count / 2)...], database, drains: true) }

    private func play(_ lines: ArraySlice<TraceLine>, _ database: String, drains: Bool) async throws -> A2PRun {
        let plan = try MigrationPlan(yaml: EmbeddedPlans.twoSteps, file: EmbeddedPlans.twoStepsName)
        let run = try A2PRun(.init(mode: .hybrid, plan: plan, database: database))
        var rest = lines
        try await run.play(
            stream: { rest.popFirst().map { .line($0) } }, drains: drains, acknowledge: { _, _ in })
        return run
    }
}
