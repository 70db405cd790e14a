import Events
import Outcomes

/// Leaves out of two scanned lines what is the same in both, and decodes the rest.
struct LineReduction {
    private let left: UnsafeRawBufferPointer
    private let right: UnsafeRawBufferPointer
    private let asked: AskedOfControl
    /// What is kept of each line, by index.
    private var facts: (left: [Int], right: [Int]) = ([], [])
    private var effects: (left: [Int], right: [Int]) = ([], [])
    /// True when anything may differ but times and wait points.
    private(set) var differs = false

    /// Keys are searched one by one: with more of them the line is decoded whole.
    private static let maximumEffects = 64

    init(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, _ asked: AskedOfControl) {
        (self.left, self.right, self.asked) = (left, right, asked)
    }

    /// Finds what has to be decoded; false when that is not certain.
    mutating func reduce(_ control: LineScan, _ candidate: LineScan) -> Bool {
        differs =
            !left[part: control.status].isSame(as: right[part: candidate.status])
            || !left[part: control.state].isSame(as: right[part: candidate.state])
        guard Self.isAscending(control.facts, left), Self.isAscending(candidate.facts, right) else { return false }
        reduceFacts(control.facts, candidate.facts)
        guard Self.areUnique(control.effects, left), Self.areUnique(candidate.effects, right) else { return false }
        return reduceEffects(control.effects, candidate.effects)
    }

    /// Both are in order of names, and no name is there twice.
    private mutating func reduceFacts(_ control: [LineScan.Fact], _ candidate: [LineScan.Fact]) {
        var (i, j) = (0, 0)
        while i < control.count || j < candidate.count {
            let before = i < control.count ? left[part: control[i].name] : nil
            let after = j < candidate.count ? right[part: candidate[j].name] : nil
            if let before, let after, before.isSame(as: after) {
                let isSame = left[part: control[i].value].isSame(as: right[part: candidate[j].value])
                differs = differs || !isSame
                if !isSame || asked.hasFact(before) { keepFacts(i, j) }
                (i, j) = (i + 1, j + 1)
            } else if let before, after.map({ before.precedes($0) }) ?? true {
                keepFacts(i, nil)
                (i, differs) = (i + 1, true)
            } else {
                keepFacts(nil, j)
                (j, differs) = (j + 1, true)
            }
        }
    }

    private mutating func keepFacts(_ i: Int?, _ j: Int?) {
        if let i { facts.left.append(i) }
        if let j { facts.right.append(j) }
    }

    /// Walks through both; false when what both have is not in one order, or has other ids: those of the candidate would have to be read as
    /// the control's. Effects of several visits have the same place to the comparator, which pairs them up by their requests: what differs
    /// has to be the only one at its place.
    private mutating func reduceEffects(_ control: [LineScan.Effect], _ candidate: [LineScan.Effect]) -> Bool {
        var (i, j) = (0, 0)
        while i < control.count || j < candidate.count {
            if i < control.count, j < candidate.count, key(control[i]).isSame(as: right[part: candidate[j].key]) {
                guard keepPair(control, i, candidate, j) else { return false }
                (i, j) = (i + 1, j + 1)
            } else if i < control.count, isAlone(control[i], left, in: control, left), !isThere(control[i], left, in: candidate, right) {
                effects.left.append(i)
                (i, differs) = (i + 1, true)
            } else if j < candidate.count, isAlone(candidate[j], right, in: candidate, right),
                !isThere(candidate[j], right, in: control, left)
            {
                effects.right.append(j)
                (j, differs) = (j + 1, true)
            } else {
                return false
            }
        }
        return true
    }

    private func key(_ effect: LineScan.Effect) -> UnsafeRawBufferPointer { left[part: effect.key] }

    private mutating func keepPair(_ control: [LineScan.Effect], _ i: Int, _ candidate: [LineScan.Effect], _ j: Int) -> Bool {
        let isSame = left[part: control[i].whole].isSame(as: right[part: candidate[j].whole])
        guard isSame || hasOneCounterpart(control, i, candidate, j) else { return false }
        differs = differs || !isSame
        if !isSame || asked.hasOperation(left[part: control[i].operation]) {
            effects.left.append(i)
            effects.right.append(j)
        }
        return true
    }

