extension HistoryEvent {
    /// What happened; the kinds and their numbers are Temporal's, which never change.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        /// The run began.
        case workflowExecutionStarted = 1
        /// The code returned.
        case workflowExecutionCompleted
        /// The code threw a ``WorkflowFailure``.
        case workflowExecutionFailed
        /// The run's time is over.
        case workflowExecutionTimedOut
        /// The code is to be run.
        case workflowTaskScheduled
        /// The code ran; its time is what the code saw as now.
        case workflowTaskStarted
        /// What the code decided follows.
        case workflowTaskCompleted
        /// The code did not answer in time.
        case workflowTaskTimedOut
        /// The code did not fit, or threw; the task is repeated.
        case workflowTaskFailed
        /// The code asked for an activity.
        case activityTaskScheduled
        /// Its last attempt began; written together with its end.
        case activityTaskStarted
        /// An activity returned.
        case activityTaskCompleted
        /// An activity failed for good.
        case activityTaskFailed
        /// An activity's time is over.
        case activityTaskTimedOut
        /// The code wants an activity cancelled.
        case activityTaskCancelRequested
        /// An activity ended on a cancellation.
        case activityTaskCanceled
        /// The code began to wait for a time.
        case timerStarted
        /// The time came.
        case timerFired
        /// The code no longer waits for it.
        case timerCanceled
        /// Somebody asked for cancellation.
        case workflowExecutionCancelRequested
        /// The code ended on a cancellation.
        case workflowExecutionCanceled
        /// The code wants another workflow cancelled.
        case requestCancelExternalWorkflowExecutionInitiated
        /// That workflow is not there.
        case requestCancelExternalWorkflowExecutionFailed
        /// That workflow knows.
        case externalWorkflowExecutionCancelRequested
        /// A note of the code's: a patch, a local activity.
        case markerRecorded
        /// A signal arrived.
        case workflowExecutionSignaled
        /// Somebody ended the run.
        case workflowExecutionTerminated
        /// The code goes on in a new run.
        case workflowExecutionContinuedAsNew
        /// The code asked for a child workflow.
        case startChildWorkflowExecutionInitiated
        /// The child could not be started.
        case startChildWorkflowExecutionFailed
        /// The child runs.
        case childWorkflowExecutionStarted
        /// The child returned.
        case childWorkflowExecutionCompleted
        /// The child failed.
        case childWorkflowExecutionFailed
        /// The child ended on a cancellation.
        case childWorkflowExecutionCanceled
        /// The child's time is over.
        case childWorkflowExecutionTimedOut
        /// Somebody ended the child.
        case childWorkflowExecutionTerminated
        /// The code sends a signal.
        case signalExternalWorkflowExecutionInitiated
        /// There is nobody to receive it.
        case signalExternalWorkflowExecutionFailed
        /// It was received.
        case externalWorkflowExecutionSignaled
        /// The code changed search attributes.
        case upsertWorkflowSearchAttributes
        /// The code took an update.
        case workflowExecutionUpdateAccepted
        /// Never written; refused updates leave no history.
        case workflowExecutionUpdateRejected
        /// The code has done an update.
        case workflowExecutionUpdateCompleted
        /// Somebody changed the run's properties.
        case workflowPropertiesModifiedExternally
        /// Somebody changed an activity's properties.
        case activityPropertiesModifiedExternally
        /// The code changed the memo.
        case workflowPropertiesModified
        /// An update was taken over from another run.
        case workflowExecutionUpdateAdmitted
        /// The code asked a Nexus service for something; no code here can.
        case nexusOperationScheduled
        /// The service has begun.
        case nexusOperationStarted
        /// The service has answered.
        case nexusOperationCompleted
        /// The service has failed.
        case nexusOperationFailed
        /// The service has ended on a cancellation.
        case nexusOperationCanceled
        /// The service's time is over.
        case nexusOperationTimedOut
        /// The code wants the operation cancelled.
        case nexusOperationCancelRequested
        /// Somebody changed the run's options.
        case workflowExecutionOptionsUpdated
        /// The service knows that the operation is to be cancelled.
        case nexusOperationCancelRequestCompleted
        /// The service does not want to know.
        case nexusOperationCancelRequestFailed
        /// Somebody paused the run.
        case workflowExecutionPaused
        /// Somebody let the run go on.
        case workflowExecutionUnpaused

        /// The name, for example `timerFired`.
        public var name: String { "\(self)" }

        /// Temporal's name, for example `EVENT_TYPE_TIMER_FIRED`.
        public var temporalName: String {
            "EVENT_TYPE_" + name.map { $0.isUppercase ? "_\($0)" : $0.uppercased() }.joined()
        }

        /// The kind of a name in either spelling: `EVENT_TYPE_TIMER_FIRED`, `TimerFired`.
        public init?(temporalName name: String) {
            guard let kind = Self.byName[name] else { return nil }
            self = kind
        }

        /// True for what the code itself decided; these are compared on replay.
        public var isCommand: Bool {
            switch self {
            case .activityTaskScheduled, .activityTaskCancelRequested, .markerRecorded, .requestCancelExternalWorkflowExecutionInitiated,
                .signalExternalWorkflowExecutionInitiated, .startChildWorkflowExecutionInitiated, .timerCanceled, .timerStarted,
                .upsertWorkflowSearchAttributes, .workflowPropertiesModified, .workflowExecutionCanceled, .workflowExecutionCompleted,
                .workflowExecutionContinuedAsNew, .workflowExecutionFailed, .workflowExecutionUpdateAccepted,
                .workflowExecutionUpdateRejected, .workflowExecutionUpdateCompleted, .nexusOperationScheduled,
                .nexusOperationCancelRequested:
                true
            default: false
            }
        }

        /// True for what ends a run.
        public var isTerminal: Bool {
            switch self {
            case .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionTimedOut, .workflowExecutionCanceled,
                .workflowExecutionTerminated, .workflowExecutionContinuedAsNew:
                true
            default: false
            }
        }

        /// True for what ends a workflow task, in whatever way.
        var endsTask: Bool { self == .workflowTaskCompleted || self == .workflowTaskFailed || self == .workflowTaskTimedOut }

        /// True for what makes the code run again.
        var wakes: Bool {
            switch self {
            case .workflowExecutionStarted, .activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut, .activityTaskCanceled,
                .timerFired, .workflowExecutionCancelRequested, .requestCancelExternalWorkflowExecutionFailed,
                .externalWorkflowExecutionCancelRequested, .workflowExecutionSignaled, .startChildWorkflowExecutionFailed,
                .childWorkflowExecutionStarted, .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed,
                .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated,
                .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionSignaled, .workflowExecutionUpdateAdmitted:
                true
            default: false
            }
        }

        private static let byName: [String: Kind] = {
            var names: [String: Kind] = [:]
            for kind in allCases {
                names[kind.temporalName] = kind
                names[kind.name.prefix(1).uppercased() + kind.name.dropFirst()] = kind
            }
            return names
        }()
    }
}
