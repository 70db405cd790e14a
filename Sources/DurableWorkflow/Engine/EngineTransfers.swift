import Events

extension EmbeddedEngine {
    /// Delivers a message from one workflow to another, and the answer back. Repeating it changes nothing.
    func deliver(_ item: DueItem, at now: Timestamp) async throws {
        guard let transfer = try item.body.map({ try $0.decoded(as: Transfer.self) }) else { return try await drop(item) }
        switch transfer.what {
        case .startChild: try await startChild(item, transfer, at: now)
        case .signal: try await sendSignal(item, transfer, at: now)
        case .cancel:
            let isDone = try await requestCancel(of: transfer.to, runID: transfer.toRun, at: now)
            guard transfer.isAnswered else { return try await drop(item) }
            try await answer(
                item, isDone ? .externalWorkflowExecutionCancelRequested : .requestCancelExternalWorkflowExecutionFailed, transfer, at: now)
        case .terminate:
            do {
                try await terminate(workflowID: transfer.to, runID: transfer.toRun, reason: "by parent close policy", at: now)
            } catch is WorkflowNotFound {}
            try await drop(item)
        case .childClosed: try await tellParent(item, transfer, at: now)
        case .scheduleGoesOn:
            try await scheduleGoesOn(transfer.to, now: now)
            try await drop(item)
        }
    }

    private func drop(_ item: DueItem) async throws {
        var change = WorkflowChange()
        change.done = [item.key]
        do { try await commits.commit(change) } catch {
            agenda.reset()
            throw error
        }
        agenda.apply(change)
    }

    /// The sender's initiating event; nil when its run is not open any more or does not wait for an answer.
    private func initiating(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws -> (HistoryEvent, WorkflowRun)? {
        let run = try await turn(item.workflowID, at: now) { turn in turn.state.run }
        guard run.key == item.key.run else { return nil }
        let history = try await store.history(run.key)
        guard transfer.event <= history.count, transfer.event > 0 else { return nil }
        return (history[transfer.event - 1], run)
    }

    /// Tells the sender what became of its message.
    private func answer(_ item: DueItem, _ kind: HistoryEvent.Kind, _ transfer: Transfer, _ extra: EventFields = [:], at now: Timestamp)
        async throws
    {
        try await turn(item.workflowID, at: now) { turn in
            turn.finish { $0.done.append(item.key) }
            guard turn.state.run.key == item.key.run, !turn.state.isClosed,
                turn.state.externals[transfer.event] != nil || turn.state.children[transfer.event] != nil
            else { return }
            var fields: EventFields = [.initiatedEventID: .integer(transfer.event), .executionWorkflowID: .text(transfer.to)]
            for (field, value) in extra.pairs { fields[field] = value }
            try turn.append(kind, fields)
        }
    }

    private func startChild(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let (event, parent) = try await initiating(item, transfer, at: now), !parent.status.isClosed else {
            return try await drop(item)
        }
        let fields = event.fields
        let policy = WorkflowIDReusePolicy(rawValue: ProtoName.camel(fields.text(.idReusePolicy), "WORKFLOW_ID_REUSE_POLICY"))
        let options = WorkflowOptions(
            taskQueue: fields.text(.taskQueue), idReusePolicy: policy ?? .allowDuplicate,
            executionTimeout: fields.duration(.executionTimeout),
            runTimeout: fields.duration(.runTimeout), retryPolicy: fields.retryPolicy)
        var request = try StartRequest(transfer.to, fields.text(.workflowType), event.payload(.input), options, converter)
        request.memo = fields.map(.memo)
        request.searchAttributes = fields.map(.searchAttributes)
        request.parent = (parent.workflowID, parent.runID, event.id)
        request.header = fields.map(.header)
        do {
            let execution = try await start(request, at: now)
            try await answer(
                item, .childWorkflowExecutionStarted, transfer,
                [.executionRunID: .text(execution.runID), .workflowType: .text(request.type)], at: now)
        } catch is WorkflowAlreadyStarted {
            try await answer(
                item, .startChildWorkflowExecutionFailed, transfer,
                [.cause: .text("START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS")], at: now)
        }
    }

    private func sendSignal(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let (event, sender) = try await initiating(item, transfer, at: now) else { return try await drop(item) }
        var signal = SignalFields(
            id: "\(sender.runID)/\(event.id)", name: event.fields.text(.signalName), input: event.payload(.input),
            from: (sender.workflowID, sender.runID))
        signal.fields[.header] = .filled(event.fields.map(.header))
        let receipt: SignalReceipt
        do {
            receipt = try await turn(transfer.to, at: now) { [signal] turn in
                guard transfer.toRun.isEmpty || turn.state.run.runID == transfer.toRun else { return .notRunning }
                return try turn.receive(signal)
            }
        } catch is WorkflowNotFound { receipt = .notRunning }
        try await answer(
            item, receipt == .notRunning ? .signalExternalWorkflowExecutionFailed : .externalWorkflowExecutionSignaled, transfer, at: now)
    }

    private func tellParent(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let end = try await store.history(item.key.run).last else { return try await drop(item) }
        do {
            try await turn(transfer.to, at: now) { turn in
                turn.finish { $0.done.append(item.key) }
                guard turn.state.run.runID == transfer.toRun, !turn.state.isClosed, let child = turn.state.children[transfer.event] else {
                    return
                }
                if child.runID.isEmpty { throw ChildNotKnown() }
                try turn.append(Self.childEnd(end.kind), Self.childFields(end, child, transfer))
            }
        } catch is WorkflowNotFound {
            try await drop(item)
        } catch is ChildNotKnown {
            // The parent has not heard of the start yet; that message comes first.
            agenda.giveBack(item)
        }
    }

    private struct ChildNotKnown: Error {}

    private static func childFields(_ end: HistoryEvent, _ child: RunState.Child, _ transfer: Transfer) -> EventFields {
        [
            .initiatedEventID: .integer(transfer.event), .executionWorkflowID: .text(child.workflowID), .executionRunID: .text(child.runID),
            .workflowType: .text(child.type), .result: end.fields[.result], .failure: end.fields[.failure],
        ]
    }

    private static func childEnd(_ kind: HistoryEvent.Kind) -> HistoryEvent.Kind {
        switch kind {
        case .workflowExecutionCompleted: .childWorkflowExecutionCompleted
        case .workflowExecutionCanceled: .childWorkflowExecutionCanceled
        case .workflowExecutionTimedOut: .childWorkflowExecutionTimedOut
        case .workflowExecutionTerminated: .childWorkflowExecutionTerminated
        default: .childWorkflowExecutionFailed
        }
    }
}
