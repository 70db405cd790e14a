import Events

extension EmbeddedEngine {
    /// Delivers a message from one workflow to another, and the answer back. Repeating it changes nothing.
    func deliver(_ item: DueItem, at now: Timestamp) async throws {
        guard let transfer = try item.body.map({ try $0.decoded(as: Transfer.self) }) else { return try await drop(item) }
        switch transfer.what {
        case .startChild: try await startChild(item, transfer, at: now)
        case .signal: try await sendSignal(item, transfer, at: now)
        case .cancel:
            let isOurs = try await isOwn(item, transfer)
            let isDone = try await requestCancel(of: transfer.to, runID: transfer.toRun, at: now, if: isOurs)
            guard transfer.isAnswered else { return try await drop(item) }
            try await answer(
                item, isDone ? .externalWorkflowExecutionCancelRequested : .requestCancelExternalWorkflowExecutionFailed, transfer, at: now)
        case .terminate:
            let isOurs = try await isOwn(item, transfer)
            do {
                try await terminate(
                    workflowID: transfer.to, runID: transfer.toRun, reason: "by parent close policy", at: now, if: isOurs)
            } catch is WorkflowNotFound {}
            try await drop(item)
        case .childClosed: try await tellParent(item, transfer, at: now)
        case .scheduleGoesOn:
            try await scheduleGoesOn(transfer.to, now: now)
            try await drop(item)
        }
    }

    /// What the end of a parent does, it does to its own child alone: a stranger may have the id by now.
    private func isOwn(_ item: DueItem, _ transfer: Transfer) async throws -> (RunState) -> Bool {
        guard !transfer.isAnswered else { return { _ in true } }
        let parent = try await sender(item, transfer)
        return { child in child.isChild(of: parent?.runID ?? "", event: transfer.event) }
    }

    private func drop(_ item: DueItem) async throws {
        var change = WorkflowChange()
        change.done = [item.key]
        try await commit(change)
    }

    /// Who sends: the initiating event, the sender's ids, and whether its run is over. Nil for a run that retention has deleted.
    private struct Sender {
        let event: HistoryEvent
        let workflowID: String
        let runID: String
        let isClosed: Bool
    }

    /// What the history of the item's own run says, whichever run of the workflow is current now.
    private func sender(_ item: DueItem, _ transfer: Transfer) async throws -> Sender? {
        let history = WorkflowHistory(events: try await store.history(item.key.run))
        guard transfer.event <= history.events.count, transfer.event > 0 else { return nil }
        return Sender(
            event: history.events[transfer.event - 1], workflowID: item.workflowID, runID: history.runID,
            isClosed: history.events.contains { $0.kind.isTerminal })
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

    /// A child that was asked for is started; one of a closed parent only when it is to go on without it.
    private func startChild(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let parent = try await sender(item, transfer) else { return try await drop(item) }
        let policy = ParentClosePolicy(temporal: parent.event.fields.text(.parentClosePolicy))
        guard !parent.isClosed || policy == .abandon else { return try await drop(item) }
        let request = try childRequest(transfer, parent)
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

    private func childRequest(_ transfer: Transfer, _ parent: Sender) throws -> StartRequest {
        let fields = parent.event.fields
        let policy = WorkflowIDReusePolicy(rawValue: ProtoName.camel(fields.text(.idReusePolicy), "WORKFLOW_ID_REUSE_POLICY"))
        let options = WorkflowOptions(
            taskQueue: fields.text(.taskQueue), idReusePolicy: policy ?? .allowDuplicate,
            executionTimeout: fields.duration(.executionTimeout),
            runTimeout: fields.duration(.runTimeout), retryPolicy: fields.retryPolicy)
        var request = try StartRequest(transfer.to, fields.text(.workflowType), parent.event.payload(.input), options, converter)
        request.memo = fields.map(.memo)
        request.searchAttributes = fields.map(.searchAttributes)
        request.parent = (parent.workflowID, parent.runID, parent.event.id)
        request.header = fields.map(.header)
        return request
    }

    private func sendSignal(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let sender = try await sender(item, transfer) else { return try await drop(item) }
        let event = sender.event
        var signal = SignalFields(
            id: "\(sender.runID)/\(event.id)", name: event.fields.text(.signalName), input: event.payload(.input),
            from: (sender.workflowID, sender.runID))
        signal.fields[.header] = .filled(event.fields.map(.header))
        let isToChild = event.fields.integer(.childWorkflowOnly) == 1
        var cause: String?
        do {
            let receipt = try await turn(transfer.to, at: now) { [signal] turn in
                guard turn.state.isNamed(by: transfer.toRun),
                    !isToChild || turn.state.parentWorkflowID == sender.workflowID
                else { return SignalReceipt.notRunning }
                return try await self.receive(signal, &turn)
            }
            if receipt == .notRunning { cause = "EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND" }
        } catch is WorkflowNotFound {
            cause = "EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND"
        } catch is LimitExceeded { cause = "SIGNAL_COUNT_LIMIT_EXCEEDED" }
        guard let cause else { return try await answer(item, .externalWorkflowExecutionSignaled, transfer, at: now) }
        try await answer(
            item, .signalExternalWorkflowExecutionFailed, transfer,
            [.cause: .text("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_" + cause)], at: now)
    }

    private func tellParent(_ item: DueItem, _ transfer: Transfer, at now: Timestamp) async throws {
        guard let end = try await store.history(item.key.run).first(where: { $0.kind.isTerminal }) else { return try await drop(item) }
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
