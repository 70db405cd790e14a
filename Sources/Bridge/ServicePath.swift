import Cutover
public import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

// The way of an event to a legacy machine that runs as a service. The service writes its record first, and answers the same call the same
// way; our transaction follows. Whatever ends between the two is made good by calling again.

extension Pipeline {
    /// Does what has to be done before an event of the entity is routed; true when it was the event's turn meanwhile.
    func attend(_ service: any LegacyService, _ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Bool {
        let reference = RowReference(row.sequence, row.event.kind)
        guard snapshot.ownership.owner == .legacy else {
            guard row.event.isNext, row.event.kind != .continue else { return false }
            try await settle(row, snapshot, .seen(reference), at: now)
            return true
        }
        if try await giveBack(snapshot, to: service, at: now) {
            release(row.sequence)
            return true
        }
        switch row.event.kind {
        case .handOff: try await letGo(service, row, snapshot, at: now)
        case .look: try await look(service, row, snapshot, at: now)
        default: return false
        }
        return true
    }

    /// Lets the service handle an event, and makes what it says true here.
    func ask(_ service: any LegacyService, _ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let entity = row.event.entity
        let call = LegacyCall(
            entity: entity, epoch: snapshot.ownership.epoch, version: snapshot.record.mark?.version ?? 0, row: row.sequence,
            attempt: row.attempt, event: row.event)
        let answer: LegacyAnswer
        do { answer = try await asking { try await service.handle(call) } } catch LegacyRefusal.moved(let view) {
            // What it has done since comes first; then the row is decided anew.
            try await adopt(view, snapshot, seen: nil, at: now)
            return release(row.sequence)
        }
        var transaction = EntityTransaction(
            entity: entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now)
        let after = try learn(answer.view, &transaction, snapshot)
        let next = try settle(row, answer, &transaction, in: after.record.state, at: now)
        try await conclude(&transaction, snapshot, after, event: row.event)
        if let next { retry(row.sequence, at: next) } else { complete(row.sequence) }
    }

    /// What became of the row; returns when it is to be sent again, nil for never.
    private func settle(
        _ row: InboxRow, _ answer: LegacyAnswer, _ transaction: inout EntityTransaction, in state: String, at now: Timestamp
    ) throws -> Timestamp? {
        let reference = RowReference(row.sequence, row.event.kind)
        let reason = answer.reason ?? "the service says no reason"
        switch answer.result {
        case .handled:
            guard transaction.moves.contains(where: { $0.row?.sequence == row.sequence }) else {
                throw LegacyFault(
                    "\(row.event.entity): the service says that it has handled row \(row.sequence), expected a move of that row after version"
                        + " \(answer.view?.version ?? 0), found none; 'lockstep legacy check' tells what is missing")
            }
        case .ignored: transaction.moves.append(.ignored(reference, in: state, reason: reason))
        case .undefined: transaction.moves.append(.undefined(reference, in: state))
        case .queued: transaction.moves.append(.delegated(reference, reason: reason))
        case .failed:
            transaction.moves.append(.deadLettered(reference, reason: reason))
            transaction.letter = DeadLetter(row.event, .failed, "\(row.event.kind) for \(row.event.entity): \(reason)")
        case .retry:
            let wait = min(max(answer.afterSeconds ?? 1, 0.05), 86_400)
            let next = live.present(now) + .milliseconds(Int64(wait * 1000))
            transaction.moves.append(.retried(reference, attempt: row.attempt + 1, at: next, reason: reason))
            return next
        }
        return nil
    }

    /// The service has done something by itself.
    private func look(_ service: any LegacyService, _ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let reference = RowReference(row.sequence, row.event.kind)
        let known = snapshot.record.mark?.version ?? 0
        guard let view = try await asking({ try await service.view(row.event.entity, after: known) }), view.version > known else {
            return try await settle(row, snapshot, .seen(reference), at: now)
        }
        try await adopt(view, snapshot, seen: reference, at: now)
        complete(row.sequence)
    }

    /// Makes true here what the service has done.
    private func adopt(_ view: LegacyView, _ snapshot: EntitySnapshot, seen: RowReference?, at now: Timestamp) async throws {
        var transaction = EntityTransaction(
            entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now)
        let after = try learn(view, &transaction, snapshot)
        if let seen { transaction.moves.append(.seen(seen)) }
        try await conclude(&transaction, snapshot, after)
    }

    /// Commits what was learned; a boundary that it has led to is left.
    private func conclude(
        _ transaction: inout EntityTransaction, _ snapshot: EntitySnapshot, _ after: EntitySnapshot, event: Event? = nil
    ) async throws {
        let isEntered = snapshot.record.state != after.record.state
        try await leaveBoundary(&transaction, after.ownership, at: after.record.state, isEntered: isEntered, after.record)
        try await commit(transaction, on: snapshot, event: event)
    }
}

extension Pipeline {
    // MARK: Changing hands

