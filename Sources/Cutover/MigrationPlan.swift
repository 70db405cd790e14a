public import Events
public import HybridRouter
public import Outcomes
public import ShadowComparator

/// The rung a step stands on.
public enum Stage: Hashable, Sendable, CustomStringConvertible {
    /// Legacy runs it.
    case legacy
    /// Legacy runs it, and the durable code follows in its shadow: it is given the same events, reaches nobody, and is compared.
    case shadow
    /// Durable runs it for this percentage of entities, pinned by a stable hash of their ids.
    case canary(percent: Int)
    /// Durable runs it.
    case durable
    /// Durable runs it and the legacy code is gone.
    case retired

    /// True when durable runs it, for some entities or for all.
    public var isMoved: Bool { self != .legacy && self != .shadow }

    /// Reads `legacy`, `shadow`, `canary 10`, `durable`, `retired`; nil for anything else.
    public init?(_ text: String) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("legacy", 1): self = .legacy
        case ("shadow", 1): self = .shadow
        case ("durable", 1): self = .durable
        case ("retired", 1): self = .retired
        case ("canary", 2):
            guard let percent = Int(words[1]), (0...100).contains(percent) else { return nil }
            self = .canary(percent: percent)
        default: return nil
        }
    }

    /// The text form.
    public var description: String {
        switch self {
        case .legacy: "legacy"
        case .shadow: "shadow"
        case .canary(let percent): "canary \(percent)"
        case .durable: "durable"
        case .retired: "retired"
        }
    }
}

/// One step of a plan.
public struct PlannedStep: Hashable, Sendable {
    /// Its number.
    public var number: StepNumber
    /// What it does, in a few words.
    public var title: String
    /// Where it stands.
    public var stage: Stage
    /// True when legacy has no such step: the migration adds it.
    public var isAdded: Bool
    /// True when legacy follows in the shadow of durable: `shadow: legacy` in a plan's file. What is compared is said there, see
    /// ``MigrationPlan/followed``.
    public var isFollowed: Bool
    /// True when entities that were past the step as it was put in make up for it: `retroactive: true` in a plan's file. The step's code
    /// says where.
    public var isRetroactive: Bool
    /// What it promises to change.
    public var announces: [Announcement]
    /// Differences that somebody answers for.
    public var rules: [DifferenceRule]
    /// Bugs that nobody finds, and that somebody answers for.
    public var survivors: [SignedSurvivor]

    /// A step.
    public init(
        number: StepNumber, title: String, stage: Stage, isAdded: Bool = false, isFollowed: Bool = false, isRetroactive: Bool = false,
        announces: [Announcement] = [], rules: [DifferenceRule] = [],
        survivors: [SignedSurvivor] = []
    ) {
        self.number = number
        self.title = title
        self.stage = stage
        self.isAdded = isAdded
        self.isFollowed = isFollowed
        self.isRetroactive = isRetroactive
        self.announces = announces
        self.rules = rules
        self.survivors = survivors
    }
}

/// Which step stands on which stage.
public struct MigrationPlan: Hashable, Sendable {
    /// The plan's name.
    public var name: String
    /// Grows with every change.
    public var version: Int
    /// The steps, in order of their numbers.
    public var steps: [PlannedStep]
    /// Who answers what belongs to no step (cancel, override) while durable has the entity: legacy, which gets it back for that, or the
    /// durable code itself.
    public var interrupts: Owner

    /// A plan.
    public init(name: String, version: Int, steps: [PlannedStep], interrupts: Owner = .legacy) {
        self.name = name
        self.version = version
        self.steps = steps
        self.interrupts = interrupts
    }

    /// True when every step is retired: the run goes without the legacy machine.
    public var isWithoutLegacy: Bool { !steps.isEmpty && steps.allSatisfy { $0.stage == .retired } }

    /// True when the legacy code of `step` is gone.
    public func isRetired(_ step: StepNumber) -> Bool { planned(step)?.stage == .retired }

    /// True when legacy runs a step behind `step` for an entity.
    public func isLegacyAhead(of step: StepNumber, for ownership: Ownership) -> Bool {
        steps.contains { $0.number > step && owner(of: $0.number, for: ownership) == .legacy }
    }

    /// Who runs `step` for an entity; legacy for a step the plan does not have. A pin of the entity wins over durable and canary, but there
    /// is no legacy code to be pinned to when the step is retired.
    public func owner(of step: StepNumber, for ownership: Ownership) -> Owner {
        switch planned(step)?.stage {
        case nil, .legacy, .shadow: return .legacy
        case .retired: return .durable
        case .durable: return ownership.pins[step]?.owner ?? .durable
        case .canary(let percent):
            let isDrawn = StableHash.value("\(ownership.entity)/\(step)") % 100 < UInt64(percent)
            return ownership.pins[step]?.owner ?? (isDrawn ? .durable : .legacy)
        }
    }

    /// The step of that number.
    public func planned(_ step: StepNumber) -> PlannedStep? { steps.first { $0.number == step } }

    /// True when a decision about `step` is to be pinned to the entity, so that another percentage never flips it.
    public func isPinned(_ step: StepNumber) -> Bool {
        if case .canary? = planned(step)?.stage { true } else { false }
    }

