/// A field of an event. Stored by number (append only), written under Temporal's JSON path.
public enum EventField: UInt8, Hashable, Sendable, CaseIterable {
    /// Names and ids.
    case workflowType = 1
    case taskQueue, workflowID, identity, activityID, activityType, timerID, signalName, requestID, markerName
    case cause, reason, newRunID, originalRunID, firstRunID, continuedRunID, executionWorkflowID, executionRunID
    case parentWorkflowID, parentRunID, externalWorkflowID, externalRunID, cronSchedule, retryState, parentClosePolicy
    case idReusePolicy, protocolInstanceID, updateID, acceptedUpdateID, acceptedUpdateName, initiator, resetRunID
    /// A moment: when all runs of a chain together have had their time.
    case executionExpiresAt
    case timeoutType
    /// An update that a reset has kept.
    case admittedUpdateID, admittedUpdateName, updateOrigin
    /// What an event that was read has besides, as JSON: members that have no field here, and what these fields would round.
    case more
    /// Event ids and counts.
    case scheduledEventID = 64
    case startedEventID, initiatedEventID, taskCompletedEventID, parentInitiatedEventID, acceptedEventID
    case latestCancelRequestedEventID, attempt, childWorkflowOnly
    /// Durations.
    case scheduleToCloseTimeout = 96
    case scheduleToStartTimeout, startToCloseTimeout, heartbeatTimeout, startToFireTimeout, executionTimeout, runTimeout
    case taskTimeout, firstTaskBackoff, backoffStartInterval
    /// Payloads.
    case input = 128
    case result, details, lastCompletionResult, updateArguments, outcomeSuccess, admittedArguments
    /// Failures.
    case failure = 160
    case lastFailure, continuedFailure, outcomeFailure
    /// Named payloads.
    case memo = 176
    case searchAttributes, upsertedMemo, markerDetails, header
    /// A retry policy.
    case retryPolicy = 192

    /// What kind of value it holds.
    enum Shape { case text, integer, duration, payloads, failure, map, retry }

    var shape: Shape {
        switch rawValue {
        case ..<64: .text
        case ..<96: .integer
        case ..<128: .duration
        case ..<160: .payloads
        case ..<176: .failure
        case ..<192: .map
        default: .retry
        }
    }

    /// Where Temporal's JSON has it.
    var path: [String] { Self.paths[self] ?? ["\(self)"] }

    private static let paths: [EventField: [String]] = [
        .workflowType: ["workflowType", "name"], .taskQueue: ["taskQueue", "name"], .workflowID: ["workflowId"],
        .activityID: ["activityId"], .activityType: ["activityType", "name"], .timerID: ["timerId"], .requestID: ["requestId"],
        .newRunID: ["newExecutionRunId"], .originalRunID: ["originalExecutionRunId"], .firstRunID: ["firstExecutionRunId"],
        .continuedRunID: ["continuedExecutionRunId"], .executionWorkflowID: ["workflowExecution", "workflowId"],
        .executionRunID: ["workflowExecution", "runId"], .parentWorkflowID: ["parentWorkflowExecution", "workflowId"],
        .parentRunID: ["parentWorkflowExecution", "runId"], .externalWorkflowID: ["externalWorkflowExecution", "workflowId"],
        .externalRunID: ["externalWorkflowExecution", "runId"], .idReusePolicy: ["workflowIdReusePolicy"],
        .protocolInstanceID: ["protocolInstanceId"], .updateID: ["meta", "updateId"],
        .admittedUpdateID: ["request", "meta", "updateId"], .admittedUpdateName: ["request", "input", "name"],
        .admittedArguments: ["request", "input", "args"], .updateOrigin: ["origin"],
        .acceptedUpdateID: ["acceptedRequest", "meta", "updateId"], .acceptedUpdateName: ["acceptedRequest", "input", "name"],
        .resetRunID: ["newRunId"], .executionExpiresAt: ["workflowExecutionExpirationTime"], .scheduledEventID: ["scheduledEventId"],
        .startedEventID: ["startedEventId"],
        .initiatedEventID: ["initiatedEventId"], .taskCompletedEventID: ["workflowTaskCompletedEventId"],
        .parentInitiatedEventID: ["parentInitiatedEventId"], .acceptedEventID: ["acceptedEventId"],
        .latestCancelRequestedEventID: ["latestCancelRequestedEventId"], .executionTimeout: ["workflowExecutionTimeout"],
        .runTimeout: ["workflowRunTimeout"], .taskTimeout: ["workflowTaskTimeout"], .firstTaskBackoff: ["firstWorkflowTaskBackoff"],
        .updateArguments: ["acceptedRequest", "input", "args"], .outcomeSuccess: ["outcome", "success"],
        .outcomeFailure: ["outcome", "failure"], .memo: ["memo", "fields"], .searchAttributes: ["searchAttributes", "indexedFields"],
        .upsertedMemo: ["upsertedMemo", "fields"], .more: [], .markerDetails: ["details"], .header: ["header", "fields"],
    ]
}
