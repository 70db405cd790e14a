public import Events

/// What became of the entities for which legacy alone came to something else than the hybrid run (I7).
///
/// Each of them is replayed: legacy alone gets what the hybrid run had, at the moments at which it had it. It is `same`, or excused by
/// declared rules, or a finding.
public struct LegacyComparison: Codable, Hashable, Sendable {
    /// The entities for which legacy alone, with nothing going wrong inside it, came to something else. A run that ends after so many violations
    /// does not explain all of them.
    public var differed = 0
    /// Of these, those for which legacy with the hybrid run's answers and moments comes to what the hybrid run came to.
    public var same = 0
    /// Of these, those that it comes to only under the rules, by ``ReplayRule/name(of:)``.
    public var excused: [String: Int] = [:]
    /// The first of those that are excused.
    public var cases: [ExcusedCase] = []
    /// Of these, those that nothing explains; each is a violation.
    public var findings = 0
    /// How many of the findings were measured against random runs of legacy alone.
    public var measured = 0
    /// Of those measured, how many some random run comes to. Excuses nothing.
    public var withinSpread = 0

    /// Nothing was compared.
    public init() {}

    private static let mostCases = 20

    /// Adds an entity that legacy comes to under `rules`, which may be none.
    public mutating func add(_ entity: EntityID, under rules: Set<ReplayRule>) {
        guard !rules.isEmpty else { return same += 1 }
        let name = ReplayRule.name(of: rules)
        excused[name, default: 0] += 1
        if cases.count < Self.mostCases { cases.append(ExcusedCase(entity: entity, rules: name)) }
    }

    /// One line; nil when nothing differed.
    public var text: String? {
        guard differed > 0 else { return nil }
        let rules = excused.sorted { $0.key < $1.key }.map { "\($0.value) excused by \($0.key)" }
        let parts = ["\(same) the same with hybrid's answers and moments"] + rules + [findings.counted("finding")]
        let spread = measured > 0 ? " (random runs of legacy alone come to \(withinSpread) of \(measured))" : ""
        return "legacy alone: \(differed.counted("entity", "entities")) differed: \(parts.joined(separator: ", "))\(spread)"
    }
}

/// An entity for which legacy alone comes to what the hybrid run came to only under a rule.
public struct ExcusedCase: Codable, Hashable, Sendable {
    /// The entity.
    public var entity: EntityID
    /// The rules, by ``ReplayRule/name(of:)``.
    public var rules: String
}

/// One thing in which legacy alone, given all that the hybrid run had, may still differ from it.
///
/// A rule excuses nothing by itself: legacy is replayed with this one thing as the hybrid run had it, and has to come to exactly what the
/// hybrid run came to.
public enum ReplayRule: String, Codable, Hashable, Sendable, CaseIterable {
    /// The clock was wrong while a durable step had the entity. The step's timers and the cron job see a wrong clock differently: a look that one of
    /// them makes by it, the other does not make, and after the clock is set right either may wait a day longer. In the replay the cron job
    /// looks in that time only when the hybrid run did. As long as the clock is right, there is no such excuse.
    case wrongClockWhileDurable
    /// Legacy took the entity back in the middle of a step: an operator recalled it, or the step failed. The record says when the step had
    /// looked before it waited last, and not that a look since then has found nothing: legacy looks again sooner than it would have, by a
    /// day at most. In the replay the cron job looks in that time only when the hybrid run did.
    case takenBack
    /// The two sides ask the outside at different moments, and a repeated delivery answered what legacy had not asked yet: its table says nothing
    /// about it there. In the replay the outside answers by itself, the same to the same call. As long as legacy has a place for every
    /// delivery in the replay without this rule, there is no such excuse.
    case outsideAnswers

    /// What a set of rules is called: `outsideAnswers+wrongClockWhileDurable`.
    public static func name(of rules: Set<ReplayRule>) -> String { rules.map(\.rawValue).sorted().joined(separator: "+") }

    /// True when the rule can excuse anything after `run`, a replay without it.
    public func applies(after run: SimulationRun) -> Bool {
        switch self {
        case .wrongClockWhileDurable: run.schedule.jumps.contains { $0.skew != .zero }
        case .takenBack: true
        case .outsideAnswers: run.moves["undefined", default: 0] > 0
        }
    }

    /// Every set of rules under which legacy is replayed, the fewest first; the first is the replay without a rule.
    public static let sets: [Set<ReplayRule>] = {
        let all = allCases.reduce(into: [[]] as [Set<ReplayRule>]) { sets, rule in sets += sets.map { $0.union([rule]) } }
        return (0...allCases.count).flatMap { size in all.filter { $0.count == size } }
    }()
}
