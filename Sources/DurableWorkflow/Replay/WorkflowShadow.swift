import Events

/// Replays the runs of a store against the code that is here, read-only, beside whoever runs them: what to do before a deploy.
public struct WorkflowShadow: Sendable {
    /// Which runs; open ones unless ``includesClosed``.
    public var filter: WorkflowFilter
    /// True to replay closed runs too.
    public var includesClosed: Bool
    /// The share of the matching runs that is replayed, from 0 to 1; a run is in or out by its id and ``seed``.
    public var sample: Double
    /// The seed of the sample.
    public var seed: UInt64
    /// How many are replayed at once.
    public var concurrency: Int

    /// What came of it.
    public struct Report: Codable, Hashable, Sendable {
        /// Runs that the filter has found.
        public var matching = 0
        /// Runs that were replayed.
        public var replayed = 0
        /// Those that do not fit, oldest first.
        public var problems: [ReplayProblem] = []

        /// Nothing yet.
        public init() {}
    }

    /// A shadow.
    public init(
        filter: WorkflowFilter = WorkflowFilter(), includesClosed: Bool = false, sample: Double = 1, seed: UInt64 = 1, concurrency: Int = 1
    ) {
        self.filter = filter
        self.includesClosed = includesClosed
        self.sample = sample
        self.seed = seed
        self.concurrency = concurrency
    }

    /// Replays; `progress` is told after every run. Throws what the store throws.
    public func run(
        _ replayer: WorkflowReplayer, on store: any WorkflowStore, progress: @escaping @Sendable (Report) -> Void = { _ in }
    ) async throws -> Report {
        var report = Report()
        var found: [Int64: ReplayProblem] = [:]
        var (before, page) = (Int64?.none, [WorkflowRun]())
        repeat {
            page = try await store.runs(matching: wanted, before: before, limit: 1000)
            report.matching += page.count
            before = page.last?.key
            try await replay(page.filter(isInSample), replayer, store) { key, problem in
                report.replayed += 1
                if let problem { found[key] = problem }
                progress(report)
            }
        } while !page.isEmpty
        report.problems = found.sorted { $0.key < $1.key }.map(\.value)
        return report
    }

    private var wanted: WorkflowFilter {
        var wanted = filter
        if !includesClosed { wanted.isOpen = true }
        return wanted
    }

    private func isInSample(_ run: WorkflowRun) -> Bool {
        var draw = SeededRandom(seed: seed, label: run.runID)
        return sample >= 1 || draw.chance(sample)
    }

    private func replay(
        _ runs: [WorkflowRun], _ replayer: WorkflowReplayer, _ store: any WorkflowStore, _ note: (Int64, ReplayProblem?) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: (Int64, ReplayProblem?).self) { group in
            var rest = runs.makeIterator()
            for _ in 0..<max(1, concurrency) {
                guard let run = rest.next() else { break }
                group.addTask { try await Self.replay(run, replayer, store) }
            }
            while let (key, problem) = try await group.next() {
                note(key, problem)
                if let run = rest.next() { group.addTask { try await Self.replay(run, replayer, store) } }
            }
        }
    }

    private static func replay(_ run: WorkflowRun, _ replayer: WorkflowReplayer, _ store: any WorkflowStore) async throws
        -> (Int64, ReplayProblem?)
    {
        var history = WorkflowHistory(events: [])
        do {
            history.events = try await store.history(run.key)
            try replayer.replay(history)
            return (run.key, nil)
        } catch {
            var problem = ReplayProblem(error, replaying: history)
            (problem.workflow, problem.run, problem.type) = (run.workflowID, run.runID, run.type)
            return (run.key, problem)
        }
    }
}
