public import Events
import Outcomes

/// Says in what a candidate's observation differs from the control's, and which of it was announced.
///
/// Facts are compared by path and by value. Effects are compared by key without the entity and by request, as a multiset, and in
/// their relative order. Not compared, because they are not the path's doing or must differ: times, owner, epoch, attempts, the
/// outside world's replies. Pure: the same observations give the same comparison.
public struct Comparator: Sendable {
    private let facts: [Glob]
    private let effects: [Glob]

    /// A comparator that expects differences of facts whose path, and of effects whose operation, fits one of the globs.
    public init(expectedFacts: [String] = [], expectedEffects: [String] = []) {
        facts = expectedFacts.map { Glob($0) }
        effects = expectedEffects.map { Glob($0) }
    }

    /// The rules by name: facts' globs, then effects'.
    var rules: [String] { (facts + effects).map(\.description) }

    /// Compares two observations of one entity.
    public func compare(control: Observation, candidate: Observation) -> Comparison {
        let outcome = differences(.outcome, control.outcomeFacts, candidate.outcomeFacts)
        let state = differences(.state, ["state": .string(control.outcome.state)], ["state": .string(candidate.outcome.state)])
        let ledgers = EffectComparison(control: control.ledger, candidate: candidate.ledger) { operation in
            effects.first { $0.matches(operation) }?.description
        }
        return Comparison(entity: control.entity, differences: outcome + state + ledgers.differences)
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
            guard before != after else { return nil }
            let kind: Difference.Kind = before == nil ? .extra : after == nil ? .missing : .changed
            let rule = facts.first { $0.matches(path) }?.description
            return Difference(layer: layer, kind: kind, path: path, control: before, candidate: after, rule: rule)
        }
    }
}
