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
    }

    fileprivate struct State {
        var known: [EntityID: Known] = [:]
        var order: [EntityID] = []
        var violations: [Violation] = []
        var moves: [String: Int] = [:]
        var accepts = 0
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

    func commit(_ change: Change) async throws -> Committed {
        let committed = try await base.commit(change)
        let stored = try await base.snapshot(of: change.entity)
        state.withLock { $0.check(change, stored) }
        return committed
    }
}

extension InvariantChecker.State {
    fileprivate mutating func check(_ change: Change, _ stored: EntitySnapshot?) {
        var known = known[change.entity] ?? .init()
        guard let stored else { return violate("I1", change, "expected its ownership row, found none") }
        if change.epoch != known.epoch {
            violate("I2", change, "expected a write under epoch \(known.epoch), found one under \(change.epoch)")
        }
        let ownership = stored.ownership
        let changedHands = ownership.owner != known.owner
        if ownership.epoch != known.epoch + (changedHands ? 1 : 0) {
            violate(
                "I1", change, "expected epoch \(known.epoch + (changedHands ? 1 : 0)) after epoch \(known.epoch), found \(ownership.epoch)")
        }
        if ownership.completed != known.completed {
            let added = ownership.completed.dropFirst(known.completed.count)
            let isOrdered = zip(ownership.completed, ownership.completed.dropFirst()).allSatisfy { $0 < $1 }
            if !ownership.completed.starts(with: known.completed) || added.count != 1 || !isOrdered {
                violate("I4", change, "completed steps went from \(known.completed) to \(ownership.completed)")
            }
        }
        for entry in change.journal { digest.add("\(entry.entity) \(entry.at.milliseconds) \(entry.what) \(entry.detail)") }
        for name in change.counters { moves[name, default: 0] += 1 }
        for row in change.rows { moves["disposition " + row.disposition.rawValue, default: 0] += 1 }
        known.epoch = ownership.epoch
        known.owner = ownership.owner
        known.completed = ownership.completed
        known.state = stored.record.state
        self.known[change.entity] = known
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