    /// Asks the service to let go, and hands the entity off once it has. The row is the intention: it stays pending until both are done.
    private func letGo(_ service: any LegacyService, _ row: InboxRow, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let (ownership, record) = (snapshot.ownership, snapshot.record)
        var transaction = EntityTransaction(entity: ownership.entity, epoch: ownership.epoch, at: now)
        transaction.moves = [.seen(RowReference(row.sequence, row.event.kind))]
        let plan = try await presentPlan()
        guard let done = try legacy.place(of: record.state).completed,
            let next = plan.next(after: max(done, ownership.passed ?? done), for: ownership),
            plan.owner(of: next, for: ownership) == .durable
        else {
            transaction.moves.append(.continued)
            try await commit(transaction, on: snapshot)
            return complete(row.sequence)
        }
        let call = LegacyRelease(entity: ownership.entity, epoch: ownership.epoch + 1, version: record.mark?.version ?? 0)
        do { _ = try await asking { try await service.release(call) } } catch LegacyRefusal.moved(let view) {
            try await adopt(view, snapshot, seen: RowReference(row.sequence, row.event.kind), at: now)
            return complete(row.sequence)
        }
        try handOff(&transaction, ownership, to: next, plan, record)
        try await commit(transaction, on: snapshot)
        complete(row.sequence)
    }

    /// Gives an entity that came back to the service, when it does not have it yet; false when it has.
    private func giveBack(_ snapshot: EntitySnapshot, to service: any LegacyService, at now: Timestamp) async throws -> Bool {
        let (ownership, record) = (snapshot.ownership, snapshot.record)
        guard let mark = record.mark, mark.epoch < ownership.epoch else { return false }
        let call = LegacyTake(
            entity: ownership.entity, epoch: ownership.epoch, state: record.state, record: try JSONValue(parsing: record.body.text()))
        let view = try await asking { try await service.take(call) }
        guard view.state == record.state, view.epoch == ownership.epoch else {
            throw LegacyFault(
                "\(ownership.entity): expected the service to take it in \(record.state) under epoch \(ownership.epoch), found \(view.state)"
                    + " under \(view.epoch); 'lockstep legacy check' tells what is missing")
        }
        var transaction = EntityTransaction(entity: ownership.entity, epoch: ownership.epoch, version: record.version, at: now)
        transaction.record = record
        transaction.record?.mark = LegacyMark(version: view.version, epoch: ownership.epoch)
        try await commit(transaction, on: snapshot)
        return true
    }

    // MARK: What the service says

    /// Adds to a transaction what the service has done since it was last heard; returns the entity as it then is.
    func learn(_ view: LegacyView?, _ transaction: inout EntityTransaction, _ snapshot: EntitySnapshot) throws -> EntitySnapshot {
        guard let view else { return snapshot }
        var current = snapshot
        let known = snapshot.record.mark?.version ?? 0
        try requireWhole(view, after: known, in: current.record.state)
        for move in view.moves where move.version > known { try follow(move, &transaction, &current) }
        current.record.body = RecordBody(text: view.record.canonicalText)
        current.record.mark = LegacyMark(version: view.version, epoch: snapshot.ownership.epoch)
        transaction.references = try named(view)
        if view.version > known || snapshot.record.mark != current.record.mark { transaction.record = current.record }
        return current
    }

    /// Every move after `known` follows the one before it, from `state` to where the entity is, through states and with effects of steps
    /// that there are.
    func requireWhole(_ view: LegacyView, after known: Int, in state: String) throws {
        var (version, state) = (known, state)
        for move in view.moves where move.version > known {
            version += 1
            guard move.version == version, move.from == state else {
                throw LegacyFault(
                    "\(view.entity): expected its move \(version) from \(state), found move \(move.version) from \(move.from);"
                        + " the service has left out what it did, 'lockstep legacy check' tells where")
            }
            _ = try legacy.place(of: move.to)
            for effect in move.effects ?? [] { _ = try Self.step(of: effect, view.entity) }
            state = move.to
        }
        guard view.version == version, view.state == state else {
            throw LegacyFault(
                "\(view.entity): expected version \(version) in \(state) after its moves, found \(view.version) in \(view.state);"
                    + " the service has left out what it did")
        }
    }

    private static func step(of effect: LegacyEffect, _ entity: EntityID) throws -> StepNumber {
        guard let step = StepNumber(effect.step) else {
            throw LegacyFault("\(entity): expected the step of effect \(effect.operation), found \"\(effect.step)\"")
        }
        return step
    }

    /// The external ids of a record. Throws ``UnknownRecord`` for a record that the type of this build does not read.
    private func named(_ view: LegacyView) throws -> [String] {
        do {
            let record: Record = try view.record.decoded()
            return (view.references ?? []) + references(record).filter { view.references?.contains($0) != true }
        } catch {
            throw UnknownRecord(
                "\(view.entity): expected a record that this build reads, found one of version \(view.version) that it does not")
        }
    }

