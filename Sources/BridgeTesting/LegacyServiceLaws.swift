public import Events
import HybridRouter
public import LegacyStateMachine
import Outcomes

/// Checks that a legacy service keeps to the protocol, because the hand-over relies on every line of it.
///
/// It lets a few entities of its own live through the events of an example, so run it against a test instance of the service.
public struct LegacyServiceLaws: Sendable {
    /// One event of the example.
    public struct Step: Hashable, Sendable {
        /// What happens.
        public var kind: EventKind
        /// What its sender says.
        public var payload: JSONValue

        /// An event.
        public init(_ kind: EventKind, _ payload: JSONValue = [:]) {
            self.kind = kind
            self.payload = payload
        }
    }

    /// What the service is wrong in.
    public struct Breach: Codable, Hashable, Sendable {
        /// The law, for example `handle.once`.
        public var law: String
        /// One sentence: expected, found.
        public var problem: String
    }

    /// The names of all laws, in the order in which they are checked.
    public static let names = [
        "machine.described", "view.unknown", "birth.handled", "handle.once", "handle.version", "moves.complete", "boundary.reached",
        "release.version", "release.once", "release.epoch", "release.quiet", "take.record", "take.once", "take.epoch", "take.goesOn",
        "changes.complete", "changes.alone",
    ]

    /// The service.
    public var service: any LegacyService
    /// The events of an entity from its birth to a state that completes a step.
    public var example: [Step]
    /// What a durable step may change in the record, as a merge patch.
    public var change: JSONValue
    /// Makes the service's cron job work as if so many seconds had passed; nil when it has no such call: then what it does by itself is
    /// only watched.
    public var tick: (@Sendable (_ seconds: Double) async throws -> Void)?
    /// A text that no entity of an earlier check had.
    public var prefix: String
    /// How long a queue of the service's own may take.
    public var patience: Duration

    /// Laws for a service.
    public init(
        _ service: any LegacyService, example: [Step], change: JSONValue, prefix: String, patience: Duration = .seconds(20),
        tick: (@Sendable (Double) async throws -> Void)? = nil
    ) {
        self.service = service
        self.example = example
        self.change = change
        self.prefix = prefix
        self.patience = patience
        self.tick = tick
    }

    /// What the service is wrong in; empty for one that keeps to the protocol. Throws what makes a check impossible: a service that cannot be
    /// reached, a cancelled task.
    public func breaches() async throws -> [Breach] {
        var check = LegacyServiceCheck(laws: self)
        try await check.run()
        return check.breaches
    }
}

/// One check of a service, with what it has found.
private struct LegacyServiceCheck {
    let laws: LegacyServiceLaws
    var breaches: [LegacyServiceLaws.Breach] = []
    private var places: [String: LegacyMachine.Place] = [:]
    private var initial = ""

    init(laws: LegacyServiceLaws) { self.laws = laws }

    private var service: any LegacyService { laws.service }

    /// An attempt that a later law needs has failed: nothing after it would tell anything.
    private struct Stuck: Error {}

    mutating func run() async throws {
        do {
            try await machine()
            try await unknown()
            try await handing()
            try await life()
            try await alone()
        } catch is Stuck {} catch let fault as LegacyFault {
            breaches.append(.init(law: "machine.described", problem: fault.description))
        }
    }

    private mutating func law(_ name: String, _ holds: Bool, _ problem: String) {
        if !holds { breaches.append(.init(law: name, problem: problem)) }
    }

    private mutating func stop(_ name: String, _ problem: String) -> Stuck {
        breaches.append(.init(law: name, problem: problem))
        return Stuck()
    }

    // MARK: The laws

    private mutating func machine() async throws {
        let machine: LegacyMachine
        do { machine = try await service.machine() } catch let fault as LegacyFault {
            throw stop("machine.described", fault.description)
        }
        places = Dictionary(machine.states.map { ($0.state, $0) }, uniquingKeysWith: { $1 })
        initial = machine.initial
        guard !laws.example.isEmpty else { throw stop("birth.handled", "expected an example with at least one event, found none") }
    }

    private mutating func unknown() async throws {
        let view = try await service.view(EntityID("\(laws.prefix)-nobody"), after: 0)
        law("view.unknown", view == nil, "expected no view of an entity that was never sent, found one")
    }

    private func call(_ entity: EntityID, _ step: LegacyServiceLaws.Step, row: Int, epoch: Int = 1, version: Int) -> LegacyCall {
        let now = Timestamp(milliseconds: 1_790_000_000_000 + Int64(row))
        let event = Event(
            id: EventID("\(entity)/\(row)"), source: "check", entity: entity, kind: step.kind, payload: step.payload, receivedAt: now)
        return LegacyCall(entity: entity, epoch: epoch, version: version, row: row, attempt: 1, event: event)
    }

