import A2PApp
import A2PRegistration
import A2PRetired
import Bridge
import BridgeTesting
import Commands
import Cutover
import DurableWorkflow
import Events
import FoundationEssentials
import HybridRouter
import Migrations
import Outcomes

/// Twelve registrations at a time in a live service of 64 lanes, through both durable steps, to their cancellation. One is recalled while
/// it waits for its vetting.
///
/// All of a phase come at the same time, and the next phase begins when nothing is left to do: so the order within a registration is the
/// same in every run, and that between registrations is not.
enum LiveWorkload {
    private static let registrations = (1...12).map { EntityID("R-9002\($0 < 10 ? "0" : "")\($0)") }
    private typealias Run = LiveRun<RegistrationState, Registration>
    private static let recalled: EntityID = "R-900203"

    /// What comes to each registration, in order; each twice, as senders do.
    private static let phases: [@Sendable (EntityID, Timestamp) -> TraceLine] = [
        { Workload.submit($0, $1) },
        { Workload.inHouse("reviewer", $0, "profile.approved", $1) },
        { Workload.registry($0, "BRAND_ADD", $1) },
        { Workload.registry($0, "BRAND_IDENTITY_STATUS_UPDATE", $1, ["brandIdentityStatus": "VERIFIED"]) },
        { Workload.report($0, "EVP_REPORT_SCORE", $1, score: 82) },
        { Workload.inHouse("customer", $0, "registration.cancel", $1) },
    ]

    static func play(_ database: String, _ parties: PartyKind, fatal: Int?) async throws {
        let points = CrashPoints(fatal: fatal, epitaph: database + ".killed", limit: 1_000_000)
        let plan = try MigrationPlan(yaml: EmbeddedPlans.twoSteps, file: EmbeddedPlans.twoStepsName)
        var options = RunOptions(mode: .hybrid, plan: plan, database: database)
        options.ports = .numbered(points) { $0 }
        let run = try LiveRun(A2P.app(steps: A2PDomain.durableSteps, parties: parties), options, lanes: 64)
        // Whoever starts a process again has found out before what became of the calls that the last one had begun.
        if parties == .neither { _ = try await run.parts.settleLeftEffects() }
        let running = Task { try await run.run() }
        for number in phases.indices {
            if number == 4 { try await recall(in: run) }
            try await send(number, to: run)
        }
        run.service.shutdown()
        try await running.value
        let text = points.points.map(\.description).joined(separator: "\n")
        try Data(text.utf8).write(to: URL(filePath: database + ".points"))
    }

    private static func send(_ number: Int, to run: Run) async throws {
        let phase = phases[number]
        let (service, outside) = (run.service, run.parts.outside)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for entity in registrations {
                group.addTask {
                    for _ in 1...2 {
                        let line = phase(entity, service.now)
                        let delivery = DeliveryLine(source: line.source, id: "edge-\(entity)-\(number)", body: line.body)
                        try outside.happen(delivery.trace(at: service.now))
                        _ = try await service.submit(delivery.message(at: service.now))
                    }
                }
            }
            try await group.waitForAll()
        }
        try await service.settled()
    }

    /// An operator, who does it once however often the process is started again.
    private static func recall(in run: Run) async throws {
        guard let ownership = try await run.parts.store.snapshot(of: recalled)?.ownership, ownership.owner == .durable,
            ownership.step == "5.2"
        else { return }
        try await run.parts.bridge.recall(recalled, at: run.service.now)
        try await run.service.settled()
    }
}
