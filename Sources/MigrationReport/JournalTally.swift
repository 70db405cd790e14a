import Events
public import HybridRouter
public import Outcomes

/// Folds the moves of many entities into figures: who visited and completed which step, how long it took, which cells were taken.
public struct JournalTally: Sendable {
    private struct Visits {
        var entered = 0
        var completed = 0
        var handOffs = 0
        var handBacks = 0
        var ended = 0
        var milliseconds: Int64 = 0
    }

    /// How often an event met a state, by state and event.
    public private(set) var taken: [String: [String: Int]] = [:]
    private var visits: [StepNumber: Visits] = [:]
    private let completing: [String: StepNumber]

    /// A tally. `completing` are states in which the process comes to rest and a step counts as complete although the state is no
    /// boundary; each counts once for an entity.
    public init(completing: [String: StepNumber] = [:]) { self.completing = completing }

    /// The figures by step, for ``PlanProgress``.
    public var figures: [StepNumber: StepFigures] { visits.mapValues(Self.figures) }

    private static func figures(_ visits: Visits) -> StepFigures {
        let mean = visits.ended == 0 ? nil : Double(visits.milliseconds) / Double(visits.ended) / 3_600_000
        return StepFigures(
            entered: visits.entered, completed: visits.completed, handOffs: visits.handOffs, handBacks: visits.handBacks, meanHours: mean)
    }

    /// Counts one entity's whole audit.
    public mutating func add(_ journal: [JournalEntry]) {
        var walk = Walk()
        for entry in journal { add(entry, &walk) }
    }

    /// One entity's way through the steps.
    private struct Walk {
        var current: StepNumber?
        var left: StepNumber?
        var since = Timestamp.distantPast
        var completions: [StepNumber: Int] = [:]
        var entered: [StepNumber: Int] = [:]
        var rested: Set<String> = []
    }

    private mutating func add(_ entry: JournalEntry, _ walk: inout Walk) {
        if let (event, from, to) = entry.move.transition {
            taken[from, default: [:]][event.rawValue, default: 0] += 1
            if from != to, let step = completing[to], walk.rested.insert(to).inserted { complete(step, &walk, at: entry.at) }
        }
        switch entry.move {
        case .born(let step, _), .wentOn(let step): enter(step, &walk, at: entry.at)
        case .entered(let step, _, _), .adopted(let step, _): if step != walk.current { enter(step, &walk, at: entry.at) }
        // A state that completes the step may have told of this visit before.
        case .completed(let step, let visit, _): if walk.completions[step] ?? 0 < visit { complete(step, &walk, at: entry.at) }
        case .interrupted(let step, _, _):
            leave(&walk, at: entry.at)
            walk.left = step
        case .handedOff(let steps):
            guard let step = steps.first else { return }
            enter(step, &walk, at: entry.at)
            visits[step, default: Visits()].handOffs += 1
        case .handedBack: if let step = walk.left { visits[step, default: Visits()].handBacks += 1 }
        default: break
        }
    }

    /// A visit that was interrupted and taken up again is one visit.
    private mutating func enter(_ step: StepNumber, _ walk: inout Walk, at now: Timestamp) {
        leave(&walk, at: now)
        walk.current = step
        walk.since = now
        let visit = (walk.completions[step] ?? 0) + 1
        guard walk.entered[step] != visit else { return }
        walk.entered[step] = visit
        visits[step, default: Visits()].entered += 1
    }

    private mutating func leave(_ walk: inout Walk, at now: Timestamp) {
        guard let step = walk.current else { return }
        walk.current = nil
        visits[step, default: Visits()].ended += 1
        visits[step, default: Visits()].milliseconds += (now - walk.since).milliseconds
    }

    private mutating func complete(_ step: StepNumber, _ walk: inout Walk, at now: Timestamp) {
        if walk.current != step { enter(step, &walk, at: now) }
        leave(&walk, at: now)
        walk.completions[step, default: 0] += 1
        walk.left = step
        visits[step, default: Visits()].completed += 1
    }
}
