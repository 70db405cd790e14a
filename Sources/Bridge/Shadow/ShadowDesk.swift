import Cutover
import Events
import HybridRouter
import Outcomes
public import ShadowComparator
import Synchronization

/// Takes what the owner has committed, and follows it in its shadow when there is time.
///
/// The owner hands its commits over and goes on: it never waits, and nothing that goes wrong here reaches it. What comes while too
/// much waits is left out; a visit with such a gap is dropped and counted.
public final class ShadowDesk: Sendable {
    fileprivate struct State {
        var waiting: [ObservedCommit] = []
        var leftOut = 0
        var problem: String?
        /// One word for what this process notes without having lost count.
        var name = State.newName
        /// Entities of which something was left out since their last commit that was not.
        var gaps: Set<EntityID> = []
        /// True once nobody knows any more which entities lack something.
        var hasLostCount = false

        static var newName: String { String(UInt64.random(in: .min ... .max), radix: 16) }
    }

    /// The most commits that wait in memory.
    public static let mostWaiting = 4096

    /// Where it keeps what it has seen and found.
    public let book: any ShadowBook
    private let scope: ShadowScope
    private let follow: @Sendable (ShadowRecord) async throws -> ShadowResult
    private let state = Mutex(State())

    /// The desk of a domain's shadowed steps; nil when the plan has none. What legacy follows is evidence of `version`.
    init?<MachineState, Record>(
        _ book: any ShadowBook, _ domain: Domain<MachineState, Record>, _ plan: MigrationPlan, version: EvidenceVersion?
    ) {
        let side = domain.side
        scope = ShadowScope(domain, plan, legacy: side.table, version: version)
        guard !scope.isEmpty else { return nil }
        self.book = book
        follow = { record in
            guard record.visit.follower == .legacy else { return try await ShadowRun.follow(record, domain: domain, plan: plan) }
            var result = try await LegacyShadowRun.follow(record, on: side, domain: domain, plan: plan)
            result.judged = version.flatMap { JudgedVisit(record, result.verdict, version: $0.name(for: record.visit.step)) }
            return result
        }
    }

    /// Takes a commit when it is part of a shadowed visit.
    func observe(_ commit: ObservedCommit) {
        guard scope.step(of: commit.before) != nil || scope.step(of: commit.after) != nil else { return }
        state.withLock { state in
            guard state.waiting.count < Self.mostWaiting else { return state.leaveOut(commit) }
            var commit = commit
            commit.desk = state.name
            commit.isAfterGap = state.gaps.remove(commit.transaction.entity) != nil
            state.waiting.append(commit)
        }
    }

    /// How many commits wait in memory.
    public var waiting: Int { state.withLock { $0.waiting.count } }
    /// How many commits were left out, because too many waited. Each makes its visit one that is dropped.
    public var leftOut: Int { state.withLock { $0.leftOut } }
    /// What went wrong last; nil when nothing has since the last success.
    public var problem: String? { state.withLock { $0.problem } }

    /// Keeps what has come, and follows one visit that is over; false when there was nothing to do. It never throws: what goes wrong is
    /// the ``problem``, and what it was about is left out. One caller at a time.
    @discardableResult
    public func work() async -> Bool {
        await noting {
            let didKeep = try await keep()
            let didFollow = try await followNext()
            if didKeep || didFollow { try await book.flush() }
            return didKeep || didFollow
        }
    }

    /// Keeps what has come.
    public func keepAll() async {
        _ = await noting {
            while try await keep() {}
            try await book.flush()
            return true
        }
    }

    private func noting(_ body: () async throws -> Bool) async -> Bool {
        do {
            let didWork = try await body()
            state.withLock { $0.problem = nil }
            return didWork
        } catch {
            state.withLock { $0.problem = "\(error)" }
            return false
        }
    }

    /// Works until nothing is left to do.
    public func finish() async { while await work() {} }

    /// Notes that the process ends in order, once everything is kept: what legacy follows can go on in the next one. Where something was left
    /// out that no later note speaks of, the next process does not go on.
    func seal() async {
        guard state.withLock({ $0.isWhole }) else { return }
        _ = await noting {
            try await book.seal()
            try await book.flush()
            return true
        }
    }

    private func keep() async throws -> Bool {
        let commits = state.withLock { state in
            let commits = state.waiting.prefix(256)
            state.waiting.removeFirst(commits.count)
            return commits
        }
        guard !commits.isEmpty else { return false }
        let notes = commits.flatMap { commit in
            do { return try scope.notes(of: commit) } catch {
                state.withLock { $0.lose(commit) }
                return []
            }
        }
        do { try await book.add(notes) } catch {
            state.withLock { state in commits.forEach { state.lose($0) } }
            throw error
        }
        return true
    }

    private func followNext() async throws -> Bool {
        guard let visit = try await book.next() else { return false }
        // What cannot be read is missing; what a disk does to it comes again when the result is written.
        let notes = (try? await book.notes(of: visit)) ?? []
        let (at, path) = (notes.last?.at ?? .distantPast, notes.last?.path ?? "unknown")
        var result = ShadowResult(visit: visit, at: at, path: path, verdict: .dropped)
        if let record = ShadowRecord(notes) {
            do { result = try await follow(record) } catch {
                result.verdict = .incomparable
                result.reason = "its shadow ended with an error: \(error)"
            }
        } else {
            result.reason = "something of the visit was not seen"
        }
        try await book.add(result)
        return true
    }
}

extension ShadowDesk.State {
    /// The most entities whose gaps are remembered one by one.
    private static let mostGaps = 4096

    /// True when everything that has come is kept, or known to be missing by a note that is.
    fileprivate var isWhole: Bool { waiting.isEmpty && gaps.isEmpty && !hasLostCount }

    /// Loses a commit that had waited: the next one of its entity says that something is missing before it.
    fileprivate mutating func lose(_ commit: ObservedCommit) {
        guard let next = waiting.firstIndex(where: { $0.transaction.entity == commit.transaction.entity }) else { return leaveOut(commit) }
        leftOut += 1
        waiting[next].isAfterGap = true
    }

    /// Leaves out a commit that has just come. What waits of its entity came before it.
    fileprivate mutating func leaveOut(_ commit: ObservedCommit) {
        leftOut += 1
        if gaps.count < Self.mostGaps {
            gaps.insert(commit.transaction.entity)
        } else {
            // Nobody knows any more who lacks what: every visit that is open does.
            (name, gaps, hasLostCount) = (Self.newName, [], true)
        }
    }
}
