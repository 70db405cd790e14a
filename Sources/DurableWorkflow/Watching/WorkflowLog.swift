public import Logging

extension WorkflowContext {
    /// Logs with the workflow's id, run id and type; silent while the code is shown what it has done before, and once it has left memory.
    ///
    /// Nothing of a payload belongs in a log. The handler must not start tasks: it runs inside the workflow.
    public var logger: Logger {
        Logger(label: log.label) { _ in WorkflowLogHandler(log.handler, self) }
    }
}

extension ActivityContext {
    /// Logs with the ids and types of workflow and activity, and the attempt. Nothing of a payload belongs in a log.
    public var logger: Logger {
        var logger = log
        logger[metadataKey: "workflowID"] = "\(workflowID)"
        logger[metadataKey: "runID"] = "\(runID)"
        logger[metadataKey: "workflowType"] = "\(workflowType)"
        logger[metadataKey: "activityType"] = "\(activityType)"
        logger[metadataKey: "activityID"] = "\(activityID)"
        logger[metadataKey: "attempt"] = "\(attempt)"
        return logger
    }
}

extension Logger {
    /// Says nothing.
    static let silent = Logger(label: "lockstep") { _ in SwiftLogNoOpLogHandler() }

    /// The same logger for one run.
    func of(_ run: WorkflowRun) -> Logger {
        var logger = self
        logger[metadataKey: "workflowID"] = "\(run.workflowID)"
        logger[metadataKey: "runID"] = "\(run.runID)"
        logger[metadataKey: "workflowType"] = "\(run.type)"
        return logger
    }
}

/// Drops what a workflow says while it replays, or is being taken out of memory.
private struct WorkflowLogHandler: LogHandler {
    private var base: any LogHandler
    private weak var context: WorkflowContext?

    init(_ base: any LogHandler, _ context: WorkflowContext) {
        self.base = base
        self.context = context
    }

    func log(event: LogEvent) {
        guard let context, !context.isReplaying, !context.isEvicted else { return }
        base.log(event: event)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }
}
