/// What a workflow's context has only now and then, so that a workflow that does not need it does not pay for it in memory.
final class ContextRest {
    fileprivate(set) var terminal: HistoryEvent?
    fileprivate(set) var handlers = MessageHandlers()
    fileprivate(set) var updates: [UpdateRequest] = []
    fileprivate(set) var rejections: [UpdateRejection] = []
    fileprivate(set) var locals: [LocalRequest] = []
    fileprivate(set) var patches: [String: Bool] = [:]
    fileprivate(set) var patchCalls: [String: PatchCall] = [:]
    fileprivate(set) var announced: Set<String> = []
}

extension WorkflowContext {
    private var made: ContextRest {
        if let rest { return rest }
        let made = ContextRest()
        rest = made
        return made
    }

    /// The event with which the code has ended the run.
    var terminal: HistoryEvent? {
        get { rest?.terminal }
        set { if newValue != nil || rest != nil { made.terminal = newValue } }
    }

    var handlers: MessageHandlers {
        get { rest?.handlers ?? MessageHandlers() }
        _modify { yield &made.handlers }
    }

    var updates: [UpdateRequest] {
        get { rest?.updates ?? [] }
        _modify { yield &made.updates }
    }

    var rejections: [UpdateRejection] {
        get { rest?.rejections ?? [] }
        _modify { yield &made.rejections }
    }

    var locals: [LocalRequest] {
        get { rest?.locals ?? [] }
        _modify { yield &made.locals }
    }

    var patches: [String: Bool] {
        get { rest?.patches ?? [:] }
        _modify { yield &made.patches }
    }

    var patchCalls: [String: PatchCall] {
        get { rest?.patchCalls ?? [:] }
        _modify { yield &made.patchCalls }
    }

    var announced: Set<String> {
        get { rest?.announced ?? [] }
        _modify { yield &made.announced }
    }
}
