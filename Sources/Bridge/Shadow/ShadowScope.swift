import Cutover
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// One commit of the owner, as the shadow is told of it. It is made of what is in memory anyway: on the owner's way nothing is encoded.
struct ObservedCommit: Sendable {
    let before: EntitySnapshot
    let after: EntitySnapshot
    let transaction: EntityTransaction
    /// The event that was handled.
    let event: Event?
    /// Who was told of it, see ``SegmentNote/desk``.
    var desk = ""
    /// True when something of the entity was left out before it.
    var isAfterGap = false
}

/// Which commits are of interest to the shadow, and what they mean for it.
struct ShadowScope: Sendable {
    private let plan: MigrationPlan
    private let shadowed: Set<StepNumber>
    private let followed: Set<StepNumber>
    private let legacy: any LegacyTable
    private let events: [StepNumber: Set<EventKind>]
    private let adopts: [StepNumber: Set<String>]
    private let interrupts: Set<EventKind>
    private let freeText: Set<String>
    private let version: EvidenceVersion?

    init<Record>(
        _ domain: Domain<some MachineState, Record>, _ plan: MigrationPlan, legacy: any LegacyTable, version: EvidenceVersion?
    ) {
        self.version = version
        let steps = domain.durableSteps
        self.plan = plan
        followed = plan.followed
        self.legacy = legacy
        shadowed = plan.shadowed.intersection(steps.map(\.number))
        events = Dictionary(steps.map { ($0.number, $0.events) }, uniquingKeysWith: { first, _ in first })
        adopts = Dictionary(steps.map { ($0.number, $0.adopts) }, uniquingKeysWith: { first, _ in first })
        interrupts = domain.interrupts
        freeText = domain.freeText
    }

    /// True when nobody follows in any step.
    var isEmpty: Bool { shadowed.isEmpty && followed.isEmpty }

    /// The step that the entity is in, or is about to begin because the one before it is complete, when somebody follows there.
    func step(of entity: EntitySnapshot) -> StepNumber? {
        let ownership = entity.ownership
        guard !entity.record.isFinal else { return nil }
        if ownership.owner == .durable { return followed.contains(ownership.step) ? ownership.step : nil }
        let step = ownership.passed.map { plan.next(after: $0, for: ownership) } ?? ownership.step
        return step.flatMap { shadowed.contains($0) ? $0 : nil }
    }

    /// The visit that the entity is in; nil when nobody follows in its step.
    private func visit(of entity: EntitySnapshot) -> ShadowVisit? {
        let ownership = entity.ownership
        return step(of: entity).map { step in
            ShadowVisit(
                entity: ownership.entity, step: step, number: ownership.visit(of: step),
                follower: ownership.owner == .legacy ? .durable : .legacy)
        }
    }

    /// What a commit means for the visits that it is part of, which it begins, goes on with or ends.
    func notes(of commit: ObservedCommit) throws -> [ShadowNote] {
        let (before, after) = (visit(of: commit.before), visit(of: commit.after))
        var notes: [ShadowNote] = []
        if let before {
            if before.follower == .durable, commit.before.record.version == 1, before.step == plan.steps.first?.number {
                notes.append(try beginning(of: before, at: commit.before, nil, commit.before.record.createdAt))
            }
            notes.append(try part(of: before, commit, isLast: before != after))
        }
        guard let after, after != before else { return notes }
        if after.follower == .legacy {
            if let note = try beginning(ofSegment: after, commit) { notes.append(note) }
        } else if let state = beginningState(of: after, commit.after) {
            notes.append(try beginning(of: after, at: commit.after, state, commit.transaction.at))
        }
        return notes
    }

    /// Where the durable code of a step begins for the entity: `.some(nil)` at its beginning, nil when it cannot begin there.
    private func beginningState(of visit: ShadowVisit, _ entity: EntitySnapshot) -> String?? {
        guard entity.ownership.passed == nil else { return .some(nil) }
        return adopts[visit.step]?.contains(entity.record.state) == true ? entity.record.state : nil
    }

