import Events
public import Outcomes

/// A difference that a step promises: where, how often, and when.
///
/// What a step adds is itself compared with what it promised: an announced effect that is performed more often, or where its condition
/// does not hold, is unexplained, and so is one that a completed step owes.
public struct Announcement: Hashable, Sendable, CustomStringConvertible {
    /// Where the difference is.
    public enum Place: Hashable, Sendable, CustomStringConvertible {
        /// An effect of a step, by its operation.
        case effect(StepNumber, String)
        /// A fact of the outcome, by its path; the wait points of a step, `waits/6`, the time in it, `time/6`, or a
        /// member of the record, `record/vetting`.
        case fact(String)

        /// `5.2/billing.vettingFee` or `vetting/score`
        public var description: String {
            switch self {
            case .effect(let step, let operation): "\(step)/\(operation)"
            case .fact(let path): path
            }
        }
    }

    /// What is different there.
    public enum Change: String, Hashable, Sendable, CaseIterable {
        /// Legacy alone has no such thing.
        case added
        /// Legacy alone has it with other content.
        case changed
    }

    /// The step that promises it.
    public var step: StepNumber
    /// Where.
    public var place: Place
    /// What is different.
    public var change: Change
    /// How often at one visit of the step, for effects; a completed visit owes the least of it.
    public var count: ClosedRange<Int>
    /// The values that a fact may have, or the members of a request that may change; empty for any.
    public var values: Set<String>
    /// What has to be true of the control, all of it.
    public var conditions: [Condition]

    /// An announcement.
    public init(
        step: StepNumber, place: Place, change: Change = .added, count: ClosedRange<Int> = 0...1, values: Set<String> = [],
        conditions: [Condition] = []
    ) {
        self.step = step
        self.place = place
        self.change = change
        self.count = count
        self.values = values
        self.conditions = conditions
    }

    /// `5.2/billing.vettingFee exactly 1 when campaign/useCase is not LOW_VOLUME`
    public var description: String {
        var words = [place.description, change == .changed ? "changed" : "added"]
        if case .effect = place, change == .added { words.append(counted) }
        if !values.isEmpty { words.append("(\(values.sorted().joined(separator: ", ")))") }
        if !conditions.isEmpty { words.append("when \(conditions.map(\.description).joined(separator: " and "))") }
        return words.joined(separator: " ")
    }

    private var counted: String {
        count.lowerBound == count.upperBound ? "exactly \(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound) times"
    }

    /// True when a difference is of the kind that is announced; not whether it comes too often.
    func covers(_ difference: Difference) -> Bool {
        guard difference.kind == (change == .added ? .extra : .changed) else { return false }
        switch place {
        case .effect(let step, let operation):
            return difference.layer == .effects && difference.path.hasPrefix("\(step)/\(operation)/") && hasAllowedMembers(difference)
        case .fact(let path):
            let isOfState = ["waits/", "time/", "record/"].contains { path.hasPrefix($0) }
            let layer: Difference.Layer = isOfState ? .state : .outcome
            return difference.layer == layer && difference.path == path && hasAllowedValue(difference)
        }
    }

    private func hasAllowedValue(_ difference: Difference) -> Bool {
        values.isEmpty || difference.candidate.map { values.contains(Condition.text($0)) } ?? false
    }

    private func hasAllowedMembers(_ difference: Difference) -> Bool {
        guard change == .changed, !values.isEmpty else { return true }
        guard let before = difference.control?.object, let after = difference.candidate?.object else { return false }
        return Set(before.keys).union(after.keys).allSatisfy { before[$0] == after[$0] || values.contains($0) }
    }
}

/// Something that has to be true of the control. It is never asked of the candidate, which must not decide what is expected of it.
public struct Condition: Hashable, Sendable, CustomStringConvertible {
    /// A fact of the control's outcome, or `operation/member` of the request of its last effect of that operation.
    public var path: String
    /// The values.
    public var values: Set<String>
    /// True when it must have none of them, instead of one of them.
    public var isNegated: Bool

    /// A condition; it does not hold where the control has no such fact.
    public init(_ path: String, isOneOf values: Set<String>) { (self.path, self.values, isNegated) = (path, values, false) }

    /// The condition that the fact is there and is none of the values.
    public init(_ path: String, isNoneOf values: Set<String>) { (self.path, self.values, isNegated) = (path, values, true) }

    /// `campaign/useCase is not LOW_VOLUME`
    public var description: String { "\(path) is \(isNegated ? "not " : "")\(values.sorted().joined(separator: " or "))" }

    /// A value as a plan writes it.
    static func text(_ value: JSONValue) -> String { value.string ?? value.canonicalText }

    func holds(of control: Observation) -> Bool { control.value(at: path).map { values.contains(Self.text($0)) != isNegated } ?? false }
}

extension Observation {
    /// The fact at `path`, or the member of an effect's request.
    fileprivate func value(at path: String) -> JSONValue? {
        if let fact = outcome.facts[path] { return fact }
        let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        return ledger.last { $0.key.operation == parts[0] }?.request[parts[1]]
    }
}
