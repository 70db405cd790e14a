import Events
import Outcomes

/// What legacy has come to in the shadow of durable, for one step: its clean visits are what retires the legacy code.
public struct FollowingScore: Codable, Hashable, Sendable {
    /// True for a step on stage `retired`: its gate demands such visits.
    public private(set) var isNeeded: Bool
    /// True for such a step of a program whose legacy cannot follow: it does without.
    public private(set) var isImpossible: Bool
    /// The visits.
    public private(set) var visits: EvidenceSummary.Cases

    init(_ visits: EvidenceSummary.Cases, isRetired: Bool, canFollow: Bool) {
        self.visits = visits
        (isNeeded, isImpossible) = (isRetired && canFollow, isRetired && !canFollow)
    }

    /// True when the visits suffice, or when the step keeps its legacy code.
    public var isOpen: Bool { !isNeeded || visits.suffice }

    /// What keeps the gate of `step` closed, and what opens it.
    func reasons(of step: StepNumber) -> [String] { isOpen ? [] : ["step \(step) is retired and \(lack)"] }

    /// What the visits lack; they do not suffice.
    private var lack: String {
        if let (row, more) = visits.furthest {
            guard let more else { return "has mismatches that no number of clean visits outweighs, of those that end with \(row.path)" }
            return
                "needs \(more.counted("more clean visit that legacy follows and that ends", "more clean visits that legacy follows and that end")) with \(row.path)"
        }
        guard visits.isStale else {
            return
                "legacy has followed no visit to it; let it follow with 'shadow: legacy', and keep what that comes to with 'shadow --evidence'"
        }
        let others = visits.voided.counted("of others counts", "of others count")
        return "legacy has followed no visit to it with this build, table, plan and rules; \(others) no longer"
    }
}
