public import Bridge
import BridgeTesting
import DurableWorkflow
import Events
import HybridRouter
public import LegacyStateMachine
import SQLiteStorage

/// A run of deliveries that come in while it runs, on the system's time. It calls the app's real parties.
///
/// ```swift
/// let live = try LiveRun(app, RunOptions(mode: .hybrid, plan: try app.plan.read(), database: "work.sqlite"))
/// let running = Task { try await live.run() }
/// let answer = try await live.service.submit(delivery)     // durable when it returns
/// live.service.shutdown()
/// try await running.value
/// ```
public struct LiveRun<State: MachineState, Record: Codable & Sendable>: Sendable {
    /// Bridge, store and engine.
    public let parts: AppRun<State, Record>
    /// What takes deliveries, and says how it is.
    public let service: BridgeService<State, Record>
    private let app: LockstepApp<State, Record>

    /// Puts bridge, store and service together. `lanes` is how many entities are handled at the same time. What has been over for
    /// `retention` is packed, see `OwnershipStore.compact`; nil keeps everything. Throws a sentence when plan or database are refused.
    public init(_ app: LockstepApp<State, Record>, _ options: RunOptions, lanes: Int = 64, retention: Duration? = nil) throws {
        var options = options
        options.isLive = true
        let database = try LockstepDatabase(path: options.database, durability: .grouped)
        let base = SQLiteHandoffStore(database)
        let commits = GroupCommits(of: base)
        let ports = options.ports
        let reading = try database.reader().map(SQLiteHandoffStore.init)
        options.ports.handoffs = { _ in GroupCommitStore(ports.handoffs(base), commits, reading: reading.map(ports.handoffs)) }
        options.ports.workflows = { GroupCommitWorkflowStore(ports.workflows($0), commits) }
        let clock = RealTime()
        parts = try AppRun(app, options, on: database, clock)
        self.app = app
        service = BridgeService(parts.bridge, options: ServiceOptions(lanes: lanes, retention: retention), clock: clock)
    }

    /// Runs until the stream has ended and nothing is left that could be done now, or until `stop` asks for the end.
    func play(_ stream: LineStream, acknowledge: @escaping @Sendable (_ ids: [String], _ unreadable: DeadLetter?) -> Void)
        async throws
    {
        try await begin()
        let (outside, service) = (parts.outside, service)
        // A read of a stream cannot be cancelled: who stops the service does not wait for it.
        let feeding = Task {
            do {
                while let lines = try await stream.nextDeliveries() {
                    try await Self.take(lines, service, outside, acknowledge)
                }
                try await service.settled()
                service.shutdown()
            } catch is ServiceStopped {
            } catch {
                service.stop(after: error)
            }
        }
        defer { feeding.cancel() }
        try await serving { try await service.run() }
    }

    /// Runs until somebody calls the service's `shutdown()`, or until the database fails.
    public func run() async throws {
        try await begin()
        try await serving { try await service.run() }
    }

    /// Carries out what operators ask for beside the run, while `body` goes on.
    private func serving(_ body: () async throws -> Void) async throws {
        let (app, parts, service) = (app, parts, service)
        let requests = Task {
            let running = RunningBridge(bridge: parts.bridge, store: parts.store) { service.now }
            await Program.$running.withValue(app) {
                await RunningBridge.$present.withValue(running) { await Requests(store: parts.store).serve(parts.engine) }
            }
        }
        defer { requests.cancel() }
        try await body()
    }

    private func begin() async throws {
        try await verifyService()
        try await claim()
        try await parts.remind()
    }

    /// A legacy service has to be the machine that the domain was described with. One that cannot be reached now is looked at when it can.
    private func verifyService() async throws {
        guard let service = app.domain.service, let described = app.domain.serviceMachine else { return }
        do {
            guard try await service.machine() == described else {
                throw CommandFailure(
                    .environment,
                    "the legacy service: expected machine \(described.name) as the domain describes it, found another; describe it anew with"
                        + " '\(Program.name) legacy machine URL', and look at what has changed")
            }
        } catch let error as LegacyUnreachable {
            Console.error("\(Program.name): \(error); what is delivered meanwhile is kept")
        } catch let fault as LegacyFault { throw CommandFailure(.environment, fault.description) }
    }

    /// Virtual and real time do not mix: what waits until a moment of a recording would wait for years, or be over at once.
    private func claim() async throws {
        if try await parts.notes.clock() != nil {
            throw CommandFailure(
                .usage,
                "\(parts.options.database): expected a database that runs live, found one of recordings, whose time is another;"
                    + " pass --recorded, or another --database")
        }
        try await parts.claim(input: nil)
        try await parts.notes.set(LiveTime.setting, to: "yes")
        try await parts.notes.flush()
    }

    /// Stores lines in their order, and acknowledges them in it.
    private static func take(
        _ lines: [StreamedDelivery], _ service: BridgeService<State, Record>, _ outside: any Outside,
        _ acknowledge: (_ ids: [String], _ unreadable: DeadLetter?) -> Void
    ) async throws {
        var ready: [WireMessage] = []
        func store() async throws {
            guard !ready.isEmpty else { return }
            let acceptances = try await service.submit(ready)
            ready = []
            acknowledge(acceptances.map(\.acknowledged), nil)
        }
        for line in lines {
            switch line {
            case .delivery(let delivery):
                let now = service.now
                try outside.happen(delivery.trace(at: now))
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

/// What a database says that runs on the system's time.
enum LiveTime {
    static let setting = "time.live"
}

/// One line of a live stream.
enum StreamedDelivery: Sendable {
    /// A delivery.
    case delivery(DeliveryLine)
    /// A line that cannot be read, as it is to be kept.
    case unreadable(DeadLetter)
}
