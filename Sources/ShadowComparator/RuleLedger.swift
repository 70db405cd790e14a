import Events

/// How often every announcement and rule was needed, and what is wrong with it.
///
/// Two of them are equal: what they come to is in the summary's rules.
struct RuleLedger: Hashable, Sendable {
    private(set) var rules: [ComparisonSummary.Rule]
    private let expired: [String: String]
    /// Rules that say themselves how far they reach.
    private let bounded: Set<String>
    private var places: [String: Set<String>] = [:]

    /// A rule that explains differences at more places than this is a wildcard, whatever its text says.
    private static let mostPlaces = 4

    init(_ comparator: Comparator) {
        let announced = comparator.announcements.map { ComparisonSummary.Rule(rule: $0.description, masked: 0) }
        let signed = comparator.rules.map {
            ComparisonSummary.Rule(rule: $0.description, explains: $0.explanation, masked: 0, signature: .init($0))
        }
        expired = Dictionary(
            comparator.rules.filter { !$0.counts(at: comparator.moment) }.map { rule in
                let why = comparator.moment < rule.signed ? "it is signed only from \(rule.signed) on" : "it expired at \(rule.expires)"
                return (rule.description, "\(why), and explains nothing; \(rule.owner) has to renew or remove it")
            }, uniquingKeysWith: { first, _ in first })
        bounded = Set(comparator.rules.filter(\.scope.isParting).map(\.description))
        rules = announced + signed
        for index in rules.indices { judge(index) }
    }

    static func == (left: RuleLedger, right: RuleLedger) -> Bool { true }

    func hash(into hasher: inout Hasher) {}

    mutating func count(_ differences: [Difference]) {
        for difference in differences where difference.expected {
            guard let rule = difference.rule else { continue }
            places[rule, default: []].insert(difference.path)
            if let index = rules.firstIndex(where: { $0.rule == rule }) {
                rules[index].masked += 1
                judge(index)
            } else {
                rules.append(ComparisonSummary.Rule(rule: rule, explains: difference.explanation, masked: 1))
            }
        }
    }

    private mutating func judge(_ index: Int) {
        let rule = rules[index]
        rules[index].findings = []
        if let expired = expired[rule.rule] { return rules[index].findings = [expired] }
        // An intended difference is rare, and has a scenario that shows it.
        if rule.masked == 0, rule.explains != .intended { rules[index].findings.append("it was never needed; remove it or find out why") }
        let found = places[rule.rule]?.count ?? 0
        if rule.explains != .announced, found > Self.mostPlaces, !bounded.contains(rule.rule) {
            rules[index].findings.append("it is over-broad: it explains differences at \(found.counted("place")); write one rule for each")
        }
    }
}
