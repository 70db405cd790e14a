public import A2PRegistration
public import A2PRetired
import BridgeTesting
public import Commands
public import Cutover
public import DurableWorkflow
import Events
import LegacyFixtures
import LegacyStateMachine
import Migrations
package import Outcomes
public import SQLiteStorage

/// The built-in domain as an app.
public enum A2P {
    /// Every verb for A2P 10DLC registrations. Its live runs call the simulated outside, too.
    public static var app: LockstepApp<RegistrationState, Registration> { app(steps: A2PDomain.durableSteps) }

    package static func app(
        steps: [DurableStep<Registration>], parties: PartyKind = .refusesKnownKeys, simulator: Simulator? = nil
    ) -> LockstepApp<RegistrationState, Registration> {
        var app = LockstepApp(
            "lockstep", domain: A2PDomain.make(steps: steps), effects: nil,
            plan: .text(EmbeddedPlans.hybrid, name: EmbeddedPlans.hybridName),
            recorded: { A2POutside(journal: $0, parties: parties, simulator: simulator) })
        app.title = "A2P 10DLC registration"
        app.noun = Noun("registration", "registrations")
        app.completions = [.ACTIVE: "10"]
        app.fixtures = LegacyFixtures.folder
        app.simulation = A2PSimulator()
        app.extensions = { [try MachineExtension(parsing: EmbeddedMachines.vetting)] }
        app.verifying = { try A2PDecoders.verified(by: WebhookSecrets(bySource: $0)) }
        return app
    }
}

extension WebhookSecrets {
    /// The secrets of the senders that sign.
    fileprivate init(bySource secrets: [String: String]) throws(CommandFailure) {
        self.init(tcr: secrets["tcr"], twilio: secrets["twilio"], telnyx: secrets["telnyx"])
        let unknown = Set(secrets.keys).subtracting(["tcr", "twilio", "telnyx"]).sorted()
        guard unknown.isEmpty else {
            throw CommandFailure(.usage, "secrets: expected those of tcr, twilio or telnyx, found \(unknown.joined(separator: ", "))")
        }
        if let problem { throw CommandFailure(.usage, problem) }
    }
}

/// A run of registrations.
public typealias A2PRun = AppRun<RegistrationState, Registration>
/// Both paths over the same registrations.
public typealias A2PComparison = AppComparison<RegistrationState, Registration>

/// What to run of the built-in domain, and where.
public struct A2POptions: Sendable {
    /// The run's options.
    public var run: RunOptions
    /// The durable steps that exist as code.
    public var steps: [DurableStep<Registration>]
    /// The outside that reacts to calls; nil for a recorded one.
    public var simulator: Simulator?
    /// What the outside does with a key that it knows.
    package var parties = PartyKind.refusesKnownKeys

    /// Options.
    public init(
        mode: RunMode, plan: MigrationPlan, database: String, effectsLog: String? = nil,
        steps: [DurableStep<Registration>] = A2PDomain.durableSteps, simulator: Simulator? = nil
    ) {
        run = RunOptions(mode: mode, plan: plan, database: database, effectsLog: effectsLog)
        self.steps = steps
        self.simulator = simulator
    }
}

extension AppRun where State == RegistrationState, Record == Registration {
    /// Opens the database and puts the bridge together. Throws a sentence when plan or database are refused.
    public init(_ options: A2POptions, durability: LockstepDatabase.Durability = .grouped) throws {
        let app = A2P.app(steps: options.steps, parties: options.parties, simulator: options.simulator)
        try self.init(app, options.run, durability: durability)
    }
}

extension AppComparison where State == RegistrationState, Record == Registration {
    /// Opens both databases: `database` with `.legacy` and `.hybrid` before its ending, or two in memory.
    public init(plan: MigrationPlan, database: String, steps: [DurableStep<Registration>] = A2PDomain.durableSteps) throws {
        try self.init(A2P.app(steps: steps), plan: plan, database: database)
    }
}
