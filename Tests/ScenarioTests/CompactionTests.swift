import A2PApp
import Bridge
import BridgeTesting
import Commands
import Cutover
import Events
import Foundation
import HybridRouter
import LegacyFixtures
import Migrations
import Outcomes
import SQLiteStorage
import Testing

/// All fixtures in hybrid mode, while everything that is over is packed at every commit: nobody can tell.
@Suite struct CompactionTests {
    /// What anybody sees of an entity.
    private struct Seen: Equatable {
        let outcome: Outcome?
        let ledger: [LedgerEntry]
        let journal: [JournalEntry]
    }

    @Test func packingAllTheTimeChangesNothing() async throws {
        let undisturbed = try await play { $0 }
        let packed = try await play { PackingStore(base: $0) }
        #expect(undisturbed.count >= 95)
        for (entity, seen) in undisturbed {
            // A row's number is its place in a table, and the same in both.
            #expect(packed[entity] == seen, "\(entity)")
        }
    }

    private func play(_ wrap: @escaping @Sendable (any HandoffStore) -> any HandoffStore) async throws -> [EntityID: Seen] {
        let path = TemporaryDatabase.path("packed")
        defer { TemporaryDatabase.remove(path) }
        let lines = try LegacyFixtures.names().flatMap { try Scenario(folder: "\(LegacyFixtures.folder)/\($0)").lines }
        let plan = try MigrationPlan(yaml: EmbeddedPlans.hybrid, file: EmbeddedPlans.hybridName)
        var options = A2POptions(mode: .hybrid, plan: plan, database: path)
        options.run.ports = PortWrapper(handoffs: wrap)
        let run = try A2PRun(options)
        try await run.play(lines.sorted { $0.receivedAt < $1.receivedAt })
        var seen: [EntityID: Seen] = [:]
        for entity in try await run.store.entities() {
            seen[entity] = Seen(
                outcome: try await run.bridge.outcome(of: entity), ledger: try await run.store.ledger(of: entity),
                journal: try await run.store.journal(of: entity))
        }
        return seen
    }
}

/// Packs all that is older than the commit.
private struct PackingStore: ForwardingHandoffStore {
    let base: any HandoffStore

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let committed = try await base.commit(transaction)
        _ = try await base.compact(before: transaction.at)
        return committed
    }
}
