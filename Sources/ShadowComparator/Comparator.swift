public import Events
import Outcomes

/// Says in what a candidate's observation differs from the control's, and which of it is explained.
///
/// Facts are compared by path and by value, and of every step that the candidate has completed on its own the states in which it
/// waited. Effects are compared by key without the entity and by request, as a multiset, and in their relative order. Not compared,
/// because they are not the path's doing or must differ: moments, owner, epoch, attempts, the outside world's replies. How long an
/// entity was in a step is no difference of one entity, see ``StepTimes``, unless the comparison is strict. Pure: the same observations give the same comparison.
public struct Comparator: Sendable {
    /// What steps promise.
    public let announcements: [Announcement]
    /// What somebody answers for, also what no longer counts.
    public let rules: [DifferenceRule]
    /// When the comparison is made: rules count from their signature to their expiry.
    public let moment: Timestamp
    /// True when the members of the record and the time in each step are compared, too, one entity at a time. Moments within the record
    /// may differ by ``StepTime/tolerance``.
    public let isStrict: Bool

    /// A comparator. Equal announcements count once.
    public init(
        announcements: [Announcement] = [], rules: [DifferenceRule] = [], at moment: Timestamp = .distantPast, strict: Bool = false
    ) {
        var known: Set<Announcement> = []
        self.announcements = announcements.filter { known.insert($0).inserted }
        self.rules = rules
        self.moment = moment
        isStrict = strict
    }

    /// Compares two observations of one entity.
    public func compare(control: Observation, candidate: Observation) -> Comparison {
        let (control, candidate) = (control, candidate.renamed(like: control))
        let outcome = differences(.outcome, control.outcomeFacts, candidate.outcomeFacts)
        let waited = Self.waited(control, candidate)
        let times = waited.sorted().map { StepTime(in: $0, control: control, candidate: candidate) }
        let differing = isStrict ? waited : waited.filter { Self.isElsewhere($0, control, candidate) }
        var state = differences(.state, control.stateFacts(of: differing), candidate.stateFacts(of: differing))
        if isStrict {
            state += times.compactMap(\.delay)
            state += differences(.state, control.recordFacts, candidate.recordFacts)
        }
        var explained = Explanation(differences: outcome + state + ledgers(control, candidate).differences)
        for announcement in announcements { explained.hold(announcement, control, candidate) }
        for rule in rules where rule.counts(at: moment) { explained.apply(rule, control, candidate) }
        return Comparison(entity: control.entity, differences: explained.differences, times: times)
    }

    private static func isElsewhere(_ step: StepNumber, _ control: Observation, _ candidate: Observation) -> Bool {
        !(control.waits?[step] ?? Waiting()).isAlmost(candidate.waits?[step] ?? Waiting())
    }

    /// The steps whose wait points can be compared: both paths have noted theirs, and the candidate has completed the step on its own.
    private static func waited(_ control: Observation, _ candidate: Observation) -> [StepNumber] {
        guard let waits = control.waits, candidate.waits != nil else { return [] }
        return candidate.visits.keys.filter { waits[$0] != nil }
    }

    /// Compares two paths entity by entity, in order of their ids. An entity that only one path knows is a mismatch at `entity`.
    ///
    /// Of several observations of one entity in one list the last one counts.
    public func compare(controls: [Observation], candidates: [Observation], keeping limit: Int = 100) -> ComparisonSummary {
        let controls = Dictionary(controls.map { ($0.entity, $0) }, uniquingKeysWith: { $1 })
        let candidates = Dictionary(candidates.map { ($0.entity, $0) }, uniquingKeysWith: { $1 })
        var summary = ComparisonSummary(comparator: self, keeping: limit)
        for entity in Set(controls.keys).union(candidates.keys).sorted() {
            summary.add(compare(entity, control: controls[entity], candidate: candidates[entity]))
        }
        return summary
    }

    /// Compares what two paths know of one entity. One that only one path knows is a mismatch at `entity`.
    public func compare(_ entity: EntityID, control: Observation?, candidate: Observation?) -> Comparison {
        if let control, let candidate { return compare(control: control, candidate: candidate) }
        let difference = Difference(
            layer: .outcome, kind: control == nil ? .extra : .missing, path: "entity",
            control: control.map { .string($0.outcome.status) }, candidate: candidate.map { .string($0.outcome.status) })
        return Comparison(entity: entity, differences: [difference])
    }

    private func differences(
        _ layer: Difference.Layer, _ control: [String: JSONValue], _ candidate: [String: JSONValue]
    ) -> [Difference] {
        Set(control.keys).union(candidate.keys).sorted().compactMap { path in
            let (before, after) = (control[path], candidate[path])
            guard before != after, layer != .state || before?.isAlmost(after ?? .null) != true else { return nil }
            let kind: Difference.Kind = before == nil ? .extra : after == nil ? .missing : .changed
            return Difference(layer: layer, kind: kind, path: path, control: before, candidate: after)
        }
    }
}

/// Which of the differences of one entity are explained.
private struct Explanation {
    private(set) var differences: [Difference]

    init(differences: [Difference]) { self.differences = differences }

    /// Marks what an announcement allows, in order of the paths, and adds what it owes.
    mutating func hold(_ announcement: Announcement, _ control: Observation, _ candidate: Observation) {
        guard announcement.conditions.allSatisfy({ $0.holds(of: control) }) else { return }
        let visits = candidate.visits[announcement.step] ?? 0
        var left = announcement.count.upperBound * max(1, visits)
        var found = 0
        for index in differences.indices where !differences[index].expected && announcement.covers(differences[index]) {
            found += 1
            guard left > 0 else { continue }
            left -= 1
            differences[index] = differences[index].explained(as: .announced, by: announcement.description)
        }
        owe(announcement, found, visits)
    }

    private mutating func owe(_ announcement: Announcement, _ found: Int, _ visits: Int) {
        guard case .effect = announcement.place, announcement.change == .added else { return }
        guard found < announcement.count.lowerBound * visits else { return }
        differences.append(
            Difference(
                layer: .effects, kind: .missing, path: announcement.place.description,
                control: .integer(announcement.count.lowerBound * visits), candidate: .integer(found), rule: announcement.description,
                explanation: .unexplained))
    }

    mutating func apply(_ rule: DifferenceRule, _ control: Observation, _ candidate: Observation) {
        if case .parting(let parting) = rule.scope, !parting.happened(to: control, candidate) { return }
        for index in differences.indices where !differences[index].expected && rule.scope.covers(differences[index]) {
            differences[index] = differences[index].explained(as: rule.explanation, by: rule.description)
        }
    }
}
