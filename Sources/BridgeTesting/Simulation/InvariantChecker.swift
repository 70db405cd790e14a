public import Events
import HybridRouter
import Outcomes
import Synchronization

/// A law of the hand-off that a run has broken.
public struct Violation: Codable, Hashable, Sendable, CustomStringConvertible {
    /// `I1` to `I7`.
    public var invariant: String
    /// The entity; nil when it is about the run.
    public var entity: EntityID?
    /// What was expected and what was found.
    public var detail: String

    /// A violation.
    public init(invariant: String, entity: EntityID?, detail: String) {
        self.invariant = invariant
        self.entity = entity
        self.detail = detail
    }

    /// One sentence.
    public var description: String { "\(invariant) \(entity?.rawValue ?? "run"): \(detail)" }
}

/// A store that checks, at every commit, what the hand-off promises (I1 to I4), and remembers what was accepted (I3).
///
/// It keeps books of its own, from the moves, so that a store or a bridge that errs is caught by somebody else.
final class InvariantChecker: ForwardingHandoffStore {
    struct Known {
        var epoch = 1
        var owner = Owner.legacy
        var step: StepNumber?
        var completions: [StepNumber: Int] = [:]
        var state = ""
        var accepted = 0
        /// Steps that were taken back for good.
        var recalled: Set<StepNumber> = []
        /// Rows of which a transaction has said what became of them.
        var settled: Set<Int> = []
    }

    fileprivate struct State {
        var known: [EntityID: Known] = [:]
        var order: [EntityID] = []
        var violations: [Violation] = []
        var moves: [String: Int] = [:]
        var accepts = 0
        var wasHalted = false
        var unsettled: Set<EffectKey> = []
        var moved: [(entity: EntityID, to: Owner)] = []
        var digest = RunDigest()
    }

    let base: any HandoffStore
    private let recorder: RunRecorder
    private let state = Mutex(State())

    init(_ base: any HandoffStore, recorder: RunRecorder) { (self.base, self.recorder) = (base, recorder) }

    var violations: [Violation] { state.withLock { $0.violations } }
    var moves: [String: Int] { state.withLock { $0.moves } }
    var digest: RunDigest { state.withLock { $0.digest } }
    /// The number of deliveries made durable, whether or not the caller was told.
    var accepts: Int { state.withLock { $0.accepts } }
    var count: Int { state.withLock { $0.order.count } }
    func entity(_ index: Int) -> EntityID { state.withLock { $0.order[index] } }
    func known(_ entity: EntityID) -> Known? { state.withLock { $0.known[entity] } }
    /// The entities that have changed hands since this was last asked, in order.
    func takeMoved() -> [(entity: EntityID, to: Owner)] {
        state.withLock { state in
            defer { state.moved.removeAll(keepingCapacity: true) }
            return state.moved
        }
    }
    /// The effects that were set aside and wait for a person, in order of their keys.
    var unsettled: [EffectKey] { state.withLock { $0.unsettled.sorted() } }
    /// A person has said what became of an effect.
    func settled(_ key: EffectKey) { state.withLock { _ = $0.unsettled.remove(key) } }

    func quarantine(_ aside: Quarantined) async throws {
        try await base.quarantine(aside)
        guard aside.kind == .effect, let key = EffectKey(aside.key) else { return }
        state.withLock { _ = $0.unsettled.insert(key) }
    }

    func report(_ violation: Violation) { state.withLock { $0.violations.append(violation) } }

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        let answers = try await base.accept(arrivals, at: now)
        state.withLock { state in
            state.accepts += 1
            for answer in answers {
                guard case .accepted(_, let row) = answer else { continue }
                if state.known[row.entity] == nil { state.order.append(row.entity) }
                state.known[row.entity, default: Known()].accepted += 1
            }
        }
        return answers
    }

    func commit(_ transaction: EntityTransaction) async throws -> Committed {
        let isHalted = try await base.value(MigrationHalted.setting) != nil
        let committed = try await base.commit(transaction)
        let stored = try await base.snapshot(of: transaction.entity)
        state.withLock { $0.check(transaction, stored, isHalted: isHalted) }
        try await checkRows(transaction)
        return committed
    }

    /// I3: every row is what the moves say of it.
    private func checkRows(_ transaction: EntityTransaction) async throws {
        var used: [InboxRow] = []
        for move in transaction.moves {
            if let row = move.row {
                let found = try await check(row.sequence, is: move.disposition, move.what, transaction)
                if let found { recorder.attempted(found, move, at: transaction.at) }
            }
            if case .swept = move { recorder.looked(at: transaction.entity, for: transaction.at) }
            for sequence in move.used {
                let found = try await check(sequence, is: .consumed, "a row that the segment used", transaction)
                if let found { used.append(found) }
            }
            switch move {
            case .entered(_, let state, _): recorder.waits(transaction.entity, in: state, after: used)
            case .recalled, .failed: recorder.recalled(transaction.entity)
            default: break
            }
        }
    }

    private func check(
        _ sequence: Int, is expected: Disposition, _ what: String, _ transaction: EntityTransaction
    ) async throws -> InboxRow? {
        let found = try await base.row(sequence)
        if found?.disposition != expected {
            let detail = "\(what) is \(expected.rawValue) by its move, and row \(sequence) is \(found?.disposition.rawValue ?? "nowhere")"
            report(Violation(invariant: "I3", entity: transaction.entity, detail: detail))
        }
        return found
    }
}

