import A2PRegistration
import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import HybridRouter
import LegacyStateMachine
import SQLiteStorage

/// A run of deliveries that come in while it runs, on the system's time.
struct LiveRun {
    let run: A2PRun
    let service: BridgeService<RegistrationState, Registration>

    static let setting = "time.live"

    /// Puts bridge, store and service together. Throws a sentence when plan or database are refused.
    init(_ options: A2PRun.Options, lanes: Int) throws {
        var options = options
        let database = try LockstepDatabase(path: options.database, durability: .grouped)
        let base = SQLiteHandoffStore(database)
        let commits = GroupCommits(of: base)
        let ports = options.ports
        options.ports.handoffs = { _ in GroupCommitStore(ports.handoffs(base), commits) }
        options.ports.workflows = { GroupCommitWorkflowStore(ports.workflows($0), commits) }
        run = try A2PRun(options, on: database, isEager: true)
        service = BridgeService(run.bridge, engine: run.engine, options: ServiceOptions(lanes: lanes))
    }

    /// Runs until the stream has ended and nothing is left that could be done now, or until `stop` asks for the end.
    func play(_ stream: LineStream, acknowledge: @escaping @Sendable (_ ids: [String], _ unreadable: DeadLetter?) -> Void)
        async throws
    {
        try await claim()
        let book = try await run.remember(BookKeeper(ReferenceBook()))
        let (world, service) = (run.world, service)
        // A read of a stream cannot be cancelled: who stops the service does not wait for it.
        let feeding = Task {
            do {
                while let lines = try await stream.nextDeliveries() {
                    try await Self.take(lines, service, book, world, acknowledge)
                }
                try await service.settled()
                service.shutdown()
            } catch is ServiceStopped {
            } catch {
                service.stop(after: error)
            }
        }
        defer { feeding.cancel() }
        try await service.run()
    }

    /// Virtual and real time do not mix: what waits until a moment of a recording would wait for years, or be over at once.
    private func claim() async throws {
        if try await run.notes.clock() != nil {
            throw CommandFailure(
                .usage,
                "\(run.options.database): expected a database that runs live, found one of recordings, whose time is another;"
                    + " pass --recorded, or another --database")
        }
        try await run.claim(input: nil)
        try await run.notes.set(Self.setting, to: "yes")
        try await run.notes.flush()
    }

    /// Stores lines in their order, and acknowledges them in it.
    private static func take(
        _ lines: [StreamedDelivery], _ service: BridgeService<RegistrationState, Registration>, _ book: BookKeeper, _ world: World,
        _ acknowledge: (_ ids: [String], _ unreadable: DeadLetter?) -> Void
    ) async throws {
        var ready: [WireMessage] = []
        func store() async throws {
            guard !ready.isEmpty else { return }
            let acceptances = try await service.submit(ready)
            ready = []
            acknowledge(acceptances.map(\.id.rawValue), nil)
        }
        for line in lines {
            switch line {
            case .delivery(let delivery):
                let now = service.now
                try book.happen(delivery.trace(at: now), world)
                if delivery.source != .world { ready.append(delivery.message(at: now)) }
            case .unreadable(let letter):
                try await store()
                try await service.submit(letter)
                acknowledge([letter.id.rawValue], letter)
            }
        }
        try await store()
    }
}

/// One line of a live stream.
enum StreamedDelivery: Sendable {
    /// A delivery.
    case delivery(DeliveryLine)
    /// A line that cannot be read, as it is to be kept.
    case unreadable(DeadLetter)
}
