import Events

/// How often every announcement and rule was needed, and what is wrong with it.
///
/// Two of them are equal: what they come to is in the summary's rules.
struct RuleLedger: Hashable, Sendable {
    private(set) var rules: [ComparisonSummary.Rule]
    /// Where each rule stands in ``rules``.
    private var indices: [String: Int]
    private let expired: [String: String]
    /// Rules that say themselves how far they reach.
    private let bounded: Set<String>
    /// Where each rule was needed, at most ``keptPlaces`` of them.
    private(set) var places: [String: Set<String>] = [:]

    /// A rule that explains differences at more places than this is a wildcard, whatever its text says.
    private static let mostPlaces = 4
    private static let keptPlaces = 1000

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
        indices = Dictionary(rules.enumerated().map { ($1.rule, $0) }, uniquingKeysWith: { first, _ in first })
        for index in rules.indices { judge(index) }
    }

    static func == (left: RuleLedger, right: RuleLedger) -> Bool { true }

    func hash(into hasher: inout Hasher) {}

    mutating func count(_ differences: [Difference]) {
        for difference in differences where difference.expected {
            guard let rule = difference.rule else { continue }
            note(rule, at: difference.path)
            count(ComparisonSummary.Rule(rule: rule, explains: difference.explanation, masked: 1))
        }
    }

    /// Adds what others have counted, at the places where their rules were needed.
    mutating func count(_ others: [ComparisonSummary.Rule], at places: [String: Set<String>]) {
        for (rule, paths) in places { for path in paths { note(rule, at: path) } }
        for rule in others { count(rule) }
    }

    private mutating func note(_ rule: String, at path: String) {
        if places[rule]?.count ?? 0 < Self.keptPlaces { places[rule, default: []].insert(path) }
    }

    private mutating func count(_ rule: ComparisonSummary.Rule) {
        guard let index = indices[rule.rule] else {
            indices[rule.rule] = rules.count
            rules.append(rule)
            return
        }
        rules[index].masked += rule.masked
        judge(index)
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