    private func follow(_ move: LegacyMove, _ transaction: inout EntityTransaction, _ current: inout EntitySnapshot) throws {
        let place = try legacy.place(of: move.to)
        let wasFinal = current.record.isFinal
        let left = try legacyStep(move.from, current.ownership)
        transaction.moves.append(Self.move(move))
        try add(move.effects ?? [], of: move, to: &transaction, current.ownership)
        current.ownership = try walk(&transaction, current, to: move.to, place, on: move.event)
        current.record.state = move.to
        current.record.isFinal = place.isFinal
        if left != place.step ?? current.ownership.step { current.record.stepEnteredAt = transaction.at }
        current.record.lastEventAt = transaction.at
        if place.isFinal, !wasFinal { transaction.moves.append(.ended(state: move.to)) }
    }

    private static func move(_ move: LegacyMove) -> Move {
        guard let row = move.row else { return .acted(move.event, from: move.from, to: move.to) }
        let reference = RowReference(row, move.event)
        if let reason = move.exhausted { return .exhausted(reference, from: move.from, to: move.to, reason: reason) }
        return .handled(reference, from: move.from, to: move.to)
    }

    private func add(
        _ effects: [LegacyEffect], of move: LegacyMove, to transaction: inout EntityTransaction, _ ownership: Ownership
    ) throws {
        for effect in effects {
            let step = try Self.step(of: effect, ownership.entity)
            let key = EffectKey(
                entity: ownership.entity, step: step, visit: ownership.visit(of: step), operation: effect.operation,
                ordinal: effect.ordinal ?? 1)
            transaction.effects.append(
                LedgerEntry(
                    key: key, request: effect.request ?? [:], reply: effect.reply ?? [:], owner: .legacy, epoch: ownership.epoch,
                    attempt: 1, at: move.at))
            transaction.moves.append(.performed(key))
        }
    }

    // MARK: A service that does not answer

    /// Calls the service, and remembers whether it is there.
    fileprivate func asking<Value>(_ call: () async throws -> Value) async throws -> Value {
        do {
            let value = try await call()
            live.service(has: nil)
            return value
        } catch let error as LegacyUnreachable {
            live.service(has: error.description)
            throw error
        } catch let error as LegacyRefusal {
            live.service(has: nil)
            throw error
        }
    }

    /// Puts a row back until the service can be asked again: it is not there, or has work of its own for the entity. False for every other
    /// error. A call that was cut while others are answered is made again within a second; a service that answers nobody is left alone
    /// for longer and longer.
    func waitForService(_ sequence: Int, after error: any Error, at now: Timestamp) -> Bool {
        let isBusy: Bool
        switch error {
        case is LegacyUnreachable: isBusy = false
        case LegacyRefusal.busy: isBusy = true
        default: return false
        }
        let (count, isAnswered) = waits(of: sequence)
        let longest: Int64 = isBusy ? 2_000 : isAnswered ? 1_000 : 30_000
        let wait = Duration.milliseconds(min(longest, 250 << Int64(min(count, 10))))
        postpone(sequence, until: now + wait)
        return true
    }
}

extension EventBridge {
    /// The named value that holds how far the service's changes are known.
    static var cursor: String { "legacy.cursor" }

    /// Finds out which entities a legacy service has moved by itself, and queues a look at each. Returns how many. A service that cannot be
    /// reached is asked the next time.
    @discardableResult
    public func followService(at now: Timestamp) async throws -> Int {
        guard let service = pipeline.machine.service else { return 0 }
        var count = 0
        do {
            while true {
                let page = try await pipeline.changes(of: service, after: try await store.value(Self.cursor))
                guard !page.changes.isEmpty else { return count }
                count += try await queueLooks(page.changes, at: now)
                try await store.set(Self.cursor, to: page.cursor)
            }
        } catch is LegacyUnreachable { return count } catch is LegacyFault { return count }
    }

    private func queueLooks(_ changes: [LegacyChanges.Change], at now: Timestamp) async throws -> Int {
        let latest = Dictionary(changes.map { ($0.entity, $0.version) }, uniquingKeysWith: max)
        var arrivals: [Arrival] = []
        for (entity, version) in latest.sorted(by: { $0.key < $1.key }) where try await isNews(version, of: entity) {
            let look = IncomingEvent(
                id: EventID("look/\(entity)/v\(version)"), source: .lockstep, reference: .entity(entity), kind: .look, receivedAt: now)
            arrivals.append(.event(look, birth: nil))
        }
        return try await accept(arrivals, at: now).count { if case .accepted = $0 { true } else { false } }
    }

    /// An entity that the service has and we do not is none of ours: it was never sent through the bridge.
    private func isNews(_ version: Int, of entity: EntityID) async throws -> Bool {
        do {
            guard let snapshot = try await store.snapshot(of: entity) else { return false }
            return snapshot.ownership.owner == .legacy && snapshot.record.mark?.version ?? 0 < version
        } catch is HybridRouter.UnreadableRow { return false }
    }
}

extension Pipeline {
    fileprivate func changes(of service: any LegacyService, after cursor: String?) async throws -> LegacyChanges {
        do { return try await asking { try await service.changes(after: cursor, limit: 500) } } catch let fault as LegacyFault {
            live.service(has: fault.description)
            throw fault
        }
    }
}
