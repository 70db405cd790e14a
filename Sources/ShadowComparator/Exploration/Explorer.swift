import Events
import Outcomes

/// Takes both paths through every schedule of a window of deliveries, up to bounds, and compares what they come to.
///
/// A joint state is a pair of states of the paths with what can still happen. One that is met again is not gone through again: the
/// schedules that lead on from it are counted, and what they come to is known. Each path's code is run once for every different step of its
/// own; the pairs are made of numbers.
public final class Explorer {
    /// A pair of the paths' states, and what was spent of the bounds.
    fileprivate struct Joint: Hashable {
        var control: Int32
        var candidate: Int32
        /// The deliveries that have arrived, a bit each.
        var arrived: UInt16
        var happened: UInt8
        var duplicates: UInt8
        var delays: UInt8
        var crashes: UInt8
    }

    private struct StepKey: Hashable {
        let state: Int32
        let step: ExplorationStep
    }

    private struct Pair: Hashable {
        let control: Int32
        let candidate: Int32
    }

    private let window: ExplorationWindow
    private let bounds: ExplorationBounds
    private let comparator: Comparator
    private let control: Side
    private let candidate: Side
    private let most: Int
    private var known: [Joint: UInt64] = [:]
    private var compared: Set<Pair> = []
    private var walked: [ExplorationStep] = []
    private var result: ExplorationResult
    private let progress: (ExplorationResult) -> Void

    /// An exploration. It stops with ``TooManyStates`` at more than `most` joint states; `progress` is told now and then how far it is.
    public init(
        _ window: ExplorationWindow, bounds: ExplorationBounds, control: any ExploredPath, candidate: any ExploredPath,
        comparator: Comparator, most: Int = 20_000_000, progress: @escaping (ExplorationResult) -> Void = { _ in }
    ) {
        self.window = window
        self.bounds = bounds
        self.comparator = comparator
        self.control = Side("legacy", control)
        self.candidate = Side("hybrid", candidate)
        self.most = most
        self.progress = progress
        result = ExplorationResult(bounds: bounds)
    }

    /// Explores.
    public func run() async throws -> ExplorationResult {
        let start = Joint(
            control: Int32(control.path.start), candidate: Int32(candidate.path.start), arrived: 0, happened: UInt8(window.happened),
            duplicates: 0, delays: 0, crashes: 0)
        result.covered = try await explore(start)
        result.states = known.count
        for side in [control, candidate] {
            result.paths[side.name] = side.path.figures
            result.paths[side.name]?.endings = side.endings.sorted()
        }
        return result
    }

    /// Goes through everything that can follow, and returns how many schedules that is.
    private func explore(_ joint: Joint) async throws -> UInt64 {
        if let schedules = known[joint] {
            result.executed += 1
            return schedules
        }
        var schedules: UInt64 = 0
        if isEnd(joint) {
            try await compare(joint)
            result.executed += 1
            schedules = 1
        }
        for move in try await moves(from: joint) {
            schedules = schedules.adding(try await explore(joint, by: move))
        }
        known[joint] = schedules
        guard known.count <= most else { throw TooManyStates(most: most, bounds: bounds) }
        if known.count % 100_000 == 0 {
            result.states = known.count
            progress(result)
        }
        return schedules
    }

    /// A move without a death, then with one after each piece of its work, if there may be one more.
    private func explore(_ joint: Joint, by move: ExplorationMove) async throws -> UInt64 {
        var (schedules, work) = try await explore(joint, by: ExplorationStep(move))
        guard Int(joint.crashes) < bounds.crashes, work > 0 else { return schedules }
        for dies in 1...work { schedules = schedules.adding(try await explore(joint, by: ExplorationStep(move, dies: dies)).schedules) }
        return schedules
    }

    private func explore(_ joint: Joint, by step: ExplorationStep) async throws -> (schedules: UInt64, work: Int) {
        result.transitions += 1
        let before = try await control.step(joint.control, step)
        let after = try await candidate.step(joint.candidate, step)
        try await checkRepetition(step, joint, (before.state, after.state))
        var next = joint.after(step)
        (next.control, next.candidate) = (before.state, after.state)
        walked.append(step)
        defer { walked.removeLast() }
        return (try await explore(next), max(before.work, after.work))
    }