    /// Once and again, on an old version.
    private mutating func handing() async throws {
        let entity = EntityID("\(laws.prefix)-1")
        let first = call(entity, laws.example[0], row: 1, version: 0)
        let answer = try await service.handle(first)
        guard answer.result == .handled, let view = answer.view, view.version > 0 else {
            throw stop(
                "birth.handled",
                "expected the result \"handled\" and a view of version 1 or more for \(first.event.kind), found \"\(answer.result.rawValue)\""
                    + " and version \(answer.view?.version ?? 0)")
        }
        law("birth.handled", view.moves.contains { $0.row == 1 }, "expected a move of row 1 in the view, found none")
        await once(first, answer)
        try await version(entity, view)
    }

    private mutating func once(_ call: LegacyCall, _ answer: LegacyAnswer) async {
        let expected = "expected the same call to be answered as before, without a second move"
        do {
            let again = try await service.handle(call)
            law("handle.once", again == answer, "\(expected); found another answer, of version \(again.view?.version ?? 0)")
        } catch { law("handle.once", false, "\(expected); found \(Self.words(error))") }
    }

    private mutating func version(_ entity: EntityID, _ view: LegacyView) async throws {
        let late = call(entity, laws.example.dropFirst().first ?? laws.example[0], row: 2, version: view.version - 1)
        let expected = "expected a call on version \(view.version - 1) to be refused as \"moved\" with the moves since"
        do {
            _ = try await service.handle(late)
            law("handle.version", false, "\(expected), found it handled")
        } catch LegacyRefusal.moved(let told) {
            law("handle.version", told.moves.map(\.version) == [view.version], "\(expected), found versions \(told.moves.map(\.version))")
        } catch { law("handle.version", false, "\(expected), found \(Self.words(error))") }
        let now = try await service.view(entity, after: 0)
        law("moves.complete", now?.moves.first?.from == initial, "expected the first move from \(initial), found another")
    }

    /// From birth to a boundary, to the durable side and back.
    private mutating func life() async throws {
        let entity = EntityID("\(laws.prefix)-2")
        let boundary = try await walk(entity, laws.example)
        complete(boundary)
        guard places[boundary.state]?.completes != nil else {
            throw stop(
                "boundary.reached", "expected the example to lead to a state that completes a step, found \(boundary.state)")
        }
        try await release(boundary)
        try await quiet(boundary)
        try await take(boundary)
        try await changes(entity)
    }

