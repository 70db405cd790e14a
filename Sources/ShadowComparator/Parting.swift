public import Events
public import Outcomes

/// Where the two paths part for good, because legacy drops an event that the durable side keeps and uses.
///
/// Most of what comes after it differs, so no single place describes the difference. What came before it is compared as ever: effects of
/// earlier steps, messages that failed for good, failures of durable code.
public struct Parting: Hashable, Sendable, CustomStringConvertible {
    /// The event that legacy drops.
    public var event: EventKind
    /// The legacy state in which it drops it.
    public var state: String
    /// The first step that may differ.
    public var step: StepNumber
    /// Where the durable side may stand, by the state in which legacy ends. Of a legacy state that is not named nothing is asked.
    public var ends: [String: Set<String>]

    /// A parting.
    public init(event: EventKind, state: String, step: StepNumber, ends: [String: Set<String>]) {
        self.event = event
        self.state = state
        self.step = step
        self.ends = ends
    }

    /// `legacy drops content.approved in BRAND_OTP_PENDING`
    public var description: String { "legacy drops \(event) in \(state)" }

    /// True when legacy did drop the event there, and the other path stands where it may.
    func happened(to control: Observation, _ candidate: Observation) -> Bool {
        guard control.unhandled.contains(Observation.Unhandled(event: event, state: state)) else { return false }
        return ends[control.outcome.state].map { $0.contains(candidate.outcome.state) } ?? true
    }

    /// True when the difference may follow from it.
    func explains(_ difference: Difference) -> Bool {
        let parts = difference.path.split(separator: "/", maxSplits: 1).map(String.init)
        if difference.layer == .effects { return (parts.first.flatMap { StepNumber($0) }).map { $0 >= step } ?? false }
        // A fact may have any name, also an empty one.
        let first = parts.first ?? ""
        if ["failed", "deadLetter"].contains(first) { return false }
        guard ["waits", "time"].contains(first), let waited = parts.last.flatMap({ StepNumber($0) }) else { return true }
        return waited >= step
    }
}
