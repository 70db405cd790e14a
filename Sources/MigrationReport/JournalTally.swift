public import Cutover
import Events
public import HybridRouter

/// Counts what the audits of many entities tell: who entered and completed which step, how long it took, which cells were taken.
///
/// It reads the details that the bridge writes: `A -> B`, `handled in A`, `ignored in A: …`, `undefined in A`, `steps 5.2 to
/// segment …` of a hand off, `completed 5.2` and `step 5.2 interrupted by …` of a hand back.
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
    private let first: StepNumber?
    private let stepOfState: [String: StepNumber]
    private let completing: Set<String>

    /// A tally for `plan`. `stepOfState` is the step each legacy state belongs to, `completing` the states in which it is complete.
    public init(plan: MigrationPlan, stepOfState: [String: String], completing: Set<String>) {
        first = plan.steps.first?.number
        self.stepOfState = stepOfState.compactMapValues { StepNumber($0) }
        self.completing = completing
    }

    /// The figures by step, for ``PlanProgress``.
    public var figures: [StepNumber: StepFigures] {
        visits.mapValues { visits in
            StepFigures(
                entered: visits.entered, completed: visits.completed, handOffs: visits.handOffs, handBacks: visits.handBacks,
                meanHours: visits.ended == 0 ? nil : Double(visits.milliseconds) / Double(visits.ended) / 3_600_000)
        }
    }

    /// Counts one entity's whole audit.
    public mutating func add(_ journal: [JournalEntry]) {
        guard let begin = journal.first, let first else { return }
        var walk = Walk()
        enter(first, &walk, at: begin.at)
        for entry in journal {
            switch entry.what {
            case "hand off": handOff(entry, &walk)
            case "hand back": handBack(entry, &walk)
            default: step(entry, &walk)
            }
        }
    }

    /// One entity's way through the steps.
    private struct Walk {
        var current: StepNumber?
        var since = Timestamp.distantPast
        var entered: Set<StepNumber> = []
        var completed: Set<StepNumber> = []
    }

    private mutating func enter(_ step: StepNumber, _ walk: inout Walk, at now: Timestamp) {
        walk.current = step
        walk.since = now
        if walk.entered.insert(step).inserted { visits[step, default: Visits()].entered += 1 }
    }

    private mutating func leave(_ walk: inout Walk, completing isComplete: Bool, at now: Timestamp) {
        guard let step = walk.current else { return }
        walk.current = nil
        visits[step, default: Visits()].ended += 1
        visits[step, default: Visits()].milliseconds += (now - walk.since).milliseconds
        if isComplete, walk.completed.insert(step).inserted { visits[step, default: Visits()].completed += 1 }
    }

    private mutating func handOff(_ entry: JournalEntry, _ walk: inout Walk) {
        guard let step = Self.steps(in: entry.detail).first else { return }
        leave(&walk, completing: true, at: entry.at)
        enter(step, &walk, at: entry.at)
        visits[step, default: Visits()].handOffs += 1
    }

    private mutating func handBack(_ entry: JournalEntry, _ walk: inout Walk) {
        let completed = entry.detail.hasPrefix("completed ") ? Self.steps(in: entry.detail) : []
        if let step = completed.last ?? walk.current { visits[step, default: Visits()].handBacks += 1 }
        leave(&walk, completing: !completed.isEmpty, at: entry.at)
        for step in completed where walk.completed.insert(step).inserted {
            if walk.entered.insert(step).inserted { visits[step, default: Visits()].entered += 1 }
            visits[step, default: Visits()].completed += 1
        }
    }

    private mutating func step(_ entry: JournalEntry, _ walk: inout Walk) {
        guard let (from, to) = Self.states(in: entry.detail) else { return }
        taken[from, default: [:]][entry.what, default: 0] += 1
        guard from != to, let step = stepOfState[to] else { return }
        if step != walk.current, !walk.completed.contains(step) || !completing.contains(to) {
            leave(&walk, completing: walk.current.map { $0 < step } ?? false, at: entry.at)
            enter(step, &walk, at: entry.at)
        }
        if completing.contains(to), walk.current == step { leave(&walk, completing: true, at: entry.at) }
    }

    /// The states before and after; nil for a detail that is about no state.
    private static func states(in detail: String) -> (String, String)? {
        let words = detail.split(separator: " ")
        if words.count == 3, words[1] == "->" { return (String(words[0]), String(words[2])) }
        guard words.count >= 3, words[1] == "in", ["handled", "ignored", "undefined"].contains(words[0]) else { return nil }
        let state = String(words[2].prefix { $0 != ":" })
        return (state, state)
    }

    /// The step numbers in front of any other words: `steps 5.2, 6 to segment …` and `completed 5.2, 6`.
    private static func steps(in detail: String) -> [StepNumber] {
        detail.split(whereSeparator: { $0 == " " || $0 == "," }).dropFirst().prefix { StepNumber(String($0)) != nil }
            .compactMap { StepNumber(String($0)) }
    }
}