    private func beginning(
        of visit: ShadowVisit, at entity: EntitySnapshot, _ state: String?, _ now: Timestamp
    ) throws -> ShadowNote {
        let record = entity.record
        var note = ShadowNote(visit: visit, at: now, from: record.version, to: record.version, state: record.state)
        note.record = try JSONValue(parsing: record.body.text())
        note.beginning = ShadowNote.Beginning(
            state: state, createdAt: record.createdAt, completions: entity.ownership.completions)
        return note
    }

    private func part(of visit: ShadowVisit, _ commit: ObservedCommit, isLast: Bool) throws -> ShadowNote {
        let (transaction, record) = (commit.transaction, commit.after.record)
        var note = ShadowNote(visit: visit, at: transaction.at, from: commit.before.record.version, to: record.version, state: record.state)
        note.calls = RecordedCalls(effects: transaction.effects, reads: transaction.reads, failures: transaction.failures)
        note.isFinal = record.isFinal
        note.isLast = isLast
        if visit.follower == .legacy { try add(commit, to: &note) }
        if record.body != commit.before.record.body { note.record = try JSONValue(parsing: record.body.text()) }
        if let event = commit.event, visit.follower == .durable, isTold(event, of: visit.step),
            transaction.moves.contains(where: \.isHandling)
        {
            note.told = event.without(freeText)
        }
        return note
    }

    private func isTold(_ event: Event, of step: StepNumber) -> Bool {
        event.isFromOutside && (events[step]?.contains(event.kind) == true || interrupts.contains(event.kind))
    }
}

// MARK: - Visits that legacy follows

extension ShadowScope {
    /// How legacy begins a visit where durable has begun it; nil for an entity that was moved into the middle of the step.
    private func beginning(ofSegment visit: ShadowVisit, _ commit: ObservedCommit) throws -> ShadowNote? {
        let isAdopted = commit.transaction.moves.contains { move in if case .adopted = move { true } else { false } }
        guard !isAdopted else { return nil }
        var note = try beginning(of: visit, at: commit.after, nil, commit.transaction.at)
        let record = commit.after.record
        note.beginning?.times = ShadowNote.Times(
            stepEnteredAt: record.stepEnteredAt, lastEventAt: record.lastEventAt, lastSweptAt: record.lastSweptAt)
        note.segment = SegmentNote(desk: commit.desk, version: version?.name(for: visit.step))
        return note
    }

    /// What a segment's commit says beside what every commit says.
    private func add(_ commit: ObservedCommit, to note: inout ShadowNote) throws {
        let moves = commit.transaction.moves
        var segment = SegmentNote(desk: commit.desk, version: version?.name(for: note.visit.step))
        segment.isAfterGap = commit.isAfterGap
        segment.isWritten = commit.transaction.record != nil
        segment.used = moves.flatMap(\.used)
        if note.isLast { segment.end = try end(of: note.visit, commit) }
        if let event = commit.event, event.isFromOutside, let row = moves.compactMap(\.told).first {
            (note.told, segment.row) = (event.without(freeText), row)
        }
        note.segment = segment
    }

    private func end(of visit: ShadowVisit, _ commit: ObservedCommit) throws -> SegmentNote.End {
        let state = commit.after.record.state
        let place = try legacy.place(of: state)
        let isWithin = commit.after.ownership.owner == .legacy && state == commit.before.record.state && !place.isFinal
        for move in commit.transaction.moves {
            switch move {
            case .failed(_, let reason): return .failed(reason: reason)
            case .recalled: return .recalled
            case .interrupted(visit.step, let kind, _) where isWithin: return .givenBack(kind)
            default: continue
            }
        }
        return .left
    }
}

extension Move {
    /// The row of the event that a segment is told.
    fileprivate var told: Int? {
        guard case .signalled(let row) = self else { return nil }
        return row.sequence
    }

    /// True when the owner's machine was given an event, whatever it made of it.
    fileprivate var isHandling: Bool {
        switch self {
        case .handled, .exhausted, .ignored, .undefined, .retried, .deadLettered, .delegated: true
        default: false
        }
    }
}
