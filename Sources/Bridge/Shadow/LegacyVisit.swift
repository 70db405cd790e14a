import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// One visit to a step on the legacy machine alone, in memory and in virtual time: its queue, its retries and its cron job, until it
/// leaves the step.
///
/// It cannot reach a party: ``RecordedEffects`` is the only port that it can be made of.
struct LegacyVisit {
    /// More pieces of work in one visit are work without an end.
    private static var mostWork: Int { 10_000 }

    let effects: RecordedEffects
    /// Where it began, and where it has come to.
    private(set) var history: StandingHistory
    /// True once the machine has left the step.
    private(set) var isOver = false
    private let legacy: any LegacyRuntime
    private let visit: ShadowVisit
    private let began: String
    private let completions: [StepNumber: Int]
    private var times: RecordTimes
    private var queue = EventQueue(visibilityTimeout: .days(36_525))
    private var events: [Event] = []
    private var now: Timestamp
    private var work = 0

    /// A visit that begins where `record` does. Where the step before is complete, the machine is told to go on.
    init(_ record: ShadowRecord, on legacy: any LegacyRuntime, effects: RecordedEffects) throws {
        let (first, beginning) = (record.notes[0], record.beginning)
        let times = beginning.times ?? ShadowNote.Times(stepEnteredAt: first.at, lastEventAt: first.at, lastSweptAt: first.at)
        (self.legacy, self.effects, visit, completions) = (legacy, effects, record.visit, beginning.completions)
        (history, began, now) = (StandingHistory(record), first.state, first.at)
        self.times = RecordTimes(
            createdAt: beginning.createdAt, stepEnteredAt: times.stepEnteredAt, lastEventAt: times.lastEventAt,
            lastSweptAt: times.lastSweptAt)
        guard try legacy.place(of: began).completed != nil else { return }
        let id = EventID("continue/\(visit.entity)/shadow")
        tell(Event(id: id, source: .lockstep, entity: visit.entity, kind: .continue, receivedAt: now), at: now)
    }

    /// Where the machine stands.
    var standing: ShadowStanding { history.last }

    /// False once the machine has left the step, or has asked for what nobody can answer.
    var isUnderWay: Bool { !isOver && !isStopped }
    /// True when it has asked for what nobody can answer.
    var isStopped: Bool { !effects.missingCalls.isEmpty || !effects.missingReads.isEmpty }

    /// Puts an event into the machine's queue.
    mutating func tell(_ event: Event, at moment: Timestamp) {
        events.append(event)
        let priority = event.kind == .continue ? 0 : 1
        queue.enqueue(QueueMessage(sequence: events.count - 1, entity: visit.entity, priority: priority, visibleAt: moment))
    }

    /// Does what is due until `moment`.
    mutating func advance(to moment: Timestamp) async throws {
        while isUnderWay {
            work += 1
            guard work < Self.mostWork else { throw EndlessShadow(visit: visit) }
            let visible = queue.nextVisible
            let sweep = try legacy.nextDue(for: times, in: standing.state).map { max($0, now).nextHour }
            guard let next = [visible, sweep].compactMap({ $0 }).min(), next <= moment else { break }
            now = max(now, next)
            if let message = queue.claim(at: now) { try await handle(message) } else { try self.sweep() }
        }
        now = max(now, moment)
    }

    private mutating func sweep() throws {
        let due = try legacy.timers(for: times, in: standing.state, at: now)
        times.lastSweptAt = now
        for timer in due {
            let id = EventID("sweep/\(visit.entity)/\(timer.name)/\(now.milliseconds)")
            let payload = timer.payload(state: standing.state, times)
            let event = Event(id: id, source: .timer, entity: visit.entity, kind: timer.emits, payload: payload, receivedAt: now)
            tell(event, at: now)
        }
    }

    private mutating func handle(_ message: QueueMessage) async throws {
        let event = events[message.sequence]
        let session = EffectSession(
            entity: visit.entity, now: now, owner: .legacy, epoch: 1, attempt: message.attempt, completions: completions,
            ledger: TrailLedger(entries: standing.ledger), port: effects)
        let body = RecordBody(text: standing.record.canonicalText)
        let result = try await legacy.handle(
            event, in: standing.state, record: body, times: times, attempt: message.attempt, effects: session)
        var after = standing
        after.ledger += session.entries
        guard !isStopped else { return history.add(after, at: now) }
        switch result.handling {
        case .retry(let wait, _): queue.retry(message.sequence, at: now + wait)
        case .moved(let to), .exhausted(let to, _):
            try move(&after, to: to, event)
            if let body = result.record { after.record = try JSONValue(parsing: body.text()) }
            queue.complete(message.sequence)
        case .ignored, .undefined, .failed: queue.complete(message.sequence)
        }
        history.add(after, at: now)
    }

    private mutating func move(_ standing: inout ShadowStanding, to state: String, _ event: Event) throws {
        let (before, place) = (try legacy.place(of: standing.state), try legacy.place(of: state))
        if let step = place.step, step != before.step ?? visit.step { times.stepEnteredAt = now }
        if event.source != .timer { times.lastEventAt = now }
        standing.state = state
        let isElsewhere = place.completed == visit.step || place.step.map { $0 != visit.step } ?? false
        isOver = place.isFinal || state != began && isElsewhere
    }
}
