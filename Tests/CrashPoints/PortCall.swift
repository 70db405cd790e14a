/// A method of a port, by protocol and name: a new method has no number, and so cannot be called, until it has a case here.
package enum PortCall: String, CaseIterable, Sendable {
    case accept = "OwnershipStore.accept(_:at:)"
    case snapshot = "RecordStore.snapshot(of:)"
    case row = "OwnershipStore.row(_:)"
    case rows = "OwnershipStore.rows(of:)"
    case commit = "OwnershipStore.commit(_:)"
    case keep = "OwnershipStore.keep(_:)"
    case ledger = "OwnershipStore.ledger(of:)"
    case ledgerReply = "EffectLedger.reply(to:)"
    case reads = "OwnershipStore.reads(of:)"
    case intend = "EffectLedger.intend(_:)"
    case withdraw = "EffectLedger.withdraw(_:)"
    case intention = "EffectLedger.intention(_:)"
    case intentions = "OwnershipStore.intentions()"
    case durableOwnerships = "OwnershipStore.durableOwnerships(after:limit:)"
    case quarantine = "OwnershipStore.quarantine(_:)"
    case quarantined = "OwnershipStore.quarantined()"
    case release = "OwnershipStore.release(_:)"
    case pendingRows = "OwnershipStore.pendingRows()"
    case pendingOutbox = "OwnershipStore.pendingOutbox()"
    case markDone = "OwnershipStore.markDone(_:)"
    case due = "RecordStore.due(at:)"
    case nextDue = "RecordStore.nextDue()"
    case entities = "OwnershipStore.entities()"
    case journal = "OwnershipStore.journal(of:)"
    case counters = "OwnershipStore.counters()"
    case deadLetters = "OwnershipStore.deadLetters()"
    case value = "OwnershipStore.value(_:)"
    case set = "OwnershipStore.set(_:to:)"
    case values = "OwnershipStore.values(prefix:)"
    case replayAccepted = "OwnershipStore.replayAccepted(_:)"
    case compact = "OwnershipStore.compact(before:after:limit:)"
    case compactedDeliveries = "OwnershipStore.compactedDeliveries(of:)"
    case flush = "OwnershipStore.flush()"
    case takeForeignChange = "OwnershipStore.takeForeignChange()"

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
    case quarantinedRuns = "WorkflowStore.quarantined()"

    case perform = "EffectPort.perform(_:)"
    case partyReply = "EffectPort.reply(to:)"
    case read = "EffectPort.read(_:)"

    /// True when a call of it leaves something behind: it has a point after it as well as before.
    package var hasConsequences: Bool {
        switch self {
        case .accept, .commit, .keep, .intend, .withdraw, .quarantine, .release, .markDone, .set, .compact, .flush, .workflowCommit,
            .remove, .perform:
            true
        default: false
        }
    }

    /// Why no run of the pipeline calls it; nil for a method that a run must call.
    package var unusedBecause: String? {
        switch self {
        case .entities, .journal, .counters, .deadLetters, .rows, .ledger, .reads, .runs, .count: "only reports read it"
        case .intend, .withdraw, .intention: "the parties of this run refuse keys that they know"
        case .compact, .compactedDeliveries: "nothing of this run is old enough to be packed"
        case .quarantine, .release: "nothing of this run is bad"
        case .schedules, .schedule: "the hand-off makes no schedule"
        case .taker: "no run of the hand-off follows another one, and its starts have no request id"
        case .quarantinedRuns: "only operators read it"
        case .remove: "nothing of a run is old enough to be removed"
        case .values, .replayAccepted: "only a run of a stream reads it, before its first line"
        default: nil
        }
    }
}
