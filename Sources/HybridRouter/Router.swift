public import Events
public import Outcomes

/// Where a pending event goes.
public enum Route: Hashable, Sendable {
    /// The legacy machine handles it.
    case legacy
    /// The segment of the current epoch is told.
    case signal
    /// It waits until the segment, which is at work, waits itself.
    case hold
    /// It waits until `step` is due, or until the entity changes hands.
    case park(StepNumber?)
    /// Its step is finished and nobody can use it.
    case late(StepNumber)
    /// It comes before its step, which wants it dropped.
    case drop(StepNumber)
    /// It comes before its step, which wants it refused.
    case reject(StepNumber)
    /// No step waits for it, and there is no legacy machine that could.
    case ignore
}

/// What the routing decision looks at. It is read inside the transaction that consumes the event, never at accept time.
public struct RoutingFacts: Hashable, Sendable {
    /// The entity's ownership.
    public var ownership: Ownership
    /// The step the legacy state belongs to.
    public var legacyStep: StepNumber
    /// True when the legacy state is one that nothing leaves.
    public var isFinal: Bool
    /// The durable-owned step that declares the event; nil for an event of legacy.
    public var durableStep: StepNumber?
    /// What that step wants of an event that comes early; nil for what legacy does with it.
    public var early: EarlyEvent?
    /// True when legacy rests where a step is complete, because a durable step comes next.
    public var isAtBoundary = false
    /// True when legacy is in a state of no step, for instance a hold: the present step is not over.
    public var isBesideSteps = false
    /// True when the segment waits for something to happen; false while it is at work, and nobody knows yet where it will wait.
    public var isWaiting = true
    /// True for an event that belongs to no step and goes to whoever owns the entity (cancel, override, brand suspended).
    public var isInterrupt: Bool
    /// True when the legacy table handles the event in the present state.
    public var legacyHandles: Bool
    /// True when every step is retired: nothing waits for the entity to come back to legacy.
    public var isLegacyGone: Bool
    /// True when a step behind the present one is legacy's, which then gets what has waited for it.
    public var isLegacyAhead: Bool

    /// The facts.
    public init(
        ownership: Ownership, legacyStep: StepNumber, isFinal: Bool, durableStep: StepNumber?, early: EarlyEvent? = nil,
        isInterrupt: Bool, legacyHandles: Bool, isLegacyGone: Bool = false, isLegacyAhead: Bool = true
    ) {
        self.ownership = ownership
        self.legacyStep = legacyStep
        self.isFinal = isFinal
        self.durableStep = durableStep
        self.early = early
        self.isInterrupt = isInterrupt
        self.legacyHandles = legacyHandles
        self.isLegacyGone = isLegacyGone
        self.isLegacyAhead = isLegacyAhead
    }
}

extension RoutingFacts {
    /// True for an event that a waiting segment would have no use for, now or later. While the segment is at work nobody knows: it may wait
    /// elsewhere next, or end its step.
    public var isUseless: Bool {
        guard ownership.owner == .durable else { return false }
        var waiting = self
        waiting.isWaiting = true
        switch Router.route(waiting) {
        case .late, .ignore: return true
        case .drop: return early == nil
        default: return false
        }
    }
}

/// Decides who gets an event. Pure: the same facts give the same route.
public enum Router {
    /// The route of an event.
    public static func route(_ facts: RoutingFacts) -> Route {
        switch facts.ownership.owner {
        case .durable: !facts.isWaiting && facts.isUseless ? .hold : durableRoute(facts)
        case .legacy: legacyRoute(facts)
        }
    }

    private static func durableRoute(_ facts: RoutingFacts) -> Route {
        if let step = facts.durableStep, step == facts.ownership.step { return .signal }
        if facts.isInterrupt { return .signal }
        guard let step = facts.durableStep, step > facts.ownership.step else {
            return past(facts)
        }
        // Legacy drops it where it would not handle it. The state says so only while it belongs to the step that the segment is in.
        let isDropped = facts.legacyStep == facts.ownership.step && !facts.legacyHandles
        return early(facts.early ?? (isDropped ? .drop : .keep), step)
    }

    /// What the segment has no use for: it waits for legacy, unless nobody there will ever use it.
    private static func past(_ facts: RoutingFacts) -> Route {
        if facts.isLegacyGone { return facts.durableStep.map { .late($0) } ?? .ignore }
        let isUseless = !facts.isLegacyAhead && facts.legacyStep == facts.ownership.step && !facts.legacyHandles
        return isUseless ? facts.durableStep.map { .late($0) } ?? .park(nil) : .park(nil)
    }

    private static func legacyRoute(_ facts: RoutingFacts) -> Route {
        // Legacy alone never rests at a boundary: what it would drop there, a step behind the durable one may want.
        let isKept = facts.isAtBoundary && !facts.legacyHandles && !facts.isInterrupt && !facts.isFinal
        guard let step = facts.durableStep else { return isKept ? .park(nil) : .legacy }
        if isAhead(step, facts) { return facts.early.map { early($0, step) } ?? (isKept ? .park(step) : .legacy) }
        return facts.legacyHandles ? .legacy : .late(step)
    }

    private static func isAhead(_ step: StepNumber, _ facts: RoutingFacts) -> Bool {
        guard !facts.isFinal, facts.ownership.passed.map({ step > $0 }) ?? true else { return false }
        return step > facts.legacyStep || facts.isBesideSteps && step == facts.ownership.step
    }

    private static func early(_ policy: EarlyEvent, _ step: StepNumber) -> Route {
        switch policy {
        case .keep: .park(step)
        case .drop: .drop(step)
        case .reject: .reject(step)
        }
    }
}
