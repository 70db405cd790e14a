import Cutover
public import DurableWorkflow
public import Events
public import LegacyStateMachine
public import Outcomes

/// A team's own process: its legacy machine, its durable steps, its wire forms. The built-in one is A2P registration.
public struct Domain<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// The legacy machine, as the table it is.
    public var machine: Machine<State, Record>
    /// The legacy machine when it runs elsewhere, in a process of its own; nil for one in this process.
    public var service: (any LegacyService)?
    /// How the service describes its machine.
    public var serviceMachine: LegacyMachine?
    /// What the machine's states were, when its code is gone; nil while it is there.
    public private(set) var map: LegacyMachine?
    /// What the cron job looks for.
    public var sweeper: Sweeper<State>
    /// One decoder per source.
    public var decoders: [any WireDecoder]
    /// The steps that exist as durable code.
    public var durableSteps: [DurableStep<Record>]
    /// Events that belong to no step and end a durable wait (cancel, override).
    public var interrupts: Set<EventKind>
    /// The first record of an entity, for an event that creates one; nil for every other event.
    public var birth: @Sendable (IncomingEvent) -> Record?
    /// The external ids by which senders name the record's entity.
    public var references: @Sendable (Record) -> [String]
    /// What the record amounts to.
    public var outcome: @Sendable (Record, State, [LedgerEntry]) -> Outcome
    /// The members of payloads that hold free text. No step reads them: they stay in the inbox, and no workflow is told.
    public var freeText: Set<String>
    /// What of a record may stay when its entity is forgotten: ids, states, codes. Nil for nothing.
    public var forgotten: @Sendable (Record) -> Record?

    /// A domain. When it does not say what of a record may stay, nothing does.
    public init(
        machine: Machine<State, Record>, sweeper: Sweeper<State>, decoders: [any WireDecoder], durableSteps: [DurableStep<Record>],
        interrupts: Set<EventKind>, birth: @escaping @Sendable (IncomingEvent) -> Record?,
        references: @escaping @Sendable (Record) -> [String],
        outcome: @escaping @Sendable (Record, State, [LedgerEntry]) -> Outcome,
        freeText: Set<String> = [], forgotten: @escaping @Sendable (Record) -> Record? = { _ in nil }
    ) {
        self.machine = machine
        self.sweeper = sweeper
        self.decoders = decoders
        self.durableSteps = durableSteps
        self.interrupts = interrupts
        self.birth = birth
        self.references = references
        self.outcome = outcome
        self.freeText = freeText
        self.forgotten = forgotten
    }
}

extension Domain {
    /// A domain whose legacy machine is a service in a process of its own, with its records in its own database.
    ///
    /// `machine` is the service's own description, which `lockstep legacy check` prints; `Record` is what of its record the durable steps
    /// need to know: the rest stays as it is. `outcome` gets the state as a text.
    public init(
        service: any LegacyService, machine: LegacyMachine, decoders: [any WireDecoder], durableSteps: [DurableStep<Record>],
        interrupts: Set<EventKind> = [], birth: @escaping @Sendable (IncomingEvent) -> Record?,
        references: @escaping @Sendable (Record) -> [String] = { _ in [] },
        outcome: @escaping @Sendable (Record, State, [LedgerEntry]) -> Outcome,
        freeText: Set<String> = [], forgotten: @escaping @Sendable (Record) -> Record? = { _ in nil }
    ) where State == ServiceState {
        guard let table: Machine<State, Record> = machine.table() else { preconditionFailure("\(machine.name): its initial state is none") }
        self.init(
            machine: table, sweeper: Sweeper(rules: []), decoders: decoders, durableSteps: durableSteps, interrupts: interrupts,
            birth: birth, references: references, outcome: outcome, freeText: freeText, forgotten: forgotten)
        self.service = service
        serviceMachine = machine
    }

    /// A domain whose legacy machine is gone. `map` is what its states were, as `lockstep machine --format map` has printed it while it was
    /// there: records still say where they stand by them. Every step of a plan has to be on stage `retired`.
    public init(
        retired map: LegacyMachine, decoders: [any WireDecoder], durableSteps: [DurableStep<Record>], interrupts: Set<EventKind>,
        birth: @escaping @Sendable (IncomingEvent) -> Record?, references: @escaping @Sendable (Record) -> [String],
        outcome: @escaping @Sendable (Record, State, [LedgerEntry]) -> Outcome,
        freeText: Set<String> = [], forgotten: @escaping @Sendable (Record) -> Record? = { _ in nil }
    ) throws {
        guard let machine: Machine<State, Record> = map.table(note: Self.retiredNote) else {
            throw LegacyFault("the map of \(map.name): expected states that the domain's type has, found others; print it anew")
        }
        self.init(
            machine: machine, sweeper: Sweeper(rules: []), decoders: decoders, durableSteps: durableSteps, interrupts: interrupts,
            birth: birth, references: references, outcome: outcome, freeText: freeText, forgotten: forgotten)
        self.map = map
    }

    /// The step that waits in a state of the legacy table; nil for a hold, and where a step is complete and the next one cannot begin yet.
    package func step(waitingIn state: String) -> StepNumber? {
        State(rawValue: state).flatMap { machine.boundaries[$0] == nil ? machine.steps[$0] : nil }
    }

    /// The legacy machine as data that can be printed.
    public var machineDescription: MachineDescription {
        map?.description(note: Self.retiredNote) ?? serviceMachine?.description() ?? machine.description
    }

    /// Where the machine's states lie and which events they handle, without the code.
    public var machineMap: LegacyMachine { map ?? serviceMachine ?? machine.map }

    private static var retiredNote: String { "durable steps handle it" }

    /// Where the legacy machine runs under `plan`: nowhere, when every step is retired.
    func side(under plan: MigrationPlan) -> LegacySide {
        plan.isWithoutLegacy ? .inProcess(RetiredMachine(side.table)) : side
    }

    /// Where the legacy machine runs.
    var side: LegacySide {
        if let map { return .inProcess(RetiredMachine(ServiceTable(map))) }
        if let service, let serviceMachine { return .service(service, ServiceTable(serviceMachine)) }
        return .inProcess(MachineRuntime(machine, sweeper: sweeper, references: references))
    }
}
