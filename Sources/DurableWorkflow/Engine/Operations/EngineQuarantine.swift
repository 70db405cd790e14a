import CoreMetrics
import Events
import Logging

extension EmbeddedEngine {
    /// Sets a due thing aside that cannot be run, so that everything else goes on.
    func quarantine(_ item: DueItem, _ error: any Error, at now: Timestamp) async throws {
        var change = WorkflowChange()
        change.done = [item.key]
        change.quarantined = [QuarantinedItem(item: item, problem: Self.sentence(error, item), at: now)]
        try await commit(change)
        watch.setAside(item, error)
    }

    /// One sentence; errors of decoding would say what is in a payload.
    private static func sentence(_ error: any Error, _ item: DueItem) -> String {
        guard error is DecodingError || error is EncodingError || error is JSONError else { return "\(error)" }
        return "workflow \(item.workflowID), event \(item.key.event), \(item.key.kind.rawValue): expected content that can be read,"
            + " found \(type(of: error)); use the build that wrote it"
    }

    /// What was set aside because it could not be run, oldest first.
    public func quarantined() async throws -> [QuarantinedItem] { try await store.quarantined() }

    /// Makes everything of a workflow due again that was set aside, once what was wrong is mended; returns how much that was.
    @discardableResult
    public func release(workflowID: String) async throws -> Int {
        let items = try await store.quarantined().map(\.item).filter { $0.workflowID == workflowID }
        var change = WorkflowChange()
        change.due = items
        change.released = items.map(\.key)
        if !items.isEmpty { try await commit(change) }
        return items.count
    }

    /// Commits what is no whole turn of a run.
    func commit(_ change: WorkflowChange) async throws {
        do { try await commits.commit(change) } catch {
            agenda.reset()
            throw error
        }
        agenda.apply(change)
    }
}

extension Watch {
    /// Counts and logs what was set aside.
    func setAside(_ item: DueItem, _ error: any Error) {
        metrics?.quarantined.increment()
        logger?.error(
            "a thing that was due cannot be run and is set aside; see the list of what is set aside",
            metadata: [
                "workflowID": .string(item.workflowID), "kind": .string(item.key.kind.rawValue), "error": .string("\(type(of: error))"),
            ])
    }
}