extension Move {
    /// What the law says of the row, written down apart from what the store does.
    fileprivate var disposition: Disposition {
        switch self {
        case .retried: .pending
        case .deadLettered, .rejected: .dead
        case .parked, .held: .parked
        case .signalled: .signalled
        case .late: .late
        default: .consumed
        }
    }
}

extension InvariantChecker.State {
    fileprivate mutating func check(_ transaction: EntityTransaction, _ stored: EntitySnapshot?, isHalted: Bool) {
        var known = known[transaction.entity] ?? .init()
        guard let stored else { return violate("I1", transaction, "expected its ownership row, found none") }
        if transaction.epoch != known.epoch {
            violate("I2", transaction, "expected a write under epoch \(known.epoch), found one under \(transaction.epoch)")
        }
        if isHalted { wasHalted = true }
        for move in transaction.moves { check(move, transaction, &known, isHalted: isHalted) }
        if stored.ownership.epoch != known.epoch || stored.ownership.owner != known.owner {
            let found = "epoch \(stored.ownership.epoch) of \(stored.ownership.owner.rawValue)"
            violate("I1", transaction, "expected epoch \(known.epoch) of \(known.owner.rawValue), found \(found)")
        }
        if stored.ownership.completions != known.completions {
            violate("I4", transaction, "expected completions \(known.completions), found \(stored.ownership.completions)")
        }
        known.epoch = stored.ownership.epoch
        known.owner = stored.ownership.owner
        known.step = stored.ownership.step
        known.completions = stored.ownership.completions
        known.state = stored.record.state
        self.known[transaction.entity] = known
    }

    private mutating func check(_ move: Move, _ transaction: EntityTransaction, _ known: inout InvariantChecker.Known, isHalted: Bool) {
        digest.add("\(transaction.entity) \(transaction.at.milliseconds) \(move.what) \(move.detail)")
        if let counter = move.counter { moves[counter, default: 0] += 1 }
        checkEnd(move, transaction, &known)
        if case .failed(let step, let reason) = move, reason.contains("unknown to the engine") {
            violate("I2", transaction, "expected a segment for epoch \(known.epoch) in step \(step), found that none was begun")
        }
        switch move {
        case .entered(let step, _, _) where known.owner == .legacy: known.step = step
        case .wentOn(let step): known.step = step
        case .completed(let step, let visit, _): complete(step, visit, transaction, &known)
        case .recalled(let step, _), .failed(let step, _): known.recalled.insert(step)
        case .handedOff(let steps): known.step = steps.first
        case .adopted(let step, _): known.step = step
        default: break
        }
        if let owner = move.newOwner { changeHands(to: owner, transaction, &known, isHalted: isHalted) }
    }

    /// I1, and what an operator has decided: no step goes to the durable side while the migration is halted, or after its recall.
    private mutating func changeHands(
        to owner: Owner, _ transaction: EntityTransaction, _ known: inout InvariantChecker.Known, isHalted: Bool
    ) {
        if owner == known.owner { violate("I1", transaction, "it went to \(owner.rawValue), which had it") }
        known.epoch += 1
        known.owner = owner
        moved.append((transaction.entity, owner))
        guard owner == .durable else { return }
        if wasHalted, !isHalted { moves["handOffs after a halt", default: 0] += 1 }
        let step = known.step.map(\.description) ?? "?"
        if isHalted { violate("rule 9", transaction, "step \(step) went to the durable side while the migration was halted") }
        if let number = known.step, known.recalled.contains(number) {
            violate("rule 8", transaction, "step \(step) went to the durable side after it was taken back")
        }
    }

    /// I4: a step is completed by who is in it, and every visit once.
    private mutating func complete(
        _ step: StepNumber, _ visit: Int, _ transaction: EntityTransaction, _ known: inout InvariantChecker.Known
    ) {
        if known.owner == .durable { moves["stepsCompleted", default: 0] += 1 }
        let expected = (known.completions[step] ?? 0) + 1
        if visit != expected { violate("I4", transaction, "step \(step) was completed for visit \(visit), expected visit \(expected)") }
        if known.owner == .durable, let current = known.step, current != step {
            violate("I4", transaction, "step \(step) was completed in step \(current)")
        }
        known.completions[step] = visit
    }

    /// I3: a row comes to its end once.
    private mutating func checkEnd(_ move: Move, _ transaction: EntityTransaction, _ known: inout InvariantChecker.Known) {
        if let row = move.row {
            moves["disposition " + move.disposition.rawValue, default: 0] += 1
            let isEnd = [.consumed, .late, .dead].contains(move.disposition)
            if isEnd, !known.settled.insert(row.sequence).inserted {
                violate("I3", transaction, "row \(row.sequence) came to its end a second time: \(move.what) \(move.detail)")
            }
        }
        known.settled.formUnion(move.used)
    }

    private mutating func violate(_ invariant: String, _ transaction: EntityTransaction, _ detail: String) {
        violations.append(Violation(invariant: invariant, entity: transaction.entity, detail: detail))
    }
}

/// A hash of everything a run did, in order: equal runs have equal digests on every machine and in every build.
struct RunDigest: Sendable {
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ text: String) {
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ 10) &* 0x0000_0100_0000_01b3
    }

    /// 16 hexadecimal digits.
    var text: String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
