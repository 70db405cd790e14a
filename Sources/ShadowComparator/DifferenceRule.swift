public import Events
public import Outcomes

/// A difference that somebody answers for, until a day: an intended one, or noise that is ignored.
public struct DifferenceRule: Hashable, Sendable, CustomStringConvertible {
    /// What the difference is.
    public enum Purpose: String, Hashable, Sendable, CaseIterable {
        /// Legacy is wrong, and the durable side is right.
        case intended
        /// Noise.
        case ignored
    }

    /// What a rule is about.
    public enum Scope: Hashable, Sendable, CustomStringConvertible {
        /// The fact's path, the effect's `step/operation/ordinal`, or `state`; `*` stands for any run of characters.
        case place(Glob)
        /// All that follows from an event that legacy drops.
        case parting(Parting)

        /// `number/*`, or `where legacy drops content.approved in BRAND_OTP_PENDING`
        public var description: String {
            switch self {
            case .place(let place): place.description
            case .parting(let parting): "where \(parting)"
            }
        }
    }

    /// What it is.
    public var purpose: Purpose
    /// The step whose move the rule belongs to: its scope for evidence.
    public var step: StepNumber
    /// The differences that it explains.
    public var scope: Scope
    /// What differs, for an intended difference; why it is ignored, for noise.
    public var reason: String
    /// Why it is right, for an intended difference.
    public var why: String
    /// Who answers for it.
    public var owner: String
    /// From when on it counts; what was compared before is not explained by it.
    public var signed: Timestamp
    /// When it stops counting.
    public var expires: Timestamp
    /// The scenario that shows an intended difference.
    public var fixture: String

    /// A rule.
    public init(
        _ purpose: Purpose, step: StepNumber, scope: Scope, reason: String, why: String = "", owner: String, signed: Timestamp,
        expires: Timestamp, fixture: String = ""
    ) {
        self.purpose = purpose
        self.step = step
        self.scope = scope
        self.reason = reason
        self.why = why
        self.owner = owner
        self.signed = signed
        self.expires = expires
        self.fixture = fixture
    }

    /// `ignored number/*, step 10`
    public var description: String { "\(purpose.rawValue) \(scope), step \(step)" }

    /// True when it counts for what is compared at `moment`.
    public func counts(at moment: Timestamp) -> Bool { signed <= moment && moment < expires }

    /// Its class of differences.
    var explanation: Difference.Class { purpose == .intended ? .intended : .ignored }
}

extension DifferenceRule.Scope {
    var isParting: Bool { if case .parting = self { true } else { false } }

    /// True when the difference is one of those that the rule is about.
    func covers(_ difference: Difference) -> Bool {
        switch self {
        case .place(let place): place.matches(difference.path)
        case .parting(let parting): parting.explains(difference)
        }
    }
}