    /// Sends the events one after the other, each on the version that is known; a queue of the service's own gets its time.
    private mutating func walk(_ entity: EntityID, _ steps: [LegacyServiceLaws.Step]) async throws -> LegacyView {
        var version = 0
        for (index, step) in steps.enumerated() {
            let deadline = ContinuousClock.now + laws.patience
            var attempt = 1
            while true {
                guard ContinuousClock.now < deadline else {
                    throw stop("boundary.reached", "expected \(step.kind) to be handled within \(laws.patience), found it waiting")
                }
                var sent = call(entity, step, row: index + 1, version: version)
                sent.attempt = attempt
                do {
                    let answer = try await service.handle(sent)
                    if answer.result != .retry { break }
                    attempt += 1
                    try await Task.sleep(for: .milliseconds(100))
                } catch LegacyRefusal.moved(let view) { version = view.version } catch LegacyRefusal.busy {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            version = try await service.view(entity, after: 0)?.version ?? 0
        }
        return try await settled(entity)
    }

    /// The entity once the service has nothing of its own to do to it for half a second.
    private func settled(_ entity: EntityID) async throws -> LegacyView {
        var last = try await service.view(entity, after: 0)
        let deadline = ContinuousClock.now + laws.patience
        var calm = ContinuousClock.now
        while ContinuousClock.now < deadline, ContinuousClock.now - calm < .milliseconds(500) {
            try await Task.sleep(for: .milliseconds(50))
            let view = try await service.view(entity, after: 0)
            if view?.version != last?.version { calm = .now }
            last = view
        }
        guard let last else { throw Stuck() }
        return last
    }

    private mutating func complete(_ view: LegacyView) {
        let versions = view.moves.map(\.version)
        law("moves.complete", versions == Array(1...max(view.version, 1)), "expected moves 1 to \(view.version), found \(versions)")
        let isChain = zip(view.moves, view.moves.dropFirst()).allSatisfy { $0.to == $1.from } && view.moves.last?.to == view.state
        law("moves.complete", isChain, "expected each move from where the one before led, up to \(view.state); found a gap")
    }

    private mutating func release(_ view: LegacyView) async throws {
        do {
            _ = try await service.release(LegacyRelease(entity: view.entity, epoch: 2, version: view.version - 1))
            law("release.version", false, "expected a release on an old version to be refused as \"moved\", found it accepted")
        } catch LegacyRefusal.moved {} catch {
            law("release.version", false, "expected a release on an old version to be refused as \"moved\", found \(Self.words(error))")
        }
        let ask = LegacyRelease(entity: view.entity, epoch: 2, version: view.version)
        do {
            let first = try await service.release(ask)
            law("release.once", first.isReleased && first.epoch == 2, "expected a view that is released under epoch 2, found another")
            let again = try await service.release(ask)
            law("release.once", again.isReleased, "expected the same release again to be answered as before, found another answer")
        } catch { throw stop("release.once", "expected a release on version \(view.version) to be accepted, found \(Self.words(error))") }
        do {
            _ = try await service.handle(call(view.entity, laws.example[0], row: 90, version: view.version))
            law("release.epoch", false, "expected an event under epoch 1 to be refused as \"stale\" after the release, found it accepted")
        } catch LegacyRefusal.stale {} catch {
            law("release.epoch", false, "expected an event under epoch 1 to be refused as \"stale\", found \(Self.words(error))")
        }
    }

    private mutating func quiet(_ view: LegacyView) async throws {
        for days in [1.5, 3.0, 40] { try await laws.tick?(days * 86_400) }
        if laws.tick == nil { try await Task.sleep(for: .seconds(2)) }
        let now = try await service.view(view.entity, after: view.version)
        law(
            "release.quiet", now?.version == view.version && now?.state == view.state,
            "expected nothing to happen to an entity that is released, found version \(now?.version ?? 0) in \(now?.state ?? "no state") after"
                + " \(view.version) in \(view.state)")
    }

    private mutating func take(_ view: LegacyView) async throws {
        let call = LegacyTake(entity: view.entity, epoch: 3, state: view.state, record: view.record.merging(laws.change))
        let taken: LegacyView
        do { taken = try await service.take(call) } catch {
            throw stop("take.record", "expected the entity to be taken under epoch 3, found \(Self.words(error))")
        }
        let now = try await service.view(view.entity, after: view.version)
        law(
            "take.record", now?.record == call.record && now?.state == call.state && now?.isReleased == false,
            "expected the record and the state that were given, found others")
        do {
            let again = try await service.take(call)
            law("take.once", again.version == taken.version, "expected the same call to change nothing, found version \(again.version)")
        } catch { law("take.once", false, "expected the same call to be answered as before, found \(Self.words(error))") }
        var old = call
        old.epoch = 2
        do {
            _ = try await service.take(old)
            law("take.epoch", false, "expected a call under epoch 2 to be refused as \"stale\", found it accepted")
        } catch LegacyRefusal.stale {} catch {
            law("take.epoch", false, "expected a call under epoch 2 to be refused as \"stale\", found \(Self.words(error))")
        }
        try await goesOn(view, taken)
    }

    private mutating func goesOn(_ view: LegacyView, _ taken: LegacyView) async throws {
        guard places[view.state]?.handles.contains(.continue) == true else {
            return law("take.goesOn", false, "expected \(view.state) to handle lockstep.continue, found that it does not")
        }
        let version = try await service.view(view.entity, after: 0)?.version ?? taken.version
        let next = call(view.entity, .init(.continue), row: 91, epoch: 3, version: version)
        do {
            let answer = try await service.handle(next)
            law("take.goesOn", [.handled, .queued].contains(answer.result), "expected it to go on, found \(answer.result.rawValue)")
        } catch { law("take.goesOn", false, "expected lockstep.continue under epoch 3 to be handled, found \(Self.words(error))") }
    }

    /// Every move of the entity is in the list, once, in its order.
    private mutating func changes(_ entity: EntityID) async throws {
        let view = try await settled(entity)
        let expected = view.moves.map(\.version)
        let found = try await listed(entity)
        law("changes.complete", found == expected, "expected versions \(expected) of one entity, found \(found)")
    }

    private func listed(_ entity: EntityID) async throws -> [Int] {
        var (cursor, found): (String?, [Int]) = (nil, [])
        while true {
            let page = try await service.changes(after: cursor, limit: 100)
            found += page.changes.filter { $0.entity == entity }.map(\.version)
            guard !page.changes.isEmpty, page.cursor != cursor else { return found }
            cursor = page.cursor
        }
    }

    /// What the service does by itself is a move, and in the list. Only a service whose cron job can be asked for shows it.
    private mutating func alone() async throws {
        guard let tick = laws.tick else { return }
        for number in 1...2 { _ = try await walk(EntityID("\(laws.prefix)-a\(number)"), Array(laws.example.prefix(1))) }
        try await tick(40 * 86_400)
        for number in 1...2 {
            let view = try await settled(EntityID("\(laws.prefix)-a\(number)"))
            let (expected, found) = (view.moves.map(\.version), try await listed(view.entity))
            law("changes.alone", found == expected, "expected versions \(expected) with what the cron job did, found \(found)")
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case LegacyRefusal.moved: "the refusal \"moved\""
        case LegacyRefusal.stale: "the refusal \"stale\""
        case LegacyRefusal.busy: "the refusal \"busy\""
        default: "\(error)"
        }
    }
}
