public import Events
import HeapModule
import Synchronization

/// A store that lives as long as the process: for tests and simulations. It keeps the same laws as the one on disk.
public final class InMemoryWorkflowStore: WorkflowStore {
    private struct Contents {
        var runs: [Int64: WorkflowRun] = [:]
        var keys: [String: [Int64]] = [:]
        var histories: [Int64: [HistoryEvent]] = [:]
        var due: [DueItem.Key: DueItem] = [:]
        var order = Heap<DueItem.Key>()
        var schedules: [String: ScheduleRecord] = [:]
        var requests: [String: [String: Int64]] = [:]
        var quarantined: [QuarantinedItem] = []

        /// The keys in order up to `moment`, those that are done left out for good.
        mutating func keys(until moment: Timestamp, after key: DueItem.Key?, limit: Int) -> [DueItem.Key] {
            var (found, passed): ([DueItem.Key], [DueItem.Key]) = ([], [])
            while found.count < limit, let first = order.min, first.at <= moment {
                order.removeMin()
                guard due[first] != nil, first != passed.last else { continue }
                passed.append(first)
                if key.map({ $0 < first }) ?? true { found.append(first) }
            }
            order.insert(contentsOf: passed)
            return found
        }
    }

    private let contents: Mutex<Contents>

    /// An empty store.
    public convenience init() { self.init(Contents()) }

    private init(_ contents: sending Contents) { self.contents = Mutex(contents) }

    /// A store of its own that has what this one has now.
    package func fork() -> InMemoryWorkflowStore { InMemoryWorkflowStore(contents.withLock { $0 }) }

    /// What the code of every open run has been told so far, and what is due, as text: two stores with equal texts go on in the same way.
    ///
    /// The code of a run is determined by what it was told, so what it asked for is left out, and so are numbers of events.
    package var standing: String {
        contents.withLock { contents in
            let open = contents.runs.values.filter { !$0.status.isClosed }.sorted { $0.key < $1.key }
            let runs = open.flatMap { run in
                let attempts = run.attempts.map { "attempt \($0.attempt) \($0.dueAt?.milliseconds ?? 0)" }
                let told = (contents.histories[run.key] ?? []).compactMap(\.told)
                return ["run \(run.workflowID) \(run.type) \(run.status.rawValue)"] + told + attempts
            }
            let due = contents.due.values.sorted { $0.key < $1.key }
                .map { "due \($0.key.at.milliseconds) \($0.key.kind.rawValue) \($0.workflowID)" }
            return (runs + due).joined(separator: "\n")
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func run(_ workflowID: String, runID: String?) async throws -> WorkflowRun? {
        contents.withLock { contents in
            let runs = (contents.keys[workflowID] ?? []).compactMap { contents.runs[$0] }
            return runID.map { id in runs.first { $0.runID == id } } ?? runs.last
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func history(_ run: Int64) async throws -> [HistoryEvent] { contents.withLock { $0.histories[run] ?? [] } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func commit(_ changes: [WorkflowChange]) async throws {
        try contents.withLock { contents in
            for change in changes {
                for run in change.runs { try Self.write(run, in: &contents) }
                for item in change.due {
                    contents.due[item.key] = item
                    contents.order.insert(item.key)
                }
                for key in change.done { contents.due[key] = nil }
                for schedule in change.schedules { contents.schedules[schedule.id] = schedule }
                for id in change.deletedSchedules { contents.schedules[id] = nil }
                for request in change.requests { contents.requests[request.scope, default: [:]][request.id] = request.run }
                contents.quarantined.removeAll { change.released.contains($0.item.key) }
                contents.quarantined += change.quarantined
            }
        }
    }

    private static func write(_ change: RunChange, in contents: inout Contents) throws {
        let key = change.run.key
        if contents.runs.updateValue(change.run, forKey: key) == nil { contents.keys[change.run.workflowID, default: []].append(key) }
        guard let batch = change.batch else { return }
        let events = try EventCoding.decode(batch, first: change.first)
        guard change.first == (contents.histories[key]?.count ?? 0) + 1 else {
            throw HistoryError(
                "run \(change.run.runID): expected event \((contents.histories[key]?.count ?? 0) + 1), found \(change.first)")
        }
        contents.histories[key, default: []] += events
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func due(after key: DueItem.Key?, until moment: Timestamp, limit: Int) async throws -> [DueItem] {
        contents.withLock { contents in
            contents.keys(until: moment, after: key, limit: limit).compactMap { contents.due[$0] }
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func nextDue(after key: DueItem.Key?) async throws -> Timestamp? {
        contents.withLock { $0.keys(until: .distantFuture, after: key, limit: 1).first?.at }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func highestKey() async throws -> Int64 {
        contents.withLock { max($0.runs.keys.max() ?? 0, $0.schedules.values.map(\.number).max() ?? 0) }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func runs(matching filter: WorkflowFilter, before key: Int64?, limit: Int) async throws -> [WorkflowRun] {
        contents.withLock { contents in
            let found = contents.runs.values.filter { ($0.key < key ?? .max) && filter.matches($0) }
            return Array(found.sorted { $0.key > $1.key }.prefix(limit))
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func count(matching filter: WorkflowFilter) async throws -> Int {
        contents.withLock { $0.runs.values.count(where: filter.matches) }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func remove(closedBefore moment: Timestamp, limit: Int) async throws -> Int {
        contents.withLock { contents in
            let busy = Set(contents.due.keys.map(\.run))
            let old = contents.runs.values.filter { $0.closedAt.map { $0 < moment } ?? false && !busy.contains($0.key) }
                .map(\.key).sorted().prefix(limit)
            if !old.isEmpty {
                let gone = Set(old)
                contents.requests = contents.requests.mapValues { $0.filter { !gone.contains($0.value) } }.filter { !$0.value.isEmpty }
            }
            for key in old {
                guard let run = contents.runs.removeValue(forKey: key) else { continue }
                contents.histories[key] = nil
                contents.keys[run.workflowID]?.removeAll { $0 == key }
            }
            return old.count
        }
    }

    /// Required by ``WorkflowStore``, which says what it does.
    public func schedules() async throws -> [ScheduleRecord] { contents.withLock { $0.schedules.values.sorted { $0.id < $1.id } } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func schedule(_ id: String) async throws -> ScheduleRecord? { contents.withLock { $0.schedules[id] } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func taker(of id: String, in scope: String) async throws -> Int64? { contents.withLock { $0.requests[scope]?[id] } }

    /// Required by ``WorkflowStore``, which says what it does.
    public func quarantined() async throws -> [QuarantinedItem] { contents.withLock { $0.quarantined } }
}

extension HistoryEvent {
    /// What the event tells the code; nil for what the code itself asked for, and for what it does not see.
    fileprivate var told: String? {
        let content: String
        switch kind {
        case .workflowExecutionStarted: content = text(of: .input)
        case .workflowExecutionSignaled: content = "\(fields.text(.signalName)) \(text(of: .input))"
        case .activityTaskCompleted: content = text(of: .result)
        case .timerFired: content = fields.text(.timerID)
        case .workflowTaskStarted: content = ""
        case _ where kind.isCommand: return nil
        case .workflowTaskScheduled, .workflowTaskCompleted, .activityTaskStarted: return nil
        default: content = "\(fields)"
        }
        return "\(kind.name) \(at.milliseconds) \(content)"
    }

    private func text(of field: EventField) -> String { payload(field).map { String(decoding: $0.data, as: UTF8.self) } ?? "" }
}
