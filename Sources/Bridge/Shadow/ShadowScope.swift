import Cutover
import DurableWorkflow
import Events
import HybridRouter
import Outcomes
import ShadowComparator

/// One commit of the owner, as the shadow is told of it. It is made of what is in memory anyway: on the owner's way nothing is encoded.
struct ObservedCommit: Sendable {
    let before: EntitySnapshot
    let after: EntitySnapshot
    let transaction: EntityTransaction
    /// The event that was handled.
    let event: Event?
}

/// Which commits are of interest to the shadow, and what they mean for it.
struct ShadowScope: Sendable {
    private let plan: MigrationPlan
    private let shadowed: Set<StepNumber>
    private let events: [StepNumber: Set<EventKind>]
    private let adopts: [StepNumber: Set<String>]
    private let interrupts: Set<EventKind>

    init(plan: MigrationPlan, steps: [DurableStep<some Codable & Sendable>], interrupts: Set<EventKind>) {
        self.plan = plan
        shadowed = plan.shadowed.intersection(steps.map(\.number))
        events = Dictionary(steps.map { ($0.number, $0.events) }, uniquingKeysWith: { first, _ in first })
        adopts = Dictionary(steps.map { ($0.number, $0.adopts) }, uniquingKeysWith: { first, _ in first })
        self.interrupts = interrupts
    }

    /// False when no step is shadowed.
    var isEmpty: Bool { shadowed.isEmpty }

    /// The shadowed step that the entity is in, or is about to begin because the one before it is complete.
    func step(of entity: EntitySnapshot) -> StepNumber? {
        let ownership = entity.ownership
        guard ownership.owner == .legacy, !entity.record.isFinal else { return nil }
        let step = ownership.passed.map { plan.next(after: $0, for: ownership) } ?? ownership.step
        return step.flatMap { shadowed.contains($0) ? $0 : nil }
    }

    /// The visit that the entity is in; nil when its step is not shadowed.
    private func visit(of entity: EntitySnapshot) -> ShadowVisit? {
        step(of: entity).map { ShadowVisit(entity: entity.ownership.entity, step: $0, number: entity.ownership.visit(of: $0)) }
    }

    /// What a commit means for the visits that it is part of, which it begins, goes on with or ends.
    func notes(of commit: ObservedCommit) throws -> [ShadowNote] {
        let (before, after) = (visit(of: commit.before), visit(of: commit.after))
        var notes: [ShadowNote] = []
        if let before {
            if commit.before.record.version == 1, before.step == plan.steps.first?.number {
                notes.append(try beginning(of: before, at: commit.before, nil, commit.before.record.createdAt))
            }
            notes.append(try part(of: before, commit, isLast: before != after))
        }
        if let after, after != before, let state = beginningState(of: after, commit.after) {
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
        if record.body != commit.before.record.body { note.record = try JSONValue(parsing: record.body.text()) }
        if let event = commit.event, isTold(event, of: visit.step), transaction.moves.contains(where: \.isHandling) { note.told = event }
        return note
    }

    private func isTold(_ event: Event, of step: StepNumber) -> Bool {
        event.isFromOutside && (events[step]?.contains(event.kind) == true || interrupts.contains(event.kind))
    }
}

extension Move {
    /// True when the owner's machine was given an event, whatever it made of it.
    fileprivate var isHandling: Bool {
        switch self {
        case .handled, .exhausted, .ignored, .undefined, .retried, .deadLettered, .delegated: true
        default: false
        }
    }
}
