import Events
public import Outcomes
import ShadowComparator

/// What is judged: the program, the machine's table, and what the plan says of differences. A change of any makes evidence stale.
public struct EvidenceVersion: Hashable, Sendable, Codable {
    /// Names the program's build.
    public var build: String
    /// Names the machine's table.
    public var machine: String
    /// Names which steps durable runs, what they announce, and who answers what belongs to no step.
    public var plan: String
    /// Names what somebody has signed for, by step.
    public var rules: [StepNumber: String]

    /// A version.
    public init(build: String, machine: String, plan: MigrationPlan) {
        self.build = build
        self.machine = machine
        self.plan = plan.digestOfPromises
        rules = Dictionary(plan.steps.map { ($0.number, $0.digestOfRules) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is judged at one step, as one name.
    public func name(for step: StepNumber) -> String {
        StableHash.hexadecimal([build, machine, plan, rules[step] ?? ""].joined(separator: " "))
    }
}

extension MigrationPlan {
    /// Names which steps durable runs, what they announce and who answers what belongs to no step. Titles, the version and the percentage of a canary do not matter: they
    /// change nothing for a case that durable runs.
    var digestOfPromises: String {
        let lines = steps.map { step in
            ([step.number.description, step.stage.isMoved ? "durable" : "legacy"] + step.announces.map(\.description)).joined(
                separator: "\u{1F}")
        }
        let answering = interrupts == .legacy ? [] : ["interrupts \(interrupts.rawValue)"]
        return StableHash.hexadecimal((lines + answering).joined(separator: "\u{1E}"))
    }
}

extension PlannedStep {
    fileprivate var digestOfRules: String {
        rules.isEmpty ? "" : StableHash.hexadecimal(rules.map(\.words).joined(separator: "\u{1E}"))
    }
}

/// One compared case: an entity that durable has taken through steps.
public struct EvidenceCase: Hashable, Sendable, Codable {
    /// Names the case: the same deliveries of the same entity are the same case, and count once.
    public var id: String
    /// The steps that durable has run, with the class of the path through each.
    public var steps: [StepNumber: String]
    /// The whole paths, by step, as names.
    public var paths: [StepNumber: String]
    /// True when it differs in a way that nothing explains. It counts against all its steps: an outcome does not say whose fault it is.
    public var isMismatch: Bool

    /// A case.
    public init(id: String, steps: [StepNumber: String], paths: [StepNumber: String], isMismatch: Bool) {
        self.id = id
        self.steps = steps
        self.paths = paths
        self.isMismatch = isMismatch
    }
}
