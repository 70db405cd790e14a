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

    /// Whether anybody answers for it.
    public enum Class: String, Codable, Hashable, Sendable, CaseIterable {
        /// A step's own purpose, within the counts and under the conditions that it announced.
        case announced
        /// Legacy is wrong and the durable side right; somebody has signed for it.
        case intended
        /// Noise that somebody has signed for.
        case ignored
        /// Everything else.
        case unexplained
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
    /// The announcement or rule that explains it; nil when nothing does. For an effect that a step owes, what it promised.
    public let rule: String?
    /// Its class.
    public let explanation: Class
    /// True when its class is any but unexplained.
    public let expected: Bool

    /// A difference. One with a rule is announced unless `explanation` says otherwise.
    public init(
        layer: Layer, kind: Kind, path: String, control: JSONValue? = nil, candidate: JSONValue? = nil, rule: String? = nil,
        explanation: Class? = nil
    ) {
        self.layer = layer
        self.kind = kind
        self.path = path
        self.control = control
        self.candidate = candidate
        self.rule = rule
        self.explanation = explanation ?? (rule == nil ? .unexplained : .announced)
        expected = self.explanation != .unexplained
    }

    /// The same, explained.
    func explained(as explanation: Class, by rule: String) -> Difference {
        Difference(
            layer: layer, kind: kind, path: path, control: control, candidate: candidate, rule: rule, explanation: explanation)
    }
}

/// What one entity's comparison comes to.
public enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
    /// No difference.
    case matched
    /// Only differences that the plan announces or that somebody has signed for.
    case expected
    /// At least one difference that nothing explains.
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
    /// How long it waited in each step that the candidate has completed on its own; not part of the JSON form.
    public private(set) var times: [StepTime] = []

    private enum CodingKeys: CodingKey { case entity, differences, verdict }

    /// A comparison.
    public init(entity: EntityID, differences: [Difference], times: [StepTime] = []) {
        self.entity = entity
        self.differences = differences
        self.times = times
        verdict = Self.verdict(of: differences)
    }

    /// What one layer comes to.
    public func verdict(of layer: Difference.Layer) -> Verdict { Self.verdict(of: differences.filter { $0.layer == layer }) }

    private static func verdict(of differences: [Difference]) -> Verdict {
        differences.isEmpty ? .matched : differences.allSatisfy(\.expected) ? .expected : .mismatched
    }
}
