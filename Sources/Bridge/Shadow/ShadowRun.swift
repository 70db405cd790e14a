import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Follows one visit with the step's durable code, in memory and in virtual time, and compares it with what the owner did.
///
/// The code begins with the record that the owner had, is told of the same events at the moments at which the owner handled them, and
/// gets the owner's answers. Its own timers run on the same clock.
struct ShadowRun<State: MachineState, Record: Codable & Sendable> {
    /// How much later than the owner the code may end a step: legacy's cron job and the code's timers look at other moments.
    static var patience: Duration { .hours(2) }
    /// How far apart the two may be at a wait: the period of legacy's cron job.
    static var tolerance: Duration { .hours(1) }
    /// More pieces of work in one visit are work without an end.
    private static var mostWork: Int { 10_000 }
    /// Legacy gives up before.
    private static var mostAttempts: Int { 1000 }

    private let domain: Domain<State, Record>
    private let plan: MigrationPlan
    private let record: ShadowRecord
    private let step: DurableStep<Record>
    private let runtime: ShadowRuntime<Record>
    private let engine: any DurableEngine & VirtualTime
    private let clock: VirtualClock
    private let workflowID: String
    private var work = 0
    private var waits = 0
    private var differences: [Difference] = []

    static func follow(_ record: ShadowRecord, domain: Domain<State, Record>, plan: MigrationPlan) async throws -> ShadowResult {
        var run = try ShadowRun(record, domain: domain, plan: plan)
        return try await run.follow()
    }

    private init(_ record: ShadowRecord, domain: Domain<State, Record>, plan: MigrationPlan) throws {
        guard let step = domain.durableSteps.first(where: { $0.number == record.visit.step }) else {
            throw PlanlessStep(step: record.visit.step)
        }
        let calls = record.notes.reduce(into: RecordedCalls()) { $0.add($1.calls) }
        let effects = RecordedEffects(ledger: calls.effects, reads: calls.reads, failures: calls.failures)
        let runtime = ShadowRuntime<Record>(record, effects: effects)
        let segment = SegmentWorkflow([step.number: step], interrupts: domain.interrupts)
        clock = VirtualClock(record.notes[0].at)
        engine = inMemoryEngine([segment.workflow], segment.activities(runtime), on: clock)
        (self.domain, self.plan, self.record, self.step, self.runtime) = (domain, plan, record, step, runtime)
        workflowID = SegmentID(entity: record.visit.entity, epoch: 1).description
    }

    private mutating func follow() async throws -> ShadowResult {
        try await start()
        var control = ControlTrail(record)
        var last: Event?
        for note in record.notes {
            if let event = note.told, !control.knows(event) {
                // What comes at the moment of a timer comes before it.
                try await advance(to: Timestamp(milliseconds: note.at.milliseconds - 1))
                if isUnderWay { try compareWait(before: event, control.standings, at: note.at) }
                // From here on the owner does what no step does.
                guard step.events.contains(event.kind) else { return try result(control.standing, standing, isOver: false) }
                if isUnderWay { last = event }
                try await tell(event, at: note.at)
            }
            control.add(note)
        }
        try await advance(to: record.endedAt + Self.patience)
        return try await conclude(control, after: last)
    }

    private mutating func start() async throws {
        let began = record.notes[0].at
        let entry = StepEntry(
            state: record.beginning.state, createdAt: record.beginning.createdAt, enteredAt: began, heardAt: began)
        let input = SegmentInput(entity: record.visit.entity, epoch: 1, steps: [step.number], record: record.record, entry: entry)
        try await engine.startOnce(
            workflowID: workflowID, type: SegmentWorkflow<Record>.type, input: try JSONValue(encoding: input))
        try await advance(to: began)
    }

    private mutating func tell(_ event: Event, at now: Timestamp) async throws {
        let name = "\(event.source)/\(event.id)"
        clock.set(to: now)
        try await engine.signal(workflowID: workflowID, signal: try domain.signal(name, of: event))
        try await advance(to: now)
    }

    /// False once the code has ended, or has asked for what nobody can answer.
    private var isUnderWay: Bool { runtime.trail.end == nil && !isStopped }
    private var isStopped: Bool { !runtime.effects.missingCalls.isEmpty || !runtime.effects.missingReads.isEmpty }

    private mutating func advance(to moment: Timestamp) async throws {
        while isUnderWay, let due = try await engine.nextDue(), due <= moment {
            work += 1
            guard work < Self.mostWork else { throw EndlessShadow(visit: record.visit) }
            clock.set(to: max(due, record.notes[0].at))
            guard try await engine.runNext() else { return }
        }
    }

