import Events

/// Where a pending event goes.
public enum Route: Hashable, Sendable {
    /// The legacy machine handles it.
    case legacy
    /// The segment of the current epoch is told.
    case signal
    /// It waits until `step` is due, or until the entity changes hands.
    case park(StepNumber?)
    /// Its step is finished and nobody can use it.
    case late(StepNumber)
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
    /// True for an event that belongs to no step and goes to whoever owns the entity (cancel, override, brand suspended).
    public var isInterrupt: Bool
    /// True when the legacy table handles the event in the present state.
    public var legacyHandles: Bool

    /// The facts.
    public init(
        ownership: Ownership, legacyStep: StepNumber, isFinal: Bool, durableStep: StepNumber?, isInterrupt: Bool, legacyHandles: Bool
    ) {
        self.ownership = ownership
        self.legacyStep = legacyStep
        self.isFinal = isFinal
        self.durableStep = durableStep
        self.isInterrupt = isInterrupt
        self.legacyHandles = legacyHandles
    }
}

/// Decides who gets an event. Pure: the same facts give the same route.
public enum Router {
    /// The route of an event.
    public static func route(_ facts: RoutingFacts) -> Route {
        switch facts.ownership.owner {
        case .durable: durableRoute(facts)
        case .legacy: legacyRoute(facts)
        }
    }

    private static func durableRoute(_ facts: RoutingFacts) -> Route {
        if facts.isInterrupt { return .signal }
        guard let step = facts.durableStep else { return .park(nil) }
        return facts.ownership.completed.contains(step) ? .park(nil) : .signal
    }

    private static func legacyRoute(_ facts: RoutingFacts) -> Route {
        guard let step = facts.durableStep else { return .legacy }
        let isAhead = step > facts.legacyStep && !facts.ownership.completed.contains(step) && !facts.isFinal
        if isAhead { return .park(step) }
        return facts.legacyHandles ? .legacy : .late(step)
    }
}
