public import Events
public import Outcomes
public import ShadowComparator

/// What the exploration of one step came to.
public struct ExplorationEvidence: Hashable, Sendable, Codable {
    /// When it was made.
    public var at: Timestamp
    /// What was judged.
    public var version: EvidenceVersion
    /// The step.
    public var step: StepNumber
    /// What it came to.
    public var found: ExplorationFigures

    /// An exploration.
    public init(at: Timestamp, version: EvidenceVersion, step: StepNumber, found: ExplorationFigures) {
        self.at = at
        self.version = version
        self.step = step
        self.found = found
    }
}

/// The figures of an exploration. Within its bounds it has left out no schedule.
public struct ExplorationFigures: Codable, Hashable, Sendable {
    /// How far it went.
    public var bounds: ExplorationBounds
    /// The recordings that enter the step.
    public var recordings: Int
    /// Schedules that were walked one by one.
    public var executed: Int
    /// Schedules that those stand for.
    public var covered: Int
    /// Joint states that lead no further, because what comes next answers a call that one of the paths never makes.
    public var unanswerable: Int
    /// Pairs of ends with a difference that nothing explains.
    public var unexplained: Int
    /// What was found, a few words for each cause: what differs, and what changes something when it comes again.
    public var findings: [String]

    /// Figures.
    public init(
        bounds: ExplorationBounds, recordings: Int, executed: Int = 0, covered: Int = 0, unanswerable: Int = 0, unexplained: Int = 0,
        findings: [String] = []
    ) {
        self.bounds = bounds
        self.recordings = recordings
        self.executed = executed
        self.covered = covered
        self.unanswerable = unanswerable
        self.unexplained = unexplained
        self.findings = findings
    }

    /// The figures of a result, of so many recordings.
    public init(_ result: ExplorationResult, recordings: Int) {
        let causes = result.findings.map { "\($0.cause.step.map { "\($0)/" } ?? "")\($0.cause.first) \($0.cause.kind.rawValue)" }
        self.init(
            bounds: result.bounds, recordings: recordings, executed: result.executed, covered: Int(clamping: result.covered),
            unanswerable: result.unanswerable, unexplained: result.unexplained,
            findings: causes + result.repetitionsBrokenByHybridAlone.map { "\($0) again changes something" })
    }

    /// True when every schedule within the bounds could be walked to its end.
    public var isComplete: Bool { unanswerable == 0 }

    /// True when nothing was found.
    public var isClean: Bool { unexplained == 0 && findings.isEmpty }
}

/// The explorations of a step with one version. What one of them has found stays found.
public struct ExplorationScore: Codable, Hashable, Sendable {
    /// False for a program that cannot be explored.
    public private(set) var isNeeded: Bool
    /// True when the step was explored with another build, table, plan or rule alone.
    public private(set) var isStale: Bool
    /// The last exploration within each bounds, in the order in which these were first tried.
    public private(set) var rows: [ExplorationFigures]
    /// How many pairs of ends differ in a way that nothing explains, at most.
    public private(set) var unexplained: Int
    /// What was found.
    public private(set) var findings: [String]

    /// True when a recording was explored and nothing was found, or when there is no way to explore.
    public var isOpen: Bool { unexplained == 0 && findings.isEmpty && (!isNeeded || !rows.isEmpty) }

    init(_ explorations: [ExplorationEvidence], isTriedOtherwise: Bool, isNeeded: Bool) {
        let entered = explorations.map(\.found).filter { $0.recordings > 0 }
        self.isNeeded = isNeeded
        isStale = entered.isEmpty && isTriedOtherwise
        rows = entered.reduce(into: []) { rows, found in
            if let index = rows.firstIndex(where: { $0.bounds == found.bounds }) { rows[index] = found } else { rows.append(found) }
        }
        unexplained = entered.map(\.unexplained).max() ?? 0
        findings = entered.flatMap(\.findings).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// What keeps the gate of `step` closed, and what opens it.
    func reasons(of step: StepNumber) -> [String] {
        guard !isOpen else { return [] }
        if rows.isEmpty {
            let of = isStale ? " of this build, table, plan and rules" : ""
            return ["step \(step) has no exploration\(of); 'explore --evidence' makes one of recordings that enter it"]
        }
        let first = findings.first.map { ", the first is '\($0)'" } ?? ""
        return [
            "step \(step) has an exploration with \(unexplained.counted("pair")) of ends that nothing explains\(first); mend it, or announce it"
        ]
    }
}