    /// Where the code stands: at its last wait point, or where it began.
    private var standing: ShadowStanding {
        var standing = runtime.trail.standings.last
        standing.ledger = runtime.trail.ledger
        return standing
    }

    private mutating func compareWait(before event: Event, _ control: StandingHistory, at now: Timestamp) throws {
        waits += 1
        differences += try judgement.differences(
            at: "wait \(waits), before \(event.kind)", control, runtime.trail.standings, at: now, tolerance: Self.tolerance,
            plan.comparator(of: step.number, at: record.endedAt))
    }
}

// MARK: - How it ends

extension ShadowRun {
    private func conclude(_ control: ControlTrail, after last: Event?) async throws -> ShadowResult {
        var (left, right) = (control.standing, standing)
        guard let end = runtime.trail.end else { return try result(left, right, isOver: false) }
        right.state = end.state ?? right.state
        right.record = end.record
        if case .failed(let reason) = end.how { return try failed(reason, left, right) }
        if let last, try mustGoOn(end), let after = try await goOn(from: right, with: last) {
            right = after
            left.ledger += control.ofLaterSteps
        }
        return try result(left, right, isOver: true)
    }

    /// True when legacy cannot stop where the code has ended: what has completed the step is what legacy goes on with.
    private func mustGoOn(_ end: StepEnd) throws -> Bool {
        let state = end.state ?? standing.state
        let place = try domain.side.table.place(of: state)
        return state == standing.state && place.step == step.number && place.completed == nil && !place.isFinal
    }

    /// What legacy makes of the event that has completed the step; nil for a machine that is elsewhere.
    private func goOn(from standing: ShadowStanding, with event: Event) async throws -> ShadowStanding? {
        guard case .inProcess(let legacy) = domain.side else { return nil }
        let now = record.endedAt
        let times = RecordTimes(
            createdAt: record.beginning.createdAt, stepEnteredAt: record.notes[0].at, lastEventAt: now, lastSweptAt: now)
        let body = RecordBody(text: standing.record.canonicalText)
        for attempt in 1...Self.mostAttempts {
            let session = runtime.session(attempt: attempt, at: now)
            let result = try await legacy.handle(
                event, in: standing.state, record: body, times: times, attempt: attempt, effects: session)
            runtime.note(session)
            if case .retry = result.handling { continue }
            return try after(result, from: standing)
        }
        throw EndlessShadow(visit: record.visit)
    }

    private func after(_ result: LegacyResult, from standing: ShadowStanding) throws -> ShadowStanding {
        var after = standing
        after.ledger = runtime.trail.ledger
        switch result.handling {
        case .moved(let to), .exhausted(let to, _): after.state = to
        case .ignored, .undefined, .retry, .failed: break
        }
        if let body = result.record { after.record = try JSONValue(parsing: body.text()) }
        return after
    }

    private func failed(_ reason: String, _ control: ShadowStanding, _ candidate: ShadowStanding) throws -> ShadowResult {
        guard !isStopped else { return try result(control, candidate, isOver: false) }
        var result = base(.mismatched)
        result.differences = [
            Difference(
                layer: .outcome, kind: .changed, path: "end", control: .string(control.state), candidate: .string("failed: \(reason)"))
        ]
        return result
    }

    /// Compares what both have come to.
    private func result(_ control: ShadowStanding, _ candidate: ShadowStanding, isOver: Bool) throws -> ShadowResult {
        if let read = runtime.effects.missingReads.first {
            var result = base(.incomparable)
            result.reason = "the durable code asks \(read.operation), which the owner has not asked, so its answer is unknown"
            return result
        }
        guard runtime.effects.missingCalls.isEmpty else { return stopped() }
        let comparator = plan.comparator(of: step.number, at: record.endedAt)
        let comparison = comparator.compare(
            control: try judgement.observation("legacy", control, isOver: isOver),
            candidate: try judgement.observation("durable", candidate, isOver: isOver))
        let all = Comparison(entity: record.visit.entity, differences: differences + comparison.differences)
        var result = base(ShadowResult.Verdict(all.verdict))
        result.differences = all.differences
        return result
    }

    /// The code wants something done that the owner never did. Nothing after that can be compared.
    private func stopped() -> ShadowResult {
        var result = base(.mismatched)
        result.differences =
            differences
            + runtime.effects.missingCalls.prefix(1).map { call in
                Difference(layer: .effects, kind: .extra, path: call.key.path, candidate: call.request)
            }
        return result
    }

    private func base(_ verdict: ShadowResult.Verdict) -> ShadowResult { ShadowResult(record, verdict, runtime.effects) }

    private var judgement: ShadowJudgement<State, Record> { ShadowJudgement(domain: domain, visit: record.visit) }
}