    private func checkRepetition(_ step: ExplorationStep, _ joint: Joint, _ after: (control: Int32, candidate: Int32)) async throws {
        guard case .repeats(let index) = step.move, step.dies == nil else { return }
        let kind = window.deliveries[index].kind
        let isOnce = (
            try await control.comesToTheSame(joint.control, after.control),
            try await candidate.comesToTheSame(joint.candidate, after.candidate)
        )
        result.check(ExplorationResult.duplicateIsOnce, of: control.name, kind, holds: isOnce.0)
        result.check(ExplorationResult.duplicateIsOnce, of: candidate.name, kind, holds: isOnce.1)
    }

    // MARK: What can follow

    private func isUnderWay(_ index: Int, _ joint: Joint) -> Bool {
        index < Int(joint.happened) && window.deliveries[index].arrives && joint.arrived & 1 << UInt16(index) == 0
    }

    private func underWay(_ joint: Joint) -> [Int] { window.deliveries.indices.filter { isUnderWay($0, joint) } }

    /// Everything has happened, and what has not arrived can be lost.
    private func isEnd(_ joint: Joint) -> Bool {
        Int(joint.happened) == window.deliveries.count && underWay(joint).count <= bounds.losses
    }

    private func moves(from joint: Joint) async throws -> [ExplorationMove] {
        let underWay = underWay(joint)
        var moves = underWay.map { ExplorationMove.arrives($0) }
        if let next = try await nextHappening(joint) { moves.append(next) }
        if Int(joint.duplicates) < bounds.duplicates {
            moves += window.deliveries.indices.filter { joint.arrived & 1 << UInt16($0) != 0 }.map { .repeats($0) }
        }
        if Int(joint.delays) < bounds.delays, !underWay.isEmpty, let next = nextDue(joint) { moves.append(.passes(until: next)) }
        return moves
    }

    /// What happens outside next: at its time, or when both paths have asked for it. Nothing when that takes longer and more is under way
    /// than can be lost, so that something has to arrive first.
    private func nextHappening(_ joint: Joint) async throws -> ExplorationMove? {
        let index = Int(joint.happened)
        guard index < window.deliveries.count else { return nil }
        let asked = (
            try await control.path.asks(for: index, from: Int(joint.control)),
            try await candidate.path.asks(for: index, from: Int(joint.candidate))
        )
        guard let first = asked.0, let second = asked.1 else {
            result.unanswerable += 1
            return nil
        }
        let moment = max(window.deliveries[index].at, first, second)
        if moment > window.deliveries[index].at, underWay(joint).count > bounds.losses { return nil }
        return .happens(index, at: moment)
    }

    /// When one of the paths does something by itself next, if that is before something happens outside.
    private func nextDue(_ joint: Joint) -> Timestamp? {
        let next = [control.path.nextDue(Int(joint.control)), candidate.path.nextDue(Int(joint.candidate))].compactMap { $0 }.min()
        guard let next, Int(joint.happened) < window.deliveries.count else { return next }
        return next < window.deliveries[Int(joint.happened)].at ? next : nil
    }

    // MARK: Ends

    private func compare(_ joint: Joint) async throws {
        let pair = Pair(control: try await control.end(joint.control), candidate: try await candidate.end(joint.candidate))
        control.note(pair.control)
        candidate.note(pair.candidate)
        for index in underWay(joint) { try await checkLoss(of: index, joint) }
        guard compared.insert(pair).inserted else { return }
        let comparison = comparator.compare(
            control: control.ends[Int(pair.control)], candidate: candidate.ends[Int(pair.candidate)])
        result.ends += 1
        guard let cause = ComparisonSummary.Cause.of(comparison) else { return }
        result.unexplained += 1
        result.add(ExplorationResult.Finding(cause: cause, schedule: walked.map { $0.text(in: window) }, ends: 1))
    }

