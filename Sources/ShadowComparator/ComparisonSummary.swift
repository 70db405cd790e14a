import Events

/// All entities' comparisons in one value; its JSON form is what `lockstep compare --json` prints.
public struct ComparisonSummary: Codable, Hashable, Sendable {
    /// Differences at one place, over all entities.
    public struct Cluster: Codable, Hashable, Sendable {
        /// The layer.
        public var layer: Difference.Layer
        /// The path.
        public var path: String
        /// How many entities differ there.
        public var entities: Int
        /// How many of them differ there without a rule.
        public var unexpected: Int
        /// The first entity, by id, that differs there without a rule; else the first that differs.
        public var example: String

        /// A cluster.
        public init(layer: Difference.Layer, path: String, entities: Int, unexpected: Int, example: String) {
            self.layer = layer
            self.path = path
            self.entities = entities
            self.unexpected = unexpected
            self.example = example
        }
    }

    /// A rule and how often it was needed. A rule that masks nothing is a rule to remove.
    public struct Rule: Codable, Hashable, Sendable {
        /// The glob.
        public var glob: String
        /// How many differences it announced.
        public var masked: Int

        /// A rule and its count.
        public init(glob: String, masked: Int) {
            self.glob = glob
            self.masked = masked
        }
    }

    /// Entities that were compared.
    public private(set) var compared = 0
    /// Entities without a difference.
    public private(set) var matched = 0
    /// Entities with nothing but announced differences.
    public private(set) var expectedDifferences = 0
    /// Entities with a difference that nobody announced.
    public private(set) var mismatched = 0
    /// The mismatched entities' comparisons in order of their ids, at most the kept number.
    public private(set) var mismatches: [Comparison] = []
    /// Differences by (layer, path), unexpected ones first, then the most frequent.
    public private(set) var clusters: [Cluster] = []
    /// The rules in the order given.
    public private(set) var rules: [Rule] = []
    /// How many mismatches are kept.
    public private(set) var limit: Int

    /// An empty summary of the comparisons that `comparator` will make; keeps the first `limit` mismatches in full.
    public init(comparator: Comparator = Comparator(), keeping limit: Int = 100) {
        self.limit = limit
        rules = comparator.rules.map { Rule(glob: $0, masked: 0) }
    }

    /// Counts one more entity.
    public mutating func add(_ comparison: Comparison) {
        compared += 1
        switch comparison.verdict {
        case .matched: matched += 1
        case .expected: expectedDifferences += 1
        case .mismatched:
            mismatched += 1
            if mismatches.count < limit { mismatches.append(comparison) }
        }
        for difference in comparison.differences { count(rule: difference.rule) }
        for place in Set(comparison.differences.map { Place(layer: $0.layer, path: $0.path) }) { count(place, of: comparison) }
        clusters.sort(by: Self.isBefore)
    }

    private struct Place: Hashable {
        let layer: Difference.Layer
        let path: String
    }

    private mutating func count(rule: String?) {
        guard let rule else { return }
        if let index = rules.firstIndex(where: { $0.glob == rule }) {
            rules[index].masked += 1
        } else {
            rules.append(Rule(glob: rule, masked: 1))
        }
    }

    private mutating func count(_ place: Place, of comparison: Comparison) {
        let isUnexpected = comparison.differences.contains { $0.layer == place.layer && $0.path == place.path && !$0.expected }
        let entity = comparison.entity.rawValue
        guard let index = clusters.firstIndex(where: { $0.layer == place.layer && $0.path == place.path }) else {
            clusters.append(
                Cluster(layer: place.layer, path: place.path, entities: 1, unexpected: isUnexpected ? 1 : 0, example: entity))
            return
        }
        if isUnexpected && clusters[index].unexpected == 0 { clusters[index].example = entity }
        clusters[index].entities += 1
        clusters[index].unexpected += isUnexpected ? 1 : 0
    }

    private static func isBefore(_ left: Cluster, _ right: Cluster) -> Bool {
        if left.unexpected != right.unexpected { return left.unexpected > right.unexpected }
        if left.entities != right.entities { return left.entities > right.entities }
        return (left.layer.rawValue, left.path) < (right.layer.rawValue, right.path)
    }
}
