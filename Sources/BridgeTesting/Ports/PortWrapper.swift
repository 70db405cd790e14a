public import DurableWorkflow
public import HybridRouter
public import Outcomes

/// What stands between a bridge and its ports. Tests put faults, crash points and known bugs there; the default is nothing.
public struct PortWrapper: Sendable {
    /// Around the hand-off store.
    public var handoffs: @Sendable (any HandoffStore) -> any HandoffStore
    /// Around the engine's store.
    public var workflows: @Sendable (any WorkflowStore) -> any WorkflowStore
    /// Around the parties.
    public var effects: @Sendable (any EffectPort) -> any EffectPort

    /// A wrapper; a port that is not named is left as it is.
    public init(
        handoffs: @escaping @Sendable (any HandoffStore) -> any HandoffStore = { $0 },
        workflows: @escaping @Sendable (any WorkflowStore) -> any WorkflowStore = { $0 },
        effects: @escaping @Sendable (any EffectPort) -> any EffectPort = { $0 }
    ) {
        self.handoffs = handoffs
        self.workflows = workflows
        self.effects = effects
    }

    /// Nothing.
    public static let none = PortWrapper()
}
