import Events

extension WorkflowRun {
    /// Takes over what an event says about the memo and the values by which the run is found.
    mutating func note(_ event: HistoryEvent) {
        switch event.kind {
        case .workflowExecutionStarted:
            memo = event.fields.map(.memo).compactMapValues { try? $0.json() }
            searchAttributes = event.fields.map(.searchAttributes).compactMapValues { try? $0.json() }
        case .upsertWorkflowSearchAttributes:
            let changes = event.fields.map(.searchAttributes).compactMapValues { try? $0.json() }
            searchAttributes = searchAttributes.merging(changes) { $1 }.filter { !$0.value.isNull }
        case .workflowPropertiesModified:
            let changes = event.fields.map(.upsertedMemo).compactMapValues { try? $0.json() }
            memo = memo.merging(changes) { $1 }.filter { !$0.value.isNull }
        case .markerRecorded:
            guard let patch = event.patch else { return }
            let known = searchAttributes[Self.changeVersion]?.array ?? []
            let all = Set(known + [.string(patch.id)]).sorted { $0.canonicalText < $1.canonicalText }
            searchAttributes[Self.changeVersion] = .array(all)
        default: break
        }
    }

    /// The search attribute that lists a run's patches.
    static let changeVersion = "TemporalChangeVersion"
}

extension Turn {
    /// Takes over into the row what an event says.
    mutating func noteProperties(of event: HistoryEvent) {
        switch event.kind {
        case .upsertWorkflowSearchAttributes, .workflowPropertiesModified, .markerRecorded: edit { $0.note(event) }
        default: break
        }
    }
}

extension Turn {
    /// After a patch's marker the history lists all patches of the run, as a search attribute: Temporal's tools want it there.
    mutating func upsertChangeVersion() throws {
        guard let versions = state.run.searchAttributes[WorkflowRun.changeVersion] else { return }
        let payload = Payload(searchAttribute: versions)
        guard payload.data.count < 2048 else { return }
        try append(.upsertWorkflowSearchAttributes, [.searchAttributes: .map([WorkflowRun.changeVersion: payload])])
    }
}

extension Transfer {
    /// The message that an initiating event asks for; nil for other events.
    init?(askedBy event: HistoryEvent) {
        let (to, toRun) = (event.fields.text(.executionWorkflowID), event.fields.text(.executionRunID))
        switch event.kind {
        case .startChildWorkflowExecutionInitiated:
            self.init(what: .startChild, to: event.fields.text(.workflowID), event: event.id)
        case .signalExternalWorkflowExecutionInitiated: self.init(what: .signal, to: to, toRun: toRun, event: event.id)
        case .requestCancelExternalWorkflowExecutionInitiated: self.init(what: .cancel, to: to, toRun: toRun, event: event.id)
        default: return nil
        }
    }
}
