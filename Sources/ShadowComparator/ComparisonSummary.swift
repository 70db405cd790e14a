public import Events
import Outcomes

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

    /// What somebody has signed for.
    public struct Signature: Codable, Hashable, Sendable {
        /// What differs, or why it is noise.
        public var what: String
        /// Why it is right; empty for noise.
        public var why: String
        /// Who answers for it.
        public var owner: String
        /// When it stops counting.
        public var expires: Timestamp
        /// The scenario that shows it; empty for noise.
        public var fixture: String

        init(_ rule: DifferenceRule) {
            (what, why, owner, expires, fixture) = (rule.reason, rule.why, rule.owner, rule.expires, rule.fixture)
        }
    }

    /// An announcement or a rule, and how often it was needed.
    public struct Rule: Codable, Hashable, Sendable {
        /// Its text.
        public var rule: String
        /// The class of the differences that it explains.
        public var explains: Difference.Class
        /// How many differences it explained.
        public var masked: Int
        /// What is wrong with it, one sentence each: it has expired, explains nothing, or explains too much.
        public var findings: [String]
        /// Who has signed for it and why; nil for an announcement, which is the step's own.
        public var signature: Signature?

        /// A rule and its count.
        public init(
            rule: String, explains: Difference.Class = .announced, masked: Int, findings: [String] = [], signature: Signature? = nil
        ) {
            self.signature = signature
            self.rule = rule
            self.explains = explains
            self.masked = masked
            self.findings = findings
        }
    }

    /// What one layer comes to over all entities.
    public struct LayerCount: Codable, Hashable, Sendable {
        /// The layer.
        public var layer: Difference.Layer
        /// Entities by what the layer comes to.
        public var entities: [String: Int]
        /// Its differences by class.
        public var differences: [String: Int]

        /// The worst of its entities' verdicts; matched when none was compared.
        public var verdict: Verdict { Verdict.allCases.last { entities[$0.rawValue, default: 0] > 0 } ?? .matched }

        mutating func add(_ other: LayerCount) {
            entities.merge(other.entities, uniquingKeysWith: +)
            differences.merge(other.differences, uniquingKeysWith: +)
        }
    }

    /// So many places and so many causes are told apart, so that a summary has a size that does not grow with the entities. What differs at
    /// further ones is counted under `other places` and `other causes`.
    public static let maximumPlaces = 1000

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
    /// The announcements and rules in the order given.
    public private(set) var rules: [Rule] = []
    /// The three layers, each with a verdict of its own.
    public private(set) var layers: [LayerCount] = Difference.Layer.allCases.map { LayerCount(layer: $0, entities: [:], differences: [:]) }
    /// Unexplained differences by what seems to have caused them, most frequent first.
    public private(set) var causes: [Cause] = []
    /// How long entities waited in the steps that the candidate has completed on its own, in order of steps.
    public private(set) var times: [StepTimes] = []
    /// The steps in which they wait longer on the candidate's path, unless a plan announces it.
    public var slower: [StepTimes] { times.filter { $0.isSlower && !mayTakeLonger.contains($0.step) } }
    /// How many mismatches are kept.
    public private(set) var limit: Int

    /// An empty summary of the comparisons that `comparator` will make; keeps the first `limit` mismatches in full.
    public init(comparator: Comparator = Comparator(), keeping limit: Int = 100) {
        self.limit = limit
        ledger = RuleLedger(comparator)
        rules = ledger.rules
        mayTakeLonger = comparator.mayTakeLonger
    }

    private var mayTakeLonger: Set<StepNumber> = []
    private var ledger = RuleLedger(Comparator())

    /// A summary that goes on where another process has stopped: `saved` is the JSON form of a summary that was made with the same
    /// comparator, `places` its ``places``.
    package init(_ saved: ComparisonSummary, places: [String: Set<String>], comparator: Comparator) {
        self = saved
        mayTakeLonger = comparator.mayTakeLonger
        ledger = RuleLedger(comparator)
        ledger.count(saved.rules, at: places)
        rules = ledger.rules
    }

    /// Where each announcement and rule was needed; not part of the JSON form.
    package var places: [String: Set<String>] { ledger.places }

    private enum CodingKeys: String, CodingKey {
        case compared, matched, expectedDifferences, mismatched, mismatches, clusters, rules, layers, causes, times, limit
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
        count(rulesOf: comparison)
        for time in comparison.times { times[index(of: time.step)].add(time) }
        for index in layers.indices { count(comparison, at: index) }
        guard !comparison.differences.isEmpty else { return }
        if let cause = Cause.of(comparison) { count(cause) }
        for place in Set(comparison.differences.map { Place(layer: $0.layer, path: $0.path) }) { count(place, of: comparison) }
        clusters.sort(by: Self.isBefore)
    }

    /// Counts entities that are the same on both paths, and of which durable has completed no step.
    package mutating func add(matched count: Int) {
        guard count > 0 else { return }
        compared += count
        matched += count
        for index in layers.indices { layers[index].entities[Verdict.matched.rawValue, default: 0] += count }
    }

    /// Adds what the same comparator says of other entities, whose ids come after all of these. The result is that of one summary of all
    /// entities.
    package mutating func merge(_ later: ComparisonSummary) {
        compared += later.compared
        matched += later.matched
        expectedDifferences += later.expectedDifferences
        mismatched += later.mismatched
        mismatches += later.mismatches.prefix(limit - mismatches.count)
        ledger.count(later.rules, at: later.places)
        rules = ledger.rules
        for time in later.times { times[index(of: time.step)].add(time) }
        for index in layers.indices { layers[index].add(later.layers[index]) }
        for cause in later.causes { count(cause) }
        for cluster in later.clusters { count(cluster) }
        clusters.sort(by: Self.isBefore)
    }

    /// Where the times of `step` stand.
    private mutating func index(of step: StepNumber) -> Int {
        let index = times.firstIndex { $0.step >= step } ?? times.count
        if index == times.count || times[index].step != step { times.insert(StepTimes(step: step), at: index) }
        return index
    }

    private struct Place: Hashable {
        let layer: Difference.Layer
        let path: String
    }

    private mutating func count(_ comparison: Comparison, at index: Int) {
        let layer = layers[index].layer
        layers[index].entities[comparison.verdict(of: layer).rawValue, default: 0] += 1
        for difference in comparison.differences where difference.layer == layer {
            layers[index].differences[difference.explanation.rawValue, default: 0] += 1
        }
    }

    private mutating func count(rulesOf comparison: Comparison) {
        guard !comparison.differences.isEmpty else { return }
        ledger.count(comparison.differences)
        rules = ledger.rules
    }

    private mutating func count(_ cause: Cause) {
        var cause = cause
        var index = causes.firstIndex { $0.isSame(as: cause) }
        if index == nil, causes.count >= Self.maximumPlaces {
            (cause.step, cause.first, cause.state) = (nil, "other causes", nil)
            index = causes.firstIndex { $0.isSame(as: cause) }
        }
        if let index { causes[index].entities += cause.entities } else { causes.append(cause) }
        causes.sort { ($1.entities, $0.example) < ($0.entities, $1.example) }
    }

    private mutating func count(_ place: Place, of comparison: Comparison) {
        let isUnexpected = comparison.differences.contains { $0.layer == place.layer && $0.path == place.path && !$0.expected }
        let entity = comparison.entity.rawValue
        count(Cluster(layer: place.layer, path: place.path, entities: 1, unexpected: isUnexpected ? 1 : 0, example: entity))
    }

    private mutating func count(_ cluster: Cluster) {
        var cluster = cluster
        var index = clusters.firstIndex { $0.layer == cluster.layer && $0.path == cluster.path }
        if index == nil, clusters.count >= Self.maximumPlaces {
            cluster.path = "other places"
            index = clusters.firstIndex { $0.layer == cluster.layer && $0.path == cluster.path }
        }
        guard let index else { return clusters.append(cluster) }
        if cluster.unexpected > 0 && clusters[index].unexpected == 0 { clusters[index].example = cluster.example }
        clusters[index].entities += cluster.entities
        clusters[index].unexpected += cluster.unexpected
    }

    private static func isBefore(_ left: Cluster, _ right: Cluster) -> Bool {
        if left.unexpected != right.unexpected { return left.unexpected > right.unexpected }
        if left.entities != right.entities { return left.entities > right.entities }
        return (left.layer.rawValue, left.path) < (right.layer.rawValue, right.path)
    }
}
