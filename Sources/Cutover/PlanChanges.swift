public import Outcomes

/// What another plan changes about one step.
public struct PlanStepChange: Hashable, Sendable {
    /// The step.
    public var step: StepNumber
    /// Its title in the later plan, or in the earlier one when the later has none.
    public var title: String
    /// Its stage before; nil when it is new.
    public var before: Stage?
    /// Its stage after; nil when it is gone.
    public var after: Stage?
    /// What else is different, a few words each: `title`, `added`, `legacy's shadow, which begins` or `… ends`, `retroactive`, `announced
    /// differences`, `rules`, `survivors`.
    public var other: [String]

    /// A change.
    public init(step: StepNumber, title: String, before: Stage?, after: Stage?, other: [String]) {
        self.step = step
        self.title = title
        self.before = before
        self.after = after
        self.other = other
    }

    /// True when the step goes further up the ladder, to a stage on which durable runs it: its gate has to be open for that.
    public var isForward: Bool {
        guard let after, after.isMoved else { return false }
        return Self.rung(before ?? .legacy) < Self.rung(after)
    }

    private static func rung(_ stage: Stage) -> Int {
        switch stage {
        case .legacy: -2
        case .shadow: -1
        case .canary(let percent): percent
        case .durable: 101
        case .retired: 102
        }
    }

    /// What it means for entities on their way.
    public var consequence: String {
        switch (before, after) {
        case (nil, let after?):
            "new, \(after): entities before it meet it, those past it \(other.isEmpty ? "do not go back" : Self.makingUp)"
        case (let before?, nil): "gone, was \(before): entities in it go on in no step; keep it until 'migrate status' counts none there"
        case (let before?, let after?) where before == after: "changed in \(other.joined(separator: ", "))"
        case (let before?, let after?): "\(before) to \(after): \(Self.meaning(before, after))\(beginning)"
        case (nil, nil): ""
        }
    }

    /// Beside the new stage: whether legacy follows from now on, and whether those past the step make up for it.
    private var beginning: String {
        other.filter { $0.hasPrefix("legacy's shadow") || $0.hasPrefix("retroactive") }.map { "; \($0)" }.joined()
    }

    /// What a retroactive step means for entities that were past it.
    fileprivate static var makingUp: String { "make up for it where its code says, once" }

    private static func meaning(_ before: Stage, _ after: Stage) -> String {
        if after == .retired, isDurable(before) {
            return "nobody can be recalled from it any more, a halt does not stop it, and a failure waits for a person"
        }
        return switch (isDurable(before), isDurable(after)) {
        case (false, true):
            "entities that reach it from now on are handed off; those inside it stay with legacy, unless 'migrate adopt' moves them"
        case (true, false):
            "entities that reach it from now on stay with legacy; segments under way end their step, unless 'migrate recall' ends them"
        default:
            after == .shadow
                ? "entities that reach it from now on are followed by a shadow, and legacy runs them as before"
                : "entities that were drawn keep their side"
        }
    }

    private static func isDurable(_ stage: Stage) -> Bool {
        switch stage {
        case .legacy, .shadow: false
        case .canary(let percent): percent > 0
        case .durable, .retired: true
        }
    }
}

extension MigrationPlan {
    /// What `later` changes about the steps of this plan, in order of the steps.
    public func changes(to later: MigrationPlan) -> [PlanStepChange] {
        Set(steps.map(\.number)).union(later.steps.map(\.number)).sorted().compactMap { number in
            let (before, after) = (planned(number), later.planned(number))
            var other: [String] = before == nil && after?.isRetroactive == true ? ["retroactive"] : []
            if let before, let after {
                guard before != after else { return nil }
                if before.title != after.title { other.append("title") }
                if before.isAdded != after.isAdded { other.append("added") }
                if before.isFollowed != after.isFollowed { other.append("legacy's shadow, which \(after.isFollowed ? "begins" : "ends")") }
                if before.isRetroactive != after.isRetroactive {
                    other.append(after.isRetroactive ? "retroactive: those past it \(PlanStepChange.makingUp)" : "retroactive, which ends")
                }
                if before.announces != after.announces { other.append("announced differences") }
                if before.rules != after.rules { other.append("rules") }
                if before.survivors != after.survivors { other.append("survivors") }
            }
            return PlanStepChange(
                step: number, title: after?.title ?? before?.title ?? "", before: before?.stage, after: after?.stage, other: other)
        }
    }

    /// What `later` changes about who answers what belongs to no step; nil for nothing.
    public func changeOfAnswers(to later: MigrationPlan) -> String? {
        guard interrupts != later.interrupts else { return nil }
        let words =
            later.interrupts == .durable
            ? "segments that begin from now on answer a cancel or an override themselves; those under way still give it to legacy"
            : "segments that begin from now on give a cancel or an override to legacy; those under way still answer it themselves"
        return "\(interrupts.rawValue) to \(later.interrupts.rawValue): \(words)"
    }

    /// What is allowed and yet seldom meant, one sentence each.
    public func warnings(for process: ProcessSteps) -> [String] {
        steps.flatMap { step -> [String] in
            let place = "plan \(name), step \(step.number): "
            var found: [String] = []
            if case .canary(let percent) = step.stage, percent == 0 || percent == 100 {
                found.append(place + "canary \(percent) draws nobody \(percent == 0 ? "durable" : "legacy"), and pins everybody to it")
            }
            if step.isAdded, step.stage == .durable, step.announces.isEmpty {
                found.append(place + "it is added and announces no difference: whatever it does is a mismatch in 'compare'")
            }
            if step.isFollowed, step.isAdded {
                found.append(place + "legacy has no such step, so with 'shadow: legacy' its visits are counted, and compared with nothing")
            }
            if step.stage == .legacy, !step.announces.isEmpty {
                found.append(place + "it stays with legacy, so what it announces is never used")
            }
            return found
        }
    }
}
