public import Events
import Outcomes

/// A bug that was put in on purpose, that nobody finds, and that somebody answers for until a day.
public struct SignedSurvivor: Hashable, Sendable, CustomStringConvertible {
    /// The bug, as a mutation score describes it.
    public var bug: String
    /// Why it may survive.
    public var reason: String
    /// Who answers for it.
    public var owner: String
    /// From when on the signature counts.
    public var signed: Timestamp
    /// When it stops counting.
    public var expires: Timestamp

    /// A signature.
    public init(bug: String, reason: String, owner: String, signed: Timestamp, expires: Timestamp) {
        self.bug = bug
        self.reason = reason
        self.owner = owner
        self.signed = signed
        self.expires = expires
    }

    /// `survives '25 step 5.2: registry.sendOTP is defined and never called'`
    public var description: String { "survives '\(bug)'" }

    /// True when it counts at `moment`.
    public func counts(at moment: Timestamp) -> Bool { signed <= moment && moment < expires }

    /// Everything that it says.
    var words: String { [description, reason, owner, signed.description, expires.description].joined(separator: "\u{1D}") }
}
