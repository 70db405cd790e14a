import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import Outcomes
import ShadowComparator

/// Where one side stands at a moment, and what it has done since the visit began.
struct ShadowStanding {
    var state: String
    var record: JSONValue
    var ledger: [LedgerEntry] = []
}

/// Where one side stood, and since when.
struct StandingHistory {
    private var all: [(at: Timestamp, standing: ShadowStanding)]

    /// Where both sides of a visit begin.
    init(_ record: ShadowRecord) {
        all = [(record.notes[0].at, ShadowStanding(state: record.notes[0].state, record: record.record))]
    }

    /// Where it stands.
    var last: ShadowStanding { all[all.count - 1].standing }

    mutating func add(_ standing: ShadowStanding, at now: Timestamp) { all.append((now, standing)) }

    /// Where it stood from `moment` on.
    func since(_ moment: Timestamp) -> [ShadowStanding] {
        let first = all.lastIndex { $0.at <= moment } ?? 0
        return all[first...].map(\.standing)
    }
}

/// The owner's way through a visit, a note after the other.
struct ControlTrail {
    private(set) var standings: StandingHistory
    /// Effects of later steps in the last transaction: what comes after the step began in the transition that ended it.
    private(set) var ofLaterSteps: [LedgerEntry] = []
    private let step: StepNumber
    private var told: Set<DeliveryName> = []

    init(_ record: ShadowRecord) {
        step = record.visit.step
        standings = StandingHistory(record)
    }

    /// True for an event that was told before: the owner's machine tries the same one several times.
    func knows(_ event: Event) -> Bool { told.contains(DeliveryName(event.source, event.id)) }

    /// Where the owner stands.
    var standing: ShadowStanding { standings.last }

    mutating func add(_ note: ShadowNote) {
        if let event = note.told { told.insert(DeliveryName(event.source, event.id)) }
        var standing = standing
        standing.state = note.state
        if let record = note.record { standing.record = record }
        let isAfter = { [step] (entry: LedgerEntry) in note.isLast && !note.isFinal && entry.key.step > step }
        ofLaterSteps = note.calls.effects.filter(isAfter)
        standing.ledger += note.calls.effects.filter { !isAfter($0) }
        standings.add(standing, at: note.at)
    }
}

/// Puts the two sides of a visit together, and says in what they differ.
struct ShadowJudgement<State: MachineState, Record: Codable & Sendable> {
    let domain: Domain<State, Record>
    let visit: ShadowVisit

    /// In what the states at a wait differ. Who stands where the other stood until then, no longer ago than `tolerance`, is on the same
    /// way: the two look at other moments. What `comparator` explains at the end of a step, it explains here, too.
    func differences(
        at wait: String, _ control: StandingHistory, _ candidate: StandingHistory, at now: Timestamp, tolerance: Duration,
        _ comparator: Comparator
    ) throws -> [Difference] {
        let (left, right) = (try facts(control.last), try facts(candidate.last))
        let then = Timestamp(milliseconds: now.milliseconds - tolerance.milliseconds)
        guard left != right, try !candidate.since(then).contains(where: { try facts($0) == left }),
            try !control.since(then).contains(where: { try facts($0) == right })
        else { return [] }
        let explained = comparator.compare(
            control: try observation("legacy", control.last, isOver: false),
            candidate: try observation("durable", candidate.last, isOver: false)
        ).differences.filter(\.expected)
        return Set(left.keys).union(right.keys).sorted().compactMap { name in
            guard left[name] != right[name] else { return nil }
            let kind: Difference.Kind = left[name] == nil ? .extra : right[name] == nil ? .missing : .changed
            let same = explained.first { $0.path == name }
            return Difference(
                layer: .state, kind: kind, path: "\(wait)/\(name)", control: left[name], candidate: right[name], rule: same?.rule,
                explanation: same?.explanation)
        }
    }

    private func facts(_ standing: ShadowStanding) throws -> [String: JSONValue] {
        let outcome = try outcome(standing)
        return outcome.facts.merging(["state": .string(standing.state), "status": .string(outcome.status)]) { $1 }
    }

    func observation(_ path: String, _ standing: ShadowStanding, isOver: Bool) throws -> Observation {
        Observation(
            entity: visit.entity, path: path, outcome: try outcome(standing), ledger: standing.ledger,
            visits: isOver ? [visit.step: 1] : [:])
    }

    private func outcome(_ standing: ShadowStanding) throws -> Outcome {
        guard let state = State(rawValue: standing.state) else {
            throw UnknownRecord("\(visit): expected a state of machine \(domain.machine.name), found \(standing.state)")
        }
        return domain.outcome(try standing.record.decoded(), state, standing.ledger)
    }
}

/// A visit's step has no durable code in this build.
struct PlanlessStep: Error, CustomStringConvertible {
    let step: StepNumber
    var description: String { "step \(step): expected durable code for it, found none" }
}

/// The durable code of a visit does not come to rest.
struct EndlessShadow: Error, CustomStringConvertible {
    let visit: ShadowVisit
    var description: String { "\(visit): expected the durable code to come to rest, found work without an end" }
}

extension ShadowResult {
    /// What following the visit of `record` came to. `effects` have answered the follower; nil when there was nothing to follow.
    init(_ record: ShadowRecord, _ verdict: Verdict, _ effects: RecordedEffects? = nil) {
        self.init(visit: record.visit, at: record.endedAt, path: record.notes.last?.path ?? "", verdict: verdict)
        guard let effects else { return }
        answered = effects.answered
        unanswered = effects.missingCalls.count + effects.missingReads.count
    }
}
