import DurableWorkflow
import Events
import HybridRouter
import MigrationReport
import SQLiteStorage

extension SegmentAudit {
    /// What the segments of entities did. Throws when one of them is not an entity of this run.
    static func all(of entities: [EntityID], _ store: any HandoffStore, _ database: LockstepDatabase) async throws -> [SegmentAudit] {
        var segments: [SegmentAudit] = []
        for entity in entities {
            guard try await store.snapshot(of: entity) != nil else {
                throw CommandFailure(.usage, "--audit \(entity.rawValue): expected \(Program.aNoun) of this run, found none; check the id")
            }
            segments += try await audits(of: entity, store, SQLiteWorkflowStore(database))
        }
        return segments
    }

    /// What the segments of one entity did, oldest first.
    private static func audits(of entity: EntityID, _ handoffs: any HandoffStore, _ store: SQLiteWorkflowStore) async throws
        -> [SegmentAudit]
    {
        var audits: [SegmentAudit] = []
        for run in try await store.segmentRuns(of: entity, try await handoffs.journal(of: entity)) {
            audits.append(SegmentAudit(entity, run, try await store.history(run.key)))
        }
        return audits
    }
}

extension SQLiteWorkflowStore {
    /// The runs of an entity's segments that are kept, oldest first: one segment has one run or several after each other.
    func segmentRuns(of entity: EntityID, _ journal: [JournalEntry]) async throws -> [WorkflowRun] {
        var found: [WorkflowRun] = []
        for epoch in Set(journal.map(\.epoch)).sorted() {
            found += try await runs(of: SegmentID(entity: entity, epoch: epoch).description)
        }
        return found
    }
}

extension SegmentAudit {
    fileprivate init(_ entity: EntityID, _ run: WorkflowRun, _ history: [HistoryEvent]) {
        self.init(
            entity: entity, workflow: run.workflowID, run: run.runID, status: run.status.rawValue,
            entries: history.map { event in
                Entry(
                    event: event.id, at: event.at, kind: event.kind.name, detail: event.auditDetail, identity: event.fields.text(.identity))
            })
    }
}

extension HistoryEvent {
    /// What an auditor asks of an event, without what its payloads say.
    fileprivate var auditDetail: String {
        let names: [EventField] = [.workflowType, .activityType, .signalName, .cause, .reason]
        let timer = fields.text(.timerID).isEmpty ? nil : "timer \(fields.text(.timerID))"
        let number = fields.integer(.attempt).flatMap { $0 > 1 ? "attempt \($0)" : nil }
        let sizes = [("input", EventField.input), ("result", .result)].compactMap { label, field in
            let payloads = fields.payloads(field)
            return payloads.isEmpty ? nil : "\(label) \(payloads.reduce(0) { $0 + $1.data.count }.counted("byte"))"
        }
        let failures = [EventField.failure, .lastFailure].compactMap { fields.failure($0)?.chainText }
        return (names.map { fields.text($0) }.filter { !$0.isEmpty } + [markerSummary, timer, number].compactMap { $0 } + sizes + failures)
            .joined(separator: ", ")
    }
}

extension Failure {
    /// The failure and its causes, outermost first.
    fileprivate var chainText: String { description + (cause.map { " ← \($0.chainText)" } ?? "") }
}
