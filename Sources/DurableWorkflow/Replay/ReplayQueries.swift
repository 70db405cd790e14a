public import Events

/// What a workflow's code waits for, as its replay shows: signals, and conditions on its own state. Activities, timers and children are
/// in its ``WorkflowDescription``.
public struct WorkflowWaits: Hashable, Sendable {
    /// Signals, in the order in which the code began to wait.
    public var signals: [AwaitedSignal]
    /// How many conditions on its own state.
    public var conditions: Int
}

/// A patch that code has asked for.
public struct PatchCall: Hashable, Sendable {
    /// The patch.
    public var id: String
    /// True for a call of ``WorkflowContext/deprecatePatch(_:)``.
    public var isDeprecated: Bool
    /// False for a run that went past the point before the patch existed: it keeps the old branch.
    public var isOn: Bool
}

extension WorkflowReplayer {
    /// Asks the code of a run, open or closed, as it stood after its last workflow task. Nothing changes, so it may be done beside
    /// whoever runs it. Throws what ``replay(_:)`` throws, ``UnknownMessage`` with the known names, and what the handler throws.
    public func query(_ name: String, input: JSONValue = .null, of history: WorkflowHistory) throws -> JSONValue {
        let input = try converter.payload(input)
        return try converter.value(try replayed(history) { try $0.answer(name, input) })
    }

    /// What the code of an open run waits for. Throws what ``replay(_:)`` throws.
    public func waits(of history: WorkflowHistory) throws -> WorkflowWaits {
        try replayed(history) { WorkflowWaits(signals: $0.awaited, conditions: $0.conditions) }
    }

    /// The patches that the code asks for in a run, in order of id. Throws what ``replay(_:)`` throws.
    public func patchCalls(in history: WorkflowHistory) throws -> [PatchCall] { try replayed(history) { $0.patchCalls } }
}