    /// The step that follows `step` for an entity, nil after the last one. An added step that durable does not run for the entity is left
    /// out.
    public func next(after step: StepNumber, for ownership: Ownership) -> StepNumber? {
        steps.first { $0.number > step && exists($0, for: ownership) }?.number
    }

    /// The run of consecutive durable steps that begins at `step`.
    public func segment(from step: StepNumber, for ownership: Ownership) -> [StepNumber] {
        steps.filter { $0.number >= step && exists($0, for: ownership) }
            .map(\.number).prefix { owner(of: $0, for: ownership) == .durable }.map { $0 }
    }

    private func exists(_ step: PlannedStep, for ownership: Ownership) -> Bool {
        !step.isAdded || owner(of: step.number, for: ownership) == .durable
    }

    /// The plan while the migration is halted: legacy runs every step from its next boundary on, except for those that are retired.
    public func halted() -> MigrationPlan {
        var plan = self
        plan.name = "\(name), halted"
        for index in plan.steps.indices where plan.steps[index].stage != .retired {
            plan.steps[index].stage = .legacy
            plan.steps[index].isFollowed = false
        }
        return plan
    }

    /// The same process run by legacy alone: every step on stage legacy, added ones dropped.
    public func legacyOnly() -> MigrationPlan {
        var plan = self
        plan.name = "\(name), legacy alone"
        plan.interrupts = .legacy
        plan.steps = steps.filter { !$0.isAdded }.map { step in
            var step = step
            step.stage = .legacy
            step.isFollowed = false
            return step
        }
        return plan
    }

    /// What all steps that durable may run promise to change.
    public var announcements: [Announcement] { moved.flatMap(\.announces) }

    /// The differences that somebody answers for, of all steps that durable may run.
    public var rules: [DifferenceRule] { moved.flatMap(\.rules) }

    /// Where legacy drops what durable keeps, as those rules say.
    public var partings: [Parting] {
        rules.compactMap { rule in if case .parting(let parting) = rule.scope { parting } else { nil } }
    }

    /// The steps whose durable code follows in legacy's shadow.
    public var shadowed: Set<StepNumber> { Set(steps.filter { $0.stage == .shadow }.map(\.number)) }

    /// The steps that durable runs and whose legacy code follows in its shadow.
    public var followed: Set<StepNumber> { Set(steps.filter(\.isFollowed).map(\.number)) }

    /// True when somebody follows in some step's shadow, in either direction.
    public var hasShadow: Bool { !shadowed.isEmpty || !followed.isEmpty }

    /// A comparator of what `step` announces, and of its rules as they count at `moment`.
    public func comparator(of step: StepNumber, at moment: Timestamp) -> Comparator {
        let planned = planned(step)
        return Comparator(announcements: planned?.announces ?? [], rules: planned?.rules ?? [], at: moment)
    }

    private var moved: [PlannedStep] { steps.filter(\.stage.isMoved) }

    /// A comparator of this plan's announcements, and of its rules as they count at `moment`; see `Comparator.isStrict`.
    public func comparator(at moment: Timestamp, strict: Bool = false) -> Comparator {
        Comparator(announcements: announcements, rules: rules, at: moment, strict: strict)
    }

    /// Refuses what cannot be run: a durable step without code, a step legacy cannot leave, a shadow of what legacy does not do.
    ///
    /// `durable` are the steps that exist as durable code, `boundaries` the steps after which legacy can hand over, `takesOver` the durable
    /// steps that can begin where legacy enters them in the middle of a transition.
    public func validate(
        durable: Set<StepNumber>, boundaries: Set<StepNumber>, takesOver: Set<StepNumber> = []
    ) throws(PlanError) {
        for (index, step) in steps.enumerated() where step.stage != .legacy {
            if step.stage == .shadow, step.isAdded {
                throw PlanError(
                    "plan \(name), step \(step.number): expected a step that legacy has, found one that is added, which no owner runs that a"
                        + " shadow could be compared with; put it on stage legacy, or on canary")
            }
            guard durable.contains(step.number) else {
                throw PlanError(
                    "plan \(name), step \(step.number): expected durable code for it, found none; write a DurableStep or put it on stage legacy"
                )
            }
            guard index > 0 || takesOver.contains(step.number) else {
                throw PlanError(
                    "plan \(name), step \(step.number): the first step creates the entity and stays legacy, unless its durable code replaces"
                        + " legacy's; declare the states that it adopts")
            }
            if let before = lastLegacyStep(before: index), !boundaries.contains(before), !takesOver.contains(step.number) {
                throw PlanError(
                    "plan \(name), step \(step.number): legacy does steps \(before) and \(step.number) in one transition;"
                        + " split it, or move both")
            }
        }
    }

    /// The step from which legacy may hand over to the step at `index`; nil when durable always comes from a durable step.
    private func lastLegacyStep(before index: Int) -> StepNumber? {
        for step in steps[..<index].reversed() {
            switch step.stage {
            case .durable, .retired: return nil
            case .legacy, .shadow, .canary: if !step.isAdded { return step.number }
            }
        }
        return nil
    }
}
