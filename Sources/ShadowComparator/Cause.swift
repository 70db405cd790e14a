import Events
public import Outcomes

extension ComparisonSummary {
    /// Entities whose unexplained differences seem to have one cause.
    public struct Cause: Codable, Hashable, Sendable {
        /// The step of the first effect that differs; nil when no effect does.
        public var step: StepNumber?
        /// The first effect that differs, as operation and kind; else the first fact.
        public var first: String
        /// The kind of that difference.
        public var kind: Difference.Kind
        /// Where the control stands when the state differs, else nil.
        public var state: String?
        /// How many entities have it.
        public var entities: Int
        /// One of them, the first that was compared.
        public var example: String

        /// True when it is the same difference at the same place, whoever has it.
        package func isSame(as other: Cause) -> Bool {
            (step, first, kind, state) == (other.step, other.first, other.kind, other.state)
        }

        /// The cause of one entity's unexplained differences; nil when there are none.
        static func of(_ comparison: Comparison) -> Cause? {
            let unexplained = comparison.differences.filter { !$0.expected }
            guard let first = unexplained.first(where: { $0.layer == .effects }) ?? unexplained.first else { return nil }
            let parts = first.path.split(separator: "/", maxSplits: 2).map(String.init)
            let isEffect = first.layer == .effects && parts.count > 1
            return Cause(
                step: isEffect ? StepNumber(parts[0]) : nil, first: isEffect ? parts[1] : first.path, kind: first.kind,
                state: unexplained.first { $0.layer == .state }?.control?.string, entities: 1, example: comparison.entity.rawValue)
        }
    }
}
