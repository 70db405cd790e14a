import Bridge
import DurableWorkflow
import Events
import HybridRouter
import Outcomes

/// What is checked when nothing is left to do.
extension Simulation {
    func finish() async throws -> SimulationRun {
        faults.quiet()
        run.faults = faults.counts
        run.moves.merge(checker.moves) { $0 + $1 }
        for entity in try await checker.entities() {
            guard let outcome = try await bridge.outcome(of: entity), let snapshot = try await checker.snapshot(of: entity) else {
                continue
            }
            let ledger = try await checker.ledger(of: entity)
            run.results[entity] = SimulatedResult(outcome: outcome, ledger: ledger, ownership: snapshot.ownership)
            checkEffects(entity, ledger)
            try await checkRows(entity, snapshot)
        }
        try await checkSegments()
        if let watched = options.watched { run.journal = try await checker.journal(of: watched) }
        run.violations = checker.violations
        run.digest = checker.digest.text
        run.schedule.recording = recorder.recording
        return run
    }

    /// I5: no key was performed twice with effect, and the ledger has nothing that was not performed.
    private func checkEffects(_ entity: EntityID, _ ledger: [LedgerEntry]) {
        let performed = world.performed(for: entity)
        let known = Set(performed)
        if known.count != performed.count {
            let twice = Dictionary(grouping: performed, by: { $0 }).filter { $0.value.count > 1 }.keys.sorted()
            checker.report(Violation(invariant: "I5", entity: entity, detail: "performed more than once: \(twice)"))
        }
        let invented = ledger.map(\.key).filter { !known.contains($0) }
        if !invented.isEmpty {
            checker.report(Violation(invariant: "I5", entity: entity, detail: "in the ledger, but never performed: \(invented)"))
        }
        run.moves["performed but not recorded", default: 0] += known.subtracting(ledger.map(\.key)).count
    }

    /// I3 and I6: every accepted event has come to something, and nothing waits that could go on.
    private func checkRows(_ entity: EntityID, _ snapshot: EntitySnapshot) async throws {
        let rows = try await checker.rows(of: entity)
        let outside = rows.count { $0.event.source != .lockstep && !$0.event.id.rawValue.hasPrefix("sweep/") }
        let accepted = checker.known(entity)?.accepted ?? 0
        if accepted > outside {
            checker.report(
                Violation(invariant: "I3", entity: entity, detail: "expected \(accepted.counted("accepted event")), found \(outside)"))
        }
        if let due = snapshot.record.dueAt {
            // A deadline that is a dead letter waits for somebody to redrive it; until then the sweeper polls.
            let isDeadLetter = rows.contains { $0.disposition == .dead }
            run.moves["polls until a dead letter is redriven", default: 0] += isDeadLetter ? 1 : 0
            if !isDeadLetter {
                checker.report(Violation(invariant: "I6", entity: entity, detail: "still polls at \(due), and nothing comes of it"))
            }
        }
        let told = rows.filter { $0.disposition == .signalled }.map(\.event.kind.rawValue)
        if snapshot.ownership.owner == .legacy, !told.isEmpty {
            checker.report(Violation(invariant: "I3", entity: entity, detail: "legacy has it, and events are still a segment's: \(told)"))
        }
        let parked = rows.filter { $0.disposition == .parked && isOver($0.event.kind, snapshot) }.map(\.event.kind.rawValue)
        if !parked.isEmpty {
            checker.report(Violation(invariant: "I3", entity: entity, detail: "its step is over, and still parked: \(parked)"))
        }
        let waiting = rows.filter { $0.disposition == .pending }.map(\.event.kind.rawValue)
        if !waiting.isEmpty { checker.report(Violation(invariant: "I6", entity: entity, detail: "events wait for ever: \(waiting)")) }
    }

    /// True when no step will ask for an event of `kind` any more.
    private func isOver(_ kind: EventKind, _ snapshot: EntitySnapshot) -> Bool {
        let steps = options.domain.durableSteps.filter { $0.events.contains(kind) }.map(\.number)
        let completed = Set(snapshot.ownership.completions.keys)
        return snapshot.record.isFinal || (!steps.isEmpty && Set(steps).isSubset(of: completed))
    }

    /// I6: a segment that has lost its entity does not go on.
    private func checkSegments() async throws {
        for run in try await workflows.runs() where !run.status.isClosed {
            guard let id = SegmentID(run.workflowID) else { continue }
            let ownership = try await checker.snapshot(of: id.entity)?.ownership
            guard ownership?.owner != .durable || ownership?.epoch != id.epoch else { continue }
            checker.report(Violation(invariant: "I6", entity: id.entity, detail: "segment \(id) is still running and has no entity"))
        }
    }

    /// I6: true, and reported, when the scheduler goes on and on at one moment.
    func runsInCircles() -> Bool {
        if stillness.at != worldNow { stillness = (run.steps, worldNow) }
        guard run.steps - stillness.steps > 100_000 + 50 * checker.count else { return false }
        checker.report(Violation(invariant: "I6", entity: nil, detail: "runs in circles at \(worldNow)"))
        return true
    }
}
