import Bridge
import BridgeTesting
import ClaimMachine
import Cutover
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import Synchronization
import Testing

/// A recall that another process makes reads and writes in two steps; the segment may write the record in between, under its epoch.
@Suite struct RecallRaceTests {
    /// Writes what the segment has come to right after somebody has read the entity for the first time.
    private final class Interloper: ForwardingHandoffStore {
        let base: any HandoffStore
        private let hasWritten = Mutex(false)

        private static var photographed: Claim {
            var claim = Claim()
            claim.photo = true
            return claim
        }

        init(_ base: any HandoffStore) { self.base = base }

        func snapshot(of entity: EntityID) async throws -> EntitySnapshot? {
            let snapshot = try await base.snapshot(of: entity)
            guard let snapshot, isFirst() else { return snapshot }
            var write = EntityTransaction(
                entity: entity, epoch: snapshot.ownership.epoch, at: .distantPast, moves: [.completed("1.1", visit: 1, used: [])])
            write.record = snapshot.record
            write.record?.body = RecordBody(Self.photographed)
            _ = try await base.commit(write)
            return snapshot
        }

        private func isFirst() -> Bool {
            hasWritten.withLock { value in
                defer { value = true }
                return !value
            }
        }
    }

    private struct NoEngine: Error {}

    @Test func legacyGoesOnFromWhatTheSegmentWroteLast() async throws {
        let now = Timestamp(milliseconds: 1_772_442_000_000)
        let store = InMemoryHandoffStore()
        let event = IncomingEvent(
            id: "e", source: "depot", reference: .entity("P-1"), kind: "claim.filed", payload: [:], subject: nil, receivedAt: now)
        _ = try await store.accept(
            [.event(event, birth: Birth(step: "1", state: ClaimState.CHECKED.rawValue, body: RecordBody(Claim())))], at: now)
        _ = try await store.commit(EntityTransaction(entity: "P-1", epoch: 1, at: now, moves: [.handedOff(["1.1"])]))
        let bridge = try EventBridge(
            domain: claims, plan: try MigrationPlan(yaml: claimPlan, file: "claims.yaml"), store: Interloper(store),
            effects: ScriptedOutside(journal: MemoryJournal())
        ) { _, _ in AbsentEngine(NoEngine()) }
        #expect(try await bridge.recall("P-1", at: now) == .moved(epoch: 3))
        let snapshot = try #require(try await store.snapshot(of: "P-1"))
        let claim: Claim = try snapshot.record.body.value()
        #expect(claim.photo, "what the segment wrote is there")
        #expect(snapshot.ownership.completions == ["1.1": 1])
        #expect(snapshot.ownership.owner == .legacy)
    }
}
