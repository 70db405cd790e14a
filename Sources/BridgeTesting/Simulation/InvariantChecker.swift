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

/// A store that checks, at every commit, what the hand-off promises (I1, I2, I4), and remembers what was accepted (I3).
///
/// It keeps books of its own, so that a store or a bridge that errs is caught by somebody else.
final class InvariantChecker: ForwardingHandoffStore {
    struct Known {
        var epoch = 1
        var owner = Owner.legacy
        var completed: [StepNumber] = []
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
        var sequences: [EventID: Int] = [:]
        var moved: [(entity: EntityID, to: Owner)] = []
        var digest = RunDigest()
    }

    let base: any HandoffStore
    private let state = Mutex(State())

    init(_ base: any HandoffStore) { self.base = base }

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
    func report(_ violation: Violation) { state.withLock { $0.violations.append(violation) } }

    func accept(_ arrivals: [Arrival], at now: Timestamp) async throws -> [Acceptance] {
        let answers = try await base.accept(arrivals, at: now)
        state.withLock { state in
            state.accepts += 1
            for answer in answers {
                guard case .accepted(let id, let row) = answer else { continue }
                state.sequences[id] = row.sequence
                if state.known[row.entity] == nil { state.order.append(row.entity) }
                state.known[row.entity, default: Known()].accepted += 1
            }
        }
        return answers
    }

    func commit(_ change: Change) async throws -> Committed {
        let isHalted = try await base.value(MigrationHalted.setting) != nil
        let committed = try await base.commit(change)
        let stored = try await base.snapshot(of: change.entity)
        state.withLock { $0.check(change, stored, isHalted: isHalted) }
        try await checkUsed(change)
        return committed
    }

    /// I3: what a segment has used is used up, and nobody else gets it.
    private func checkUsed(_ change: Change) async throws {
        guard !change.consumedEvents.isEmpty else { return }
        let used = Set(change.consumedEvents)
        for row in try await base.rows(of: change.entity) where used.contains(row.event.id) && row.disposition != .consumed {
            report(
                Violation(
                    invariant: "I3", entity: change.entity,
                    detail: "\(row.event.kind) was used by the segment, and is \(row.disposition.rawValue)"))
        }
    }
}

extension InvariantChecker.State {
    fileprivate mutating func check(_ change: Change, _ stored: EntitySnapshot?, isHalted: Bool) {
        var known = known[change.entity] ?? .init()
        guard let stored else { return violate("I1", change, "expected its ownership row, found none") }
        if change.epoch != known.epoch {
            violate("I2", change, "expected a write under epoch \(known.epoch), found one under \(change.epoch)")
        }
        checkHands(change, stored.ownership, &known, isHalted: isHalted)
        checkSteps(change, stored.ownership, known)
        checkRows(change, &known)
        for entry in change.journal { digest.add("\(entry.entity) \(entry.at.milliseconds) \(entry.what) \(entry.detail)") }
        for name in change.counters { moves[name, default: 0] += 1 }
        known.epoch = stored.ownership.epoch
        known.owner = stored.ownership.owner
        known.completed = stored.ownership.completed
        known.state = stored.record.state
        self.known[change.entity] = known
    }

    /// I1, and what an operator has decided: no step goes to the durable side while the migration is halted, or after its recall.
    private mutating func checkHands(
        _ change: Change, _ ownership: Ownership, _ known: inout InvariantChecker.Known, isHalted: Bool
    ) {
        if isHalted { wasHalted = true }
        let changedHands = ownership.owner != known.owner
        let expected = known.epoch + (changedHands ? 1 : 0)
        if ownership.epoch != expected {
            violate("I1", change, "expected epoch \(expected) after epoch \(known.epoch), found \(ownership.epoch)")
        }
        guard changedHands else { return }
        moved.append((change.entity, ownership.owner))
        if ownership.owner == .legacy {
            let isTakenBack = change.counters.contains("recalls") || change.counters.contains("failures")
            if isTakenBack { known.recalled.insert(ownership.step) }
            return
        }
        if wasHalted, !isHalted { moves["handOffs after a halt", default: 0] += 1 }
        if isHalted { violate("rule 9", change, "step \(ownership.step) went to the durable side while the migration was halted") }
        if known.recalled.contains(ownership.step) {
            violate("rule 8", change, "step \(ownership.step) went to the durable side after it was taken back")
        }
    }

    /// I4: steps are completed one at a time, in plan order.
    private mutating func checkSteps(_ change: Change, _ ownership: Ownership, _ known: InvariantChecker.Known) {
        guard ownership.completed != known.completed else { return }
        let added = ownership.completed.dropFirst(known.completed.count)
        let isOrdered = zip(ownership.completed, ownership.completed.dropFirst()).allSatisfy { $0 < $1 }
        if !ownership.completed.starts(with: known.completed) || added.count != 1 || !isOrdered {
            violate("I4", change, "completed steps went from \(known.completed) to \(ownership.completed)")
        }
    }

    /// I3: a row comes to its end once.
    private mutating func checkRows(_ change: Change, _ known: inout InvariantChecker.Known) {
        for row in change.rows {
            moves["disposition " + row.disposition.rawValue, default: 0] += 1
            guard [.consumed, .late, .dead].contains(row.disposition) else { continue }
            if !known.settled.insert(row.sequence).inserted {
                violate("I3", change, "row \(row.sequence) came to its end a second time, as \(row.disposition.rawValue)")
            }
        }
        for entry in change.journal {
            guard let told = Disposition(rawValue: entry.detail), !change.rows.contains(where: { $0.disposition == told }) else { continue }
            violate("I3", change, "the journal says that \(entry.what) is \(entry.detail), and its row says something else")
        }
        for id in change.consumedEvents {
            if let sequence = sequences[id] { known.settled.insert(sequence) }
        }
    }

    private mutating func violate(_ invariant: String, _ change: Change, _ detail: String) {
        violations.append(Violation(invariant: invariant, entity: change.entity, detail: detail))
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
