package import Events
public import Outcomes

/// How long one entity waited in a step on either path.
public struct StepTime: Hashable, Sendable {
    /// The step.
    public let step: StepNumber
    /// Where and how long on the path of the control.
    public let control: Waiting
    /// Where and how long on the other.
    public let candidate: Waiting

    /// Less than this is no difference: looks fall on the full hour on one side, and a day after the last word on the other.
    public static var tolerance: Duration { .hours(2) }

    /// The times of two observations.
    init(in step: StepNumber, control: Observation, candidate: Observation) {
        self.step = step
        self.control = control.waits?[step] ?? Waiting()
        self.candidate = candidate.waits?[step] ?? Waiting()
    }

    var isLonger: Bool { candidate.time - control.time > Self.tolerance }
    var isShorter: Bool { control.time - candidate.time > Self.tolerance }

    /// The difference of an entity that waited longer, in the step or up to the end of one of the states that it went through on both paths.
    /// Less time is none: behind a step that was added, the outside has gone on meanwhile.
    var delay: Difference? {
        if isLonger { return difference(control.time, candidate.time) }
        guard control.states == candidate.states else { return nil }
        let ends = zip(control.ends, candidate.ends)
        return ends.first { $1 - $0 > Self.tolerance }.map { difference($0, $1) }
    }

    private func difference(_ control: Duration, _ candidate: Duration) -> Difference {
        Difference(
            layer: .state, kind: .changed, path: "time/\(step)", control: .string("\(control.inHours) h"),
            candidate: .string("\(candidate.inHours) h"))
    }
}

extension JSONValue {
    /// True for equal values; moments may differ by ``StepTime/tolerance``.
    package func isAlmost(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            left.count == right.count && left.allSatisfy { right[$0.key].map($0.value.isAlmost) ?? false }
        case (.array(let left), .array(let right)): left.count == right.count && zip(left, right).allSatisfy { $0.isAlmost($1) }
        case (.string(let left), .string(let right)): left == right || Self.areNear(left, right)
        default: self == other
        }
    }

    private static func areNear(_ left: String, _ right: String) -> Bool {
        guard let left = Timestamp(left), let right = Timestamp(right) else { return false }
        return max(left, right) - min(left, right) <= StepTime.tolerance
    }
}

/// How long entities waited in a step on either path.
///
/// The time of one entity says little: what a look finds a day later on one path may be found at once on the other, for no reason but the
/// hour of the last word. Such chance lengthens as often as it shortens.
public struct StepTimes: Codable, Hashable, Sendable {
    /// The step.
    public let step: StepNumber
    /// How many entities were compared.
    public private(set) var compared = 0
    /// How many of them waited longer on the candidate's path, by more than ``StepTime/tolerance``.
    public private(set) var longer = 0
    /// How many waited less.
    public private(set) var shorter = 0
    /// All the control's hours, to a tenth for each entity.
    public var controlHours: Double { Double(controlTenths) / 10 }
    /// All the candidate's hours, to a tenth for each entity.
    public var candidateHours: Double { Double(candidateTenths) / 10 }
    /// Whole numbers, so that the sum does not depend on the order of the entities.
    private var controlTenths = 0
    private var candidateTenths = 0

    private enum CodingKeys: CodingKey { case step, compared, longer, shorter, controlHours, candidateHours }

    init(step: StepNumber) { self.step = step }

    /// Reads the JSON form, in which times are hours.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        step = try container.decode(StepNumber.self, forKey: .step)
        compared = try container.decode(Int.self, forKey: .compared)
        longer = try container.decode(Int.self, forKey: .longer)
        shorter = try container.decode(Int.self, forKey: .shorter)
        controlTenths = Int((try container.decode(Double.self, forKey: .controlHours) * 10).rounded())
        candidateTenths = Int((try container.decode(Double.self, forKey: .candidateHours) * 10).rounded())
    }

    /// Writes the JSON form, in which times are hours.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(step, forKey: .step)
        try container.encode(compared, forKey: .compared)
        try container.encode(longer, forKey: .longer)
        try container.encode(shorter, forKey: .shorter)
        try container.encode(controlHours, forKey: .controlHours)
        try container.encode(candidateHours, forKey: .candidateHours)
    }

    mutating func add(_ time: StepTime) {
        compared += 1
        longer += time.isLonger ? 1 : 0
        shorter += time.isShorter ? 1 : 0
        controlTenths += time.control.time.tenthsOfHours
        candidateTenths += time.candidate.time.tenthsOfHours
    }

    /// Adds what other entities waited in the same step.
    mutating func add(_ other: StepTimes) {
        compared += other.compared
        longer += other.longer
        shorter += other.shorter
        controlTenths += other.controlTenths
        candidateTenths += other.candidateTenths
    }

    /// True when chance lengthens so much more often than it shortens in less than one of a thousand comparisons (Hoeffding's bound for
    /// `longer` of `longer + shorter` throws of a coin).
    public var isSlower: Bool {
        let (longer, all) = (Double(longer), Double(longer + shorter))
        return longer * 2 > all && 2 * (longer - all / 2) * (longer - all / 2) >= all * Self.oneInThousand
    }

    /// The natural logarithm of 1,000.
    private static var oneInThousand: Double { 6.907_755 }
}

extension Comparator {
    /// The steps that may take longer, as a plan announces: `{ fact: time/6, change: changed }`.
    var mayTakeLonger: Set<StepNumber> {
        Set(
            announcements.compactMap { announcement in
                guard case .fact(let path) = announcement.place, path.hasPrefix("time/") else { return nil }
                return StepNumber(String(path.dropFirst("time/".count)))
            })
    }
}

extension Duration {
    fileprivate var tenthsOfHours: Int { Int((Double(milliseconds) / 360_000).rounded()) }
    /// Hours, to a tenth.
    fileprivate var inHours: Double { Double(tenthsOfHours) / 10 }
}
