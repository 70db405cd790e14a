import Cutover
import Events
import HybridRouter
public import ShadowComparator
import Synchronization

/// Takes what the owner has committed, and follows it in its shadow when there is time.
///
/// The owner hands its commits over and goes on: it never waits, and nothing that goes wrong here reaches it. What comes while too
/// much waits is left out; a visit with such a gap is dropped and counted.
public final class ShadowDesk: Sendable {
    private struct State {
        var waiting: [ObservedCommit] = []
        var leftOut = 0
        var problem: String?
    }

    /// The most commits that wait in memory.
    public static let mostWaiting = 4096

    /// Where it keeps what it has seen and found.
    public let book: any ShadowBook
    private let scope: ShadowScope
    private let follow: @Sendable (ShadowRecord) async throws -> ShadowResult
    private let state = Mutex(State())

    /// The desk of a domain's shadowed steps; nil when the plan has none.
    init?<MachineState, Record>(_ book: any ShadowBook, _ domain: Domain<MachineState, Record>, _ plan: MigrationPlan) {
        scope = ShadowScope(plan: plan, steps: domain.durableSteps, interrupts: domain.interrupts)
        guard !scope.isEmpty else { return nil }
        self.book = book
        follow = { try await ShadowRun.follow($0, domain: domain, plan: plan) }
    }

    /// Takes a commit when it is part of a shadowed visit.
    func observe(_ commit: ObservedCommit) {
        guard scope.step(of: commit.before) != nil || scope.step(of: commit.after) != nil else { return }
        state.withLock { state in
            if state.waiting.count < Self.mostWaiting { state.waiting.append(commit) } else { state.leftOut += 1 }
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

    private func keep() async throws -> Bool {
        let commits = state.withLock { state in
            let commits = state.waiting.prefix(256)
            state.waiting.removeFirst(commits.count)
            return commits
        }
        guard !commits.isEmpty else { return false }
        let notes = commits.flatMap { commit in
            do { return try scope.notes(of: commit) } catch {
                state.withLock { $0.leftOut += 1 }
                return []
            }
        }
        do { try await book.add(notes) } catch {
            state.withLock { $0.leftOut += commits.count }
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
