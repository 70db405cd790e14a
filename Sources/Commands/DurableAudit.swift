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
        let segments = Set(try await handoffs.journal(of: entity).map { "\(entity.rawValue)/\($0.epoch)" })
        var audits: [(key: Int64, audit: SegmentAudit)] = []
        for segment in segments {
            for run in try await store.runs(of: segment) {
                audits.append((run.key, SegmentAudit(entity, run, try await store.history(run.key))))
            }
        }
        return audits.sorted { $0.key < $1.key }.map(\.audit)
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
