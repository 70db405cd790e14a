/// A method of a port, by protocol and name: a new method has no number, and so cannot be called, until it has a case here.
package enum PortCall: String, CaseIterable, Sendable {
    case accept = "HandoffStore.accept(_:at:)"
    case snapshot = "HandoffStore.snapshot(of:)"
    case row = "HandoffStore.row(_:)"
    case rows = "HandoffStore.rows(of:)"
    case commit = "HandoffStore.commit(_:)"
    case keep = "HandoffStore.keep(_:)"
    case ledger = "HandoffStore.ledger(of:)"
    case ledgerReply = "HandoffStore.reply(to:)"
    case pendingRows = "HandoffStore.pendingRows()"
    case pendingOutbox = "HandoffStore.pendingOutbox()"
    case markDone = "HandoffStore.markDone(_:)"
    case due = "HandoffStore.due(at:)"
    case nextDue = "HandoffStore.nextDue()"
    case entities = "HandoffStore.entities()"
    case journal = "HandoffStore.journal(of:)"
    case counters = "HandoffStore.counters()"
    case deadLetters = "HandoffStore.deadLetters()"
    case value = "HandoffStore.value(_:)"
    case set = "HandoffStore.set(_:to:)"
    case values = "HandoffStore.values(prefix:)"
    case replayAccepted = "HandoffStore.replayAccepted(_:)"
    case flush = "HandoffStore.flush()"
    case takeForeignChange = "HandoffStore.takeForeignChange()"

    case run = "WorkflowStore.run(_:runID:)"
    case history = "WorkflowStore.history(_:)"
    case workflowCommit = "WorkflowStore.commit(_:)"
    case workflowDue = "WorkflowStore.due(after:until:limit:)"
    case workflowNextDue = "WorkflowStore.nextDue(after:)"
    case highestKey = "WorkflowStore.highestKey()"
    case runs = "WorkflowStore.runs(matching:before:limit:)"
    case count = "WorkflowStore.count(matching:)"
    case remove = "WorkflowStore.remove(closedBefore:limit:)"
    case schedules = "WorkflowStore.schedules()"
    case schedule = "WorkflowStore.schedule(_:)"
    case taker = "WorkflowStore.taker(of:in:)"
    case quarantined = "WorkflowStore.quarantined()"

    case perform = "EffectPort.perform(_:)"
    case partyReply = "EffectPort.reply(to:)"
    case read = "EffectPort.read(_:)"

    /// True when a call of it leaves something behind: it has a point after it as well as before.
    package var hasConsequences: Bool {
        switch self {
        case .accept, .commit, .keep, .markDone, .set, .flush, .workflowCommit, .remove, .perform: true
        default: false
        }
    }

    /// Why no run of the pipeline calls it; nil for a method that a run must call.
    package var unusedBecause: String? {
        switch self {
        case .entities, .journal, .counters, .deadLetters, .rows, .ledger, .runs, .count: "only reports read it"
        case .schedules, .schedule: "the hand-off makes no schedule"
        case .taker: "no run of the hand-off follows another one, and its starts have no request id"
        case .quarantined: "only operators read it"
        case .remove: "nothing of a run is old enough to be removed"
        case .values, .replayAccepted: "only a run of a stream reads it, before its first line"
        default: nil
        }
    }
}