    /// A delivery that is lost, beside the same delivery had it arrived at the last moment.
    private func checkLoss(of index: Int, _ joint: Joint) async throws {
        let arrival = ExplorationStep(.arrives(index))
        let kind = window.deliveries[index].kind
        let isFound = (
            try await control.comesToTheSame(joint.control, try await control.step(joint.control, arrival).state),
            try await candidate.comesToTheSame(joint.candidate, try await candidate.step(joint.candidate, arrival).state)
        )
        result.check(ExplorationResult.lostIsFound, of: control.name, kind, holds: isFound.0)
        result.check(ExplorationResult.lostIsFound, of: candidate.name, kind, holds: isFound.1)
    }

    /// One path with everything that is known of it.
    private final class Side {
        let name: String
        let path: any ExploredPath
        private var steps: [StepKey: (state: Int32, work: Int)] = [:]
        private var endOf: [Int32: Int32] = [:]
        private(set) var ends: [Observation] = []
        private(set) var endings: Set<String> = []
        private var noted: Set<Int32> = []
        private var numbers: [Observation: Int32] = [:]

        init(_ name: String, _ path: any ExploredPath) { (self.name, self.path) = (name, path) }

        func step(_ state: Int32, _ step: ExplorationStep) async throws -> (state: Int32, work: Int) {
            let key = StepKey(state: state, step: step)
            if let known = steps[key] { return known }
            let found = try await path.step(Int(state), step)
            steps[key] = (Int32(found.state), found.work)
            return (Int32(found.state), found.work)
        }

        /// The number of the end; equal ends have the same.
        func end(_ state: Int32) async throws -> Int32 {
            if let known = endOf[state] { return known }
            let end = try await path.end(Int(state))
            let number = numbers[end] ?? Int32(ends.count)
            if numbers.updateValue(number, forKey: end) == nil { ends.append(end) }
            endOf[state] = number
            return number
        }

        /// An end of a whole schedule.
        func note(_ end: Int32) {
            if noted.insert(end).inserted { endings.insert(ends[Int(end)].digest) }
        }

        /// True when two states are one, or end in the same outcome with the same effects.
        func comesToTheSame(_ one: Int32, _ other: Int32) async throws -> Bool {
            if one == other { return true }
            let (one, other) = (try await end(one), try await end(other))
            return one == other || Comparator().compare(control: ends[Int(one)], candidate: ends[Int(other)]).verdict == .matched
        }
    }
}

extension Explorer.Joint {
    fileprivate func after(_ step: ExplorationStep) -> Self {
        var next = self
        switch step.move {
        case .happens(let index, _): next.happened = UInt8(index + 1)
        case .arrives(let index): next.arrived |= 1 << UInt16(index)
        case .repeats: next.duplicates += 1
        case .passes: next.delays += 1
        }
        if step.dies != nil { next.crashes += 1 }
        return next
    }
}

extension UInt64 {
    fileprivate func adding(_ other: UInt64) -> UInt64 {
        let (sum, isTooMuch) = addingReportingOverflow(other)
        return isTooMuch ? .max : sum
    }
}

extension ExplorationStep {
    /// The step as a line of a schedule.
    fileprivate func text(in window: ExplorationWindow) -> String {
        let what =
            switch move {
            case .happens(let index, let moment): "\(window.deliveries[index].kind) happens outside at \(moment)"
            case .arrives(let index): "\(window.deliveries[index].kind) arrives"
            case .repeats(let index): "\(window.deliveries[index].kind) arrives again"
            case .passes(let until): "time passes until \(until)"
            }
        return what + (dies.map { ", and the process dies after piece \($0) of its work" } ?? "")
    }
}

/// An exploration has more joint states than it may.
public struct TooManyStates: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many it may have.
    public let most: Int
    /// How far it was to go.
    public let bounds: ExplorationBounds

    /// One sentence.
    public var description: String {
        "expected at most \(most.counted("joint state")), found more with \(bounds); explore fewer deliveries, or less of what happens to them"
    }
}

extension Observation {
    /// A hash of what is compared.
    fileprivate var digest: String {
        let facts = outcome.facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.canonicalText)" }
        let effects = ledger.map { "\($0.key) \($0.request.canonicalText)" }
        let counts = visits.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
        return StableHash.hexadecimal(([outcome.status, outcome.state] + facts + effects + counts).joined(separator: "\n"))
    }
}
