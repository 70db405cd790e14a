import DurableWorkflow
import Events
import HybridRouter
import Outcomes

/// Legacy has no state between some steps: one event ends the first and begins the second. While durable code is between them, nobody else
/// could go on there. So the end of the first becomes true together with the first wait point of the second; whoever gets the entity
/// before that gets it in the first one, with the event that ends it.
extension LiveSteps {
    /// The next step has ended without a wait point. When it has come to something, the step before is complete, and the entity is what is
    /// returned; else it goes back to legacy in the step before, and nil is returned.
    func leave(_ end: StepEnd, before later: StepEnd, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> EntitySnapshot? {
        switch later.how {
        case .failed(let reason):
            if try await setAsideRetired(snapshot, "step \(later.step) has failed: \(reason)", at: now) { return nil }
            _ = try await pipeline.takeBack(snapshot, .failed(end.step, reason: "step \(later.step): \(reason)"), at: now)
            return nil
        case .interrupted(let kind):
            var unchanged = end
            (unchanged.state, unchanged.record) = (nil, try snapshot.record.body.value())
            try await interrupt(unchanged, snapshot, by: kind, [], at: now)
            return nil
        case .completed, .moved:
            guard let next = end.next else { return nil }
            var end = end
            end.record = later.record
            // The next step has done its work already: a halt comes too late for it.
            try await goOn(end, snapshot, completion(of: end, snapshot), to: next, unlessHalted: false, at: now)
            return try await pipeline.store.snapshot(of: snapshot.ownership.entity)
        }
    }
}
