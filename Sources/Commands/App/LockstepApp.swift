public import Bridge
public import BridgeTesting
public import DurableWorkflow
public import Events
public import LegacyStateMachine
public import Outcomes

/// A command line for a machine: every verb of Lockstep, for the machine, the durable steps and the outside that it is given.
///
/// ```swift
/// await LockstepApp("parcel-claims", domain: claims, effects: Bank(), plan: .file("plan.yaml")).main()
/// ```
///
/// A live run calls `effects`. Whatever plays a recording (`run` with files, `compare`, `report`) never does: it calls the outside that
/// `recorded` makes, which answers as the recording says.
public struct LockstepApp<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The command's name, as users type it.
    public var name: String
    /// What reports are about, for example `A2P 10DLC registration`.
    public var title: String
    /// What an entity is called in texts.
    public var noun = Noun("entity", "entities")
    /// The machine with its durable steps.
    public var domain: Domain<State, Record>
    /// The plan of every command that is given no other.
    public var plan: AppPlan
    /// Whom a live run calls; nil when it calls the outside of recordings as well, because the app has no other.
    public var effects: (any EffectPort)?
    /// Makes the outside of a run that plays a recording. The journal is the outside's own memory of what it performed.
    public var recorded: @Sendable (any EffectJournal) -> any Outside
    /// Workflows beside the steps of the domain, for the same engine.
    public var workflows: [WorkflowType] = []
    /// The activities of those.
    public var activities: [ActivityType] = []
    /// States in which the process comes to rest and a step counts as complete although no other follows.
    public var completions: [State: StepNumber] = [:]
    /// A folder of scenarios that `run`, `compare` and `report` play when they are given no input; nil for none.
    public var fixtures: String?
    /// Makes the decoders of a live run from the senders' secrets, by source: a delivery of such a sender has to be signed. It throws a
    /// ``CommandFailure`` for secrets that it cannot use; nil when no sender signs.
    public var verifying: (@Sendable (_ secrets: [String: String]) throws -> [any WireDecoder])?
    /// What adding steps to the table would take, for `machine --diff` and the report; see `MachineExtension`. It is read when it is asked for.
    public var extensions: @Sendable () throws -> [MachineExtension] = { [] }
    /// The simulated outside of `generate` and `simulate`; nil when the domain has none.
    public var simulation: (any AppSimulation)?

    /// An app. Without a name it is called as its executable file is. Without `recorded`, the outside of recordings says yes to
    /// everything that their `world` lines do not answer otherwise, see ``ScriptedOutside``.
    public init(
        _ name: String? = nil, domain: Domain<State, Record>, effects: (any EffectPort)?, plan: AppPlan,
        recorded: @escaping @Sendable (any EffectJournal) -> any Outside = { ScriptedOutside(journal: $0) }
    ) {
        self.name = name ?? AppFiles.executableName
        title = domain.machine.name
        self.domain = domain
        self.plan = plan
        self.effects = effects
        self.recorded = recorded
    }

    /// Runs the command that the process was started with, and ends the process with its exit code: 0 ok, 1 differences or violations
    /// found, 2 bad usage, 3 the environment has to change.
    public func main() async -> Never { Console.exit(await Program.$running.withValue(self) { await RootCommand.start() }) }
}

extension LockstepApp: Application {
    var typed: LockstepApp { self }
}

/// What something is called.
public struct Noun: Hashable, Sendable {
    /// One of it.
    public let one: String
    /// Several.
    public let many: String

    /// A noun.
    public init(_ one: String, _ many: String) {
        self.one = one
        self.many = many
    }
}
