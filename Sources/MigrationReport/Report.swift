public import Cutover
public import Events
public import Outcomes
public import ShadowComparator

/// Where a migration stands: one value that all renderers print; its JSON form is the machine-readable report.
public struct Report: Codable, Hashable, Sendable {
    /// What the report is about, for example `A2P registration`.
    public var title: String
    /// When it was made.
    public var generatedAt: Timestamp
    /// The plan and how far its steps got.
    public var plan: PlanProgress
    /// The runs it speaks of, the candidate's last.
    public var runs: [RunFigures]
    /// What the comparison of the paths found; nil when nothing was compared.
    public var comparison: ComparisonSummary?
    /// The mismatched entities in full.
    public var mismatches: [MismatchDetail]
    /// What durable did with the mismatched entities, and with those that were asked for.
    public var segments: [SegmentAudit]
    /// The legacy machine's matrix with what was taken of it.
    public var matrix: MatrixView?
    /// What the steps of the plan cost whose cost was measured, as rows of the table and as durable code.
    public var costs: [StepCost]
    /// What the evidence for the moved steps comes to; nil when no evidence file was given, and every gate is closed.
    public var evidence: EvidenceSummary?
    /// Whether the next step may move, and why.
    public private(set) var verdict: ReportVerdict

    /// A report; the verdict follows from the rest.
    public init(
        title: String, generatedAt: Timestamp, plan: PlanProgress, runs: [RunFigures], comparison: ComparisonSummary? = nil,
        mismatches: [MismatchDetail] = [], segments: [SegmentAudit] = [], matrix: MatrixView? = nil,
        costs: [StepCost] = [], evidence: EvidenceSummary? = nil
    ) {
        self.title = title
        self.generatedAt = generatedAt
        self.plan = plan
        self.runs = runs
        self.comparison = comparison
        self.mismatches = mismatches
        self.segments = segments
        self.matrix = matrix
        self.costs = costs
        self.evidence = evidence
        verdict = ReportVerdict(run: runs.last, comparison: comparison, matrix: matrix, evidence: evidence)
    }
}

/// A plan and how far its steps got.
public struct PlanProgress: Codable, Hashable, Sendable {
    /// The plan's name.
    public var name: String
    /// The plan's version.
    public var version: Int
    /// Its steps in order.
    public var steps: [StepProgress]

    /// A plan with the figures of its steps; a step without figures has zeros.
    public init(_ plan: MigrationPlan, figures: [StepNumber: StepFigures] = [:]) {
        name = plan.name
        version = plan.version
        steps = plan.steps.map { StepProgress($0, figures: figures[$0.number] ?? StepFigures()) }
    }
}

/// What happened at one step.
public struct StepFigures: Codable, Hashable, Sendable {
    /// How often it was entered: one for each visit of an entity.
    public var entered = 0
    /// How often it was completed: once for each visit at most.
    public var completed = 0
    /// How often an entity was handed to durable here.
    public var handOffs = 0
    /// How often an entity was handed back from here.
    public var handBacks = 0
    /// Mean time of a visit that ended, in hours; nil when none has.
    public var meanHours: Double?

    /// No figures.
    public init() {}

    /// Figures.
    public init(entered: Int, completed: Int, handOffs: Int = 0, handBacks: Int = 0, meanHours: Double? = nil) {
        self.entered = entered
        self.completed = completed
        self.handOffs = handOffs
        self.handBacks = handBacks
        self.meanHours = meanHours
    }
}

/// One step of the plan and where it stands.
public struct StepProgress: Codable, Hashable, Sendable {
    /// Its number.
    public var step: StepNumber
    /// What it does.
    public var title: String
    /// Its stage, as the plan writes it.
    public var stage: String
    /// Who runs it: `legacy`, `durable` or `durable for 10 %`.
    public var owner: String
    /// True when legacy has no such step.
    public var isAdded: Bool
    /// What happened there.
    public var figures: StepFigures

    /// A planned step with its figures.
    public init(_ planned: PlannedStep, figures: StepFigures) {
        step = planned.number
        title = planned.title
        stage = planned.stage.description
        isAdded = planned.isAdded
        self.figures = figures
        owner =
            switch planned.stage {
            case .legacy, .shadow: Owner.legacy.rawValue
            case .canary(let percent): "\(Owner.durable.rawValue) for \(percent) %"
            case .durable, .retired: Owner.durable.rawValue
            }
    }
}

/// The figures of one run over one set of entities.
public struct RunFigures: Codable, Hashable, Sendable {
    /// `legacy` or `hybrid`.
    public var mode: String
    /// How many entities there are.
    public var entities: Int
    /// Entities by business status.
    public var outcomes: [String: Int]
    /// Times an entity went from legacy to durable.
    public var handOffs: Int
    /// Times an entity came back.
    public var handBacks: Int
    /// Deliveries and events that are kept because they cannot be handled, by reason.
    public var deadLetters: [String: Int]
    /// Events that came after their step was finished.
    public var late: Int
    /// Times an event had to wait for its step or for the hand back.
    public var parked: Int
    /// Deliveries that were seen before.
    public var duplicates: Int
    /// Events of which nobody reads the type, by sender and type, for example `tcr BRAND_FEEDBACK`.
    public var unread: [String: Int]

    /// Figures; everything not given is zero.
    public init(
        mode: String, entities: Int, outcomes: [String: Int] = [:], handOffs: Int = 0, handBacks: Int = 0,
        deadLetters: [String: Int] = [:], late: Int = 0, parked: Int = 0, duplicates: Int = 0, unread: [String: Int] = [:]
    ) {
        self.mode = mode
        self.entities = entities
        self.outcomes = outcomes
        self.handOffs = handOffs
        self.handBacks = handBacks
        self.deadLetters = deadLetters
        self.late = late
        self.parked = parked
        self.duplicates = duplicates
        self.unread = unread
    }

    /// Figures from a run's counters as the store keeps them (`handOffs`, `handBacks`, `late`, `parked`, `duplicates`).
    public init(
        mode: String, entities: Int, outcomes: [String: Int], counters: [String: Int], deadLetters: [String: Int],
        unread: [String: Int] = [:]
    ) {
        self.init(
            mode: mode, entities: entities, outcomes: outcomes, handOffs: counters["handOffs"] ?? 0,
            handBacks: counters["handBacks"] ?? 0, deadLetters: deadLetters, late: counters["late"] ?? 0,
            parked: counters["parked"] ?? 0, duplicates: counters["duplicates"] ?? 0,
            unread: unread)
    }
}

/// Events of types that nobody reads.
public struct UnreadEvents: Sendable {
    /// `12 events of 3 types that nobody reads: tcr BRAND_FEEDBACK 6, …`; nil when there are none.
    public let sentence: String?
    /// The types that are named one by one, most frequent first, with their counts.
    let named: [(type: String, count: Int)]

    /// How many types are named; a sender that invents types must not fill a page.
    private static let most = 20

    /// The events of a run.
    public init(_ unread: [String: Int]) {
        let sorted = unread.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        named = sorted.prefix(Self.most).map { (type: $0.key, count: $0.value) }
        guard !sorted.isEmpty else {
            sentence = nil
            return
        }
        let events = Text.count(unread.values.reduce(0, +), "event", "events")
        let rest = sorted.count > named.count ? ", and more" : ""
        let list = named.map { "\($0.type) \(Text.number($0.count))" }.joined(separator: ", ")
        sentence = "\(events) of \(Text.count(sorted.count, "type", "types")) that nobody reads: \(list)\(rest)"
    }
}
