public import BridgeTesting
public import Cutover
public import Events
public import Outcomes

/// A simulated outside of a domain: it comes up with what happens to entities, from a seed.
public protocol AppSimulation: Sendable {
    /// Records what is delivered to the entities of those numbers, with each of which the same happens for the same seed.
    func record(_ numbers: ClosedRange<Int>, seed: UInt64) async throws -> [TraceLine]
    /// Runs entities in hybrid mode while everything goes wrong, then legacy alone on the same world and schedule, and says what broke the
    /// laws of the hand-off. `progress` is told the number of events and the simulated time.
    func run(_ settings: SimulationSettings, progress: (Int, Timestamp) -> Void) async throws -> (run: SimulationRun, seconds: Double)
    /// The id of the entity of that number, from 1.
    func entity(_ number: Int) -> EntityID
}

/// What one simulation is about.
public struct SimulationSettings: Sendable {
    /// Of scheduler, faults and outside.
    public var seed: UInt64
    /// How many entities.
    public var entities: Int
    /// Between the beginnings of two entities.
    public var spacing: Duration
    /// What goes wrong, and how often.
    public var rates: FaultRates
    /// The scheduler's steps in which something may go wrong; nil for all.
    public var steps: Int?
    /// The entity whose journals are wanted.
    public var watched: EntityID?
    /// What the parties do with a key that they know.
    public var parties = PartyKind.refusesKnownKeys
    /// How many things may be under way at a time.
    public var lanes = 1
    /// Half again as many random runs of legacy alone say whether a finding is within the spread of its outcomes; 0 for none.
    public var attempts: Int
    /// The run is not compared any further once so many violations are known.
    public var mostViolations: Int
    /// The plans that operators switch between; empty for those that the domain has for it.
    public var plans: [MigrationPlan] = []
    /// A known bug in the hybrid run, see `lockstep mutants`; nil for none.
    package var mutant: Mutant?

    /// Settings; the defaults are those of `lockstep simulate`.
    public init(
        seed: UInt64, entities: Int, spacing: Duration = .seconds(36), rates: FaultRates = .every(0.01), steps: Int? = nil,
        watched: EntityID? = nil, attempts: Int = 200, mostViolations: Int = 1000
    ) {
        self.seed = seed
        self.entities = entities
        self.spacing = spacing
        self.rates = rates
        self.steps = steps
        self.watched = watched
        self.attempts = attempts
        self.mostViolations = mostViolations
    }
}
