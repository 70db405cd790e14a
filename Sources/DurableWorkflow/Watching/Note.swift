import CoreMetrics
import Events
import Logging

/// Something that is told once it is durable.
enum Note: Sendable {
    /// A run has ended.
    case closed(WorkflowRun, HistoryEvent.Kind, after: Duration)
    /// A workflow task has failed.
    case blocked(WorkflowRun, TaskFailure)
    /// The code took longer than a workflow task may.
    case taskTimedOut(WorkflowRun)
    /// A history has passed the mark from which on warnings are due.
    case long(WorkflowRun)
    /// An attempt of an activity has ended.
    case attempt(WorkflowRun, EndedAttempt)
}

/// Why a workflow task has failed, without anything that the code has said itself.
struct TaskFailure: Sendable {
    let isNonDeterminism: Bool
    let reason: String

    init(_ error: any Error) {
        isNonDeterminism = error is NonDeterminismError
        if let error = error as? UnhandledWorkflowError {
            reason =
                "workflow \(error.workflowID), run \(error.runID), event \(error.eventID): expected a result or a WorkflowFailure,"
                + " found another error; see the run's description"
        } else {
            reason = "\(error)"
        }
    }
}

/// An attempt that has ended, and what follows.
struct EndedAttempt: Sendable {
    enum End: Sendable {
        case succeeded
        case failed(type: String)
        case timedOut(TimeoutType)
    }

    let activity: String
    let activityID: String
    let queue: String
    let number: Int
    let end: End
    /// Since the activity was scheduled.
    let after: Duration
    /// The wait for the next attempt; nil when there is none.
    var next: Duration?
}

extension Turn {
    /// Notes the end of an attempt, if somebody listens.
    mutating func note(_ activity: RunState.Activity, _ failure: Failure?, next: Duration? = nil) {
        guard isWatched else { return }
        var end = EndedAttempt.End.succeeded
        if let failure {
            if case .timeout(let type, _) = failure.info { end = .timedOut(type) } else { end = .failed(type: failure.label) }
        }
        notes.append(
            .attempt(
                state.run,
                EndedAttempt(
                    activity: activity.type, activityID: activity.id, queue: activity.event.fields.text(.taskQueue),
                    number: activity.attempt.attempt, end: end, after: now - activity.event.at, next: next)))
    }

    /// Notes that the history has passed its mark, in the turn in which it does.
    mutating func noteGrowth(from length: Int, _ bytes: Int) {
        guard isWatched, length < WorkflowLimits.warnEvents, bytes < WorkflowLimits.warnBytes else { return }
        guard state.run.length >= WorkflowLimits.warnEvents || state.run.bytes >= WorkflowLimits.warnBytes else { return }
        notes.append(.long(state.run))
    }
}

extension Failure {
    /// What kind of failure it is, in one word that the code's author chose or the engine has: no text of an error.
    var label: String {
        switch info {
        case .application(let type, _, _, _): type.isEmpty ? "ApplicationError" : type
        case .timeout(let type, _): "timeout \(type.rawValue)"
        case .canceled: "canceled"
        case .terminated: "terminated"
        case .server: "server"
        case .activity(let type, _, _, _): "activity \(type)"
        case .childWorkflow(let type, _, _, _, _): "child \(type)"
        case .none: "failure"
        }
    }
}

extension Watch {
    /// Counts and logs what a turn has made durable.
    func tell(_ notes: [Note]) {
        for note in notes {
            if let metrics { count(note, metrics) }
            if let logger { log(note, logger) }
        }
    }

    private func count(_ note: Note, _ metrics: EngineMetrics) {
        switch note {
        case .closed(let run, let end, let after):
            let handles = metrics.workflow(run)
            handles.ended(end).increment()
            handles.endToEnd.record(after)
        case .blocked(let run, let failure):
            let handles = metrics.workflow(run)
            (failure.isNonDeterminism ? handles.taskFailedByNonDeterminism : handles.taskFailed).increment()
        case .taskTimedOut(let run): metrics.workflow(run).taskTimedOut.increment()
        case .long(let run): metrics.workflow(run).historyWarnings.increment()
        case .attempt(let run, let attempt):
            let handles = metrics.activity(attempt.activity, of: run.type, on: attempt.queue)
            switch attempt.end {
            case .succeeded: handles.endToEnd.record(attempt.after)
            case .failed: handles.failed.increment()
            case .timedOut(let type): handles.timedOut(type)
            }
        }
    }

    private func log(_ note: Note, _ logger: Logger) {
        switch note {
        case .closed: break
        case .blocked(let run, let failure):
            logger.warning("the code does not fit; the run waits for code that does", metadata: run.metadata(["reason": failure.reason]))
        case .taskTimedOut(let run):
            logger.warning("the code took longer than a workflow task may; the task comes again", metadata: run.metadata())
        case .long(let run):
            logger.warning(
                "the history has passed a fifth of its limit; continue as new",
                metadata: run.metadata(["events": "\(run.length)", "bytes": "\(run.bytes)"]))
        case .attempt(let run, let attempt):
            guard let error = attempt.error else { return }
            logger.warning(
                "an attempt failed",
                metadata: run.metadata([
                    "activityType": attempt.activity, "activityID": attempt.activityID, "attempt": "\(attempt.number)", "error": error,
                    "next": attempt.next.map { "in \($0.milliseconds) ms" } ?? "none",
                ]))
        }
    }
}

extension EndedAttempt {
    /// The kind of failure; nil for a success.
    var error: String? {
        switch end {
        case .succeeded: nil
        case .failed(let type): type
        case .timedOut(let type): "timeout \(type.rawValue)"
        }
    }
}

extension WorkflowRun {
    /// What every log about a run has.
    func metadata(_ more: [String: String] = [:]) -> Logger.Metadata {
        let ids = ["workflowID": workflowID, "runID": runID, "workflowType": type]
        return ids.merging(more) { $1 }.mapValues { .string($0) }
    }
}
