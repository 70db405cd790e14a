public import Events

/// One way in which the candidate is not the control.
public struct Difference: Codable, Hashable, Sendable {
    /// Where the paths differ; each layer has its own meaning of equal.
    public enum Layer: String, Codable, Hashable, Sendable, CaseIterable {
        /// The business status, facts and dead letters.
        case outcome
        /// The legacy state.
        case state
        /// The outward calls: a multiset with payloads and a relative order.
        case effects
    }

    /// How they differ, seen from the control.
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// The control has it, the candidate has not.
        case missing
        /// The candidate has it, the control has not.
        case extra
        /// Both have it, with other content.
        case changed
        /// Both have it, at another place in the order of effects.
        case order
    }

    /// The layer.
    public let layer: Layer
    /// The kind.
    public let kind: Kind
    /// The fact's path, or the effect's `step/operation/ordinal`.
    public let path: String
    /// The control's value; for `order` the effect that comes before it there.
    public let control: JSONValue?
    /// The candidate's value; for `order` the effect that comes before it there.
    public let candidate: JSONValue?
    /// The glob that announced the difference; nil when nobody expected it.
    public let rule: String?
    /// True when a rule announced it.
    public let expected: Bool

    /// A difference.
    public init(layer: Layer, kind: Kind, path: String, control: JSONValue? = nil, candidate: JSONValue? = nil, rule: String? = nil) {
        self.layer = layer
        self.kind = kind
        self.path = path
        self.control = control
        self.candidate = candidate
        self.rule = rule
        expected = rule != nil
    }

}

/// What one entity's comparison comes to.
public enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
    /// No difference.
    case matched
    /// Only differences that the plan announced.
    case expected
    /// At least one difference that nobody announced.
    case mismatched
}

/// Everything in which the two paths differ for one entity.
public struct Comparison: Codable, Hashable, Sendable {
    /// The entity.
    public let entity: EntityID
    /// The differences, outcome before state before effects, each layer in order of its paths.
    public let differences: [Difference]
    /// What they come to.
    public let verdict: Verdict

    /// A comparison.
    public init(entity: EntityID, differences: [Difference]) {
        self.entity = entity
        self.differences = differences
        verdict = differences.isEmpty ? .matched : differences.allSatisfy(\.expected) ? .expected : .mismatched
    }
}