    private func hasOneCounterpart(_ control: [LineScan.Effect], _ i: Int, _ candidate: [LineScan.Effect], _ j: Int) -> Bool {
        left[part: control[i].ids].isSame(as: right[part: candidate[j].ids]) && isAlone(control[i], left, in: control, left)
            && isAlone(candidate[j], right, in: candidate, right)
    }

    private typealias Line = UnsafeRawBufferPointer

    private func isAlone(_ effect: LineScan.Effect, _ line: Line, in others: [LineScan.Effect], _ place: Line) -> Bool {
        others.count { Self.isSamePlace(effect, line, $0, place) } == 1
    }

    private func isThere(_ effect: LineScan.Effect, _ line: Line, in others: [LineScan.Effect], _ place: Line) -> Bool {
        others.contains { Self.isSamePlace(effect, line, $0, place) }
    }

    /// True when both have the same key but for the visit.
    private static func isSamePlace(_ effect: LineScan.Effect, _ line: Line, _ other: LineScan.Effect, _ place: Line) -> Bool {
        line[part: effect.operation.lowerBound..<effect.key.upperBound].isSame(
            as: place[part: other.operation.lowerBound..<other.key.upperBound])
            && line[part: effect.step].isSame(as: place[part: other.step])
    }

    private static func isAscending(_ facts: [LineScan.Fact], _ line: UnsafeRawBufferPointer) -> Bool {
        facts.indices.dropFirst().allSatisfy { line[part: facts[$0 - 1].name].precedes(line[part: facts[$0].name]) }
    }

    private static func areUnique(_ effects: [LineScan.Effect], _ line: UnsafeRawBufferPointer) -> Bool {
        guard effects.count <= maximumEffects else { return false }
        return effects.indices.allSatisfy { index in
            let key = line[part: effects[index].key]
            return !effects[..<index].contains { line[part: $0.key].isSame(as: key) }
        }
    }

    /// Both observations without what was left out.
    func observations(_ control: LineScan, _ candidate: LineScan) throws -> (control: Observation, candidate: Observation) {
        var before = try observation(left, control, "legacy", facts.left, effects.left)
        var after = try observation(right, candidate, "hybrid", facts.right, effects.right)
        guard !candidate.visits.isEmpty else { return (before, after) }
        after.visits = try LineReader.counts(Self.value(right, candidate.visits), "visits") { StepNumber($0) }
        if !control.waits.isEmpty { before.waits = try LineReader.waits(Self.value(left, control.waits)) }
        if !candidate.waits.isEmpty { after.waits = try LineReader.waits(Self.value(right, candidate.waits)) }
        return (before, after)
    }

    private func observation(
        _ line: UnsafeRawBufferPointer, _ scan: LineScan, _ path: String, _ facts: [Int], _ effects: [Int]
    ) throws -> Observation {
        let entity = EntityID(Self.text(line, scan.entity))
        var outcome = Outcome(status: Self.text(line, scan.status), state: Self.text(line, scan.state))
        for index in facts {
            let fact = scan.facts[index]
            outcome.facts[Self.text(line, fact.name)] = try Self.value(line, fact.value)
        }
        let ledger = try effects.map { try LineReader.entry(Self.value(line, scan.effects[$0].whole), of: entity) }
        var observation = Observation(entity: entity, path: path, outcome: outcome, ledger: ledger)
        if asked.asksForUnhandled, !scan.unhandled.isEmpty {
            observation.unhandled = try LineReader.unhandled(Self.value(line, scan.unhandled))
        }
        return observation
    }

    private static func text(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        String(decoding: line[part: range], as: UTF8.self)
    }

    private static func value(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> JSONValue {
        try JSONValue(parsing: Array(line[part: range]), within: .recordingLine)
    }
}
