import Cutover
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Follows one visit to a durable step with the legacy machine, in memory and in virtual time, and compares the two.
///
/// The machine begins with the record that durable had, is told of the same events at the moments at which the segment was told, and gets
/// the answers that durable got. Its cron job comes by every hour. Legacy is the control of the comparison, as in every other one.
struct LegacyShadowRun<State: MachineState, Record: Codable & Sendable> {
    private let plan: MigrationPlan
    private let record: ShadowRecord
    private let side: LegacySide
    private let judgement: ShadowJudgement<State, Record>
    private var legacy: LegacyVisit
    private var waits = 0
    private var differences: [Difference] = []

    static func follow(
        _ record: ShadowRecord, on side: LegacySide, domain: Domain<State, Record>, plan: MigrationPlan
    ) async throws -> ShadowResult {
        if plan.planned(record.visit.step)?.isAdded == true {
            return ShadowResult(record, .added)
        }
        guard case .inProcess(let runtime) = side else {
            throw UnknownRecord("\(record.visit): expected a legacy machine in this process, found one that is a service")
        }
        var run = try LegacyShadowRun(record, on: runtime, side, domain, plan)
        if let reason = try run.beginsInside() { return run.incomparable(reason) }
        return try await run.follow()
    }

    private init(
        _ record: ShadowRecord, on runtime: any LegacyRuntime, _ side: LegacySide, _ domain: Domain<State, Record>, _ plan: MigrationPlan
    ) throws {
        let calls = record.notes.reduce(into: RecordedCalls()) { $0.add($1.calls) }
        let effects = RecordedEffects(ledger: calls.effects, reads: calls.reads, failures: calls.failures)
        legacy = try LegacyVisit(record, on: runtime, effects: effects)
        (self.record, self.side, self.plan) = (record, side, plan)
        judgement = ShadowJudgement(domain: domain, visit: record.visit)
    }

    private mutating func follow() async throws -> ShadowResult {
        let end = record.notes.last?.segment?.end ?? .left
        let last = record.notes.lastIndex { note in end == note.told.map { .givenBack($0.kind) } }
        try await legacy.advance(to: record.notes[0].at)
        var control = ControlTrail(record)
        for (index, note) in record.notes.enumerated() {
            if let event = note.told {
                // What comes at the moment of a timer comes before it.
                try await legacy.advance(to: Timestamp(milliseconds: note.at.milliseconds - 1))
                if !legacy.isStopped { try compareWait(before: event, control.standings, at: note.at) }
                // From here on the step is legacy's, in both.
                if index == last { return try result(control.standing, isOver: false) }
                legacy.tell(event, at: note.at)
                try await legacy.advance(to: note.at)
            }
            control.add(note)
        }
        try await legacy.advance(to: record.endedAt + ShadowRun<State, Record>.patience)
        return try conclude(control.standing, end)
    }

    private mutating func compareWait(before event: Event, _ durable: StandingHistory, at now: Timestamp) throws {
        waits += 1
        differences += try judgement.differences(
            at: "wait \(waits), before \(event.kind)", legacy.history, durable, at: now,
            tolerance: ShadowRun<State, Record>.tolerance, plan.comparator(of: record.visit.step, at: record.endedAt))
    }
}

// MARK: - How it ends

extension LegacyShadowRun {
    private func conclude(_ durable: ShadowStanding, _ end: SegmentNote.End) throws -> ShadowResult {
        switch end {
        case .left:
            if let reason = try endsInside(durable) { return incomparable(reason) }
            return try result(durable, isOver: true)
        case .failed(let reason):
            var result = base(.mismatched)
            result.differences = [
                Difference(
                    layer: .outcome, kind: .changed, path: "end", control: .string(legacy.standing.state),
                    candidate: .string("failed: \(reason)"))
            ]
            return result
        case .recalled: return incomparable("somebody has taken the entity back in the middle of the step")
        case .givenBack(let kind): return incomparable("legacy goes on with \(kind), which the segment was told before the visit")
        }
    }

    /// Why nothing can be said of a visit that began in the middle of a step before; nil when it did not. An event has completed both steps
    /// at one moment: two visits for durable, one move for legacy, which has no state between them.
    private func beginsInside() throws -> String? {
        let began = record.notes[0].state
        let place = try side.table.place(of: began)
        guard let before = place.step, before < record.visit.step, place.completed == nil, !place.isFinal else { return nil }
        return "it began in \(began), in the middle of step \(before), from where legacy goes through both in one move"
    }

    /// The same of a visit that durable has left where legacy is still in the middle of the step.
    private func endsInside(_ durable: ShadowStanding) throws -> String? {
        let place = try side.table.place(of: durable.state)
        guard legacy.isOver, place.step == record.visit.step, place.completed == nil, !place.isFinal else { return nil }
        return "durable left it in \(durable.state), from where legacy goes through this step and the next in one move"
    }

    /// Compares what both have come to.
    private func result(_ durable: ShadowStanding, isOver: Bool) throws -> ShadowResult {
        if let read = legacy.effects.missingReads.first {
            return incomparable("legacy asks \(read.operation), which durable has not asked, so its answer is unknown")
        }
        if let call = legacy.effects.missingCalls.first { return try stopped(at: call, durable) }
        return try compared(legacy.standing, durable, isOver: isOver)
    }

    /// Legacy wants something done that durable never did. Nothing after that can be compared.
    private func stopped(at call: EffectCall, _ durable: ShadowStanding) throws -> ShadowResult {
        var (left, right) = (durable, durable)
        left.ledger = [LedgerEntry(call, reply: .null)]
        right.ledger = []
        return try compared(left, right, isOver: false)
    }

    private func compared(_ left: ShadowStanding, _ right: ShadowStanding, isOver: Bool) throws -> ShadowResult {
        let comparator = try comparator(through: right.state, isStrict: isOver)
        var (control, candidate) = (
            try judgement.observation("legacy", left, isOver: false), try judgement.observation("durable", right, isOver: isOver)
        )
        // In the middle of the work the record of either is behind what it knows.
        if isOver { (control.record, candidate.record) = (left.record.object, right.record.object) }
        let comparison = comparator.compare(control: control, candidate: candidate)
        let all = Comparison(entity: record.visit.entity, differences: differences + comparison.differences)
        var result = base(ShadowResult.Verdict(all.verdict))
        result.differences = all.differences
        return result
    }

    /// What the step announces, and the next one when it has begun in the same transition.
    private func comparator(through state: String, isStrict: Bool) throws -> Comparator {
        let (step, place) = (record.visit.step, try side.table.place(of: state))
        let last = place.completed == nil ? max(step, place.step ?? step) : step
        let steps = plan.steps.filter { step <= $0.number && $0.number <= last }
        return Comparator(announcements: steps.flatMap(\.announces), rules: steps.flatMap(\.rules), at: record.endedAt, strict: isStrict)
    }

    private func incomparable(_ reason: String) -> ShadowResult {
        var result = base(.incomparable)
        result.reason = reason
        return result
    }

    private func base(_ verdict: ShadowResult.Verdict) -> ShadowResult { ShadowResult(record, verdict, legacy.effects) }
}
