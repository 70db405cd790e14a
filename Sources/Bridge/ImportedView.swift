import Cutover
public import Events
import HybridRouter
public import LegacyStateMachine
import Outcomes

// What a legacy service had before there was a bridge in front of it comes in with everything that it tells of it.

extension EventBridge {
    /// Why an entity of a service cannot come in; nil when it can. Neither the store nor the service is asked.
    public func refusal(of view: LegacyView) -> String? {
        do {
            try check(view)
            return nil
        } catch { return "\(error)" }
    }

    private func check(_ view: LegacyView) throws {
        let id = view.entity
        guard pipeline.machine.service != nil else {
            throw TraceError("\(id): expected a legacy machine that is a service, found one in this process, which keeps no records")
        }
        guard !view.isReleased, view.epoch <= 1 else {
            throw TraceError(
                "\(id): expected an entity that was always the service's, found it \(view.isReleased ? "released " : "")under epoch"
                    + " \(view.epoch): another bridge has had it; use that one's database")
        }
        _ = try pipeline.legacy.place(of: view.state)
        guard try pipeline.legacy.place(of: view.beginning.state).step != nil else {
            throw TraceError(
                "\(id): expected a state that belongs to a step, or the moves that led from one to \(view.state), found neither")
        }
        do { _ = try view.record.decoded(as: Record.self) } catch {
            throw TraceError("\(id): expected a record that this build reads, found one that it does not: \(error)")
        }
    }

    /// Takes in an entity that the service has had by itself, as ``take(_:at:)-(ImportedEntity,_)`` does with one of a file. `view` has all
    /// the moves that the service knows of it; they become its journal, and their calls its ledger. One that came in before, or was born here, is left as it is.
    public func take(_ view: LegacyView, at now: Timestamp) async throws -> ImportResult {
        if let refusal = refusal(of: view) { return .refused(refusal) }
        guard try await store.snapshot(of: view.entity) == nil else { return .known }
        let event = IncomingEvent(
            id: ImportedEntity.event(of: view.entity), source: .lockstep, reference: .entity(view.entity), kind: "lockstep.import",
            receivedAt: now)
        let state = view.beginning.state
        guard let step = try pipeline.legacy.place(of: state).step else { return .refused("\(view.entity): no step in \(state)") }
        let birth = Birth(step: step, state: state, body: RecordBody(text: view.record.canonicalText))
        guard case .accepted(_, let row)? = try await store.accept([.event(event, birth: birth)], at: now).first else { return .known }
        let behind = plan.steps.filter { !$0.isAdded && $0.number < step }.map(\.number)
        try await pipeline.settle(view, RowReference(row.sequence, event.kind), behind: behind, at: now)
        if try await store.value(ImportedEntity.setting) != now.description {
            try await store.set(ImportedEntity.setting, to: now.description)
        }
        return .imported
    }

    /// All that the service has been asked for comes after `cursor`: a bridge that has followed nothing yet begins there.
    package func begin(after cursor: String) async throws {
        guard try await store.value(Self.cursor) == nil else { return }
        try await store.set(Self.cursor, to: cursor)
    }
}

extension Pipeline {
    fileprivate func settle(_ view: LegacyView, _ row: RowReference, behind: [StepNumber], at now: Timestamp) async throws {
        guard let snapshot = try await snapshot(of: view.entity) else { return }
        let place = try legacy.place(of: view.beginning.state)
        let completed = behind + [place.completed].compactMap { $0 }
        let arrival = Move.imported(row, completed: completed, passed: place.completed)
        var transaction = EntityTransaction(
            entity: view.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now)
        transaction.moves = [arrival]
        var arrived = snapshot
        arrived.ownership.apply(arrival)
        arrived.record.isFinal = place.isFinal
        arrived.record.mark = LegacyMark(version: view.beginning.version, epoch: snapshot.ownership.epoch)
        var after = try learn(view.withoutRows, &transaction, arrived)
        after.record.createdAt = view.moves.first?.at ?? now
        after.record.lastEventAt = view.moves.last?.at ?? now
        transaction.record = after.record
        if place.isFinal { transaction.moves.append(.ended(state: view.state)) }
        try await leaveBoundary(&transaction, after.ownership, at: after.record.state, isEntered: true, after.record)
        try await commit(transaction, on: snapshot)
    }
}

extension LegacyView {
    /// Where its moves begin: a service may have forgotten the first.
    fileprivate var beginning: (state: String, version: Int) {
        moves.first.map { ($0.from, $0.version - 1) } ?? (state, version)
    }

    /// The rows of its events are none of ours.
    fileprivate var withoutRows: LegacyView {
        var view = self
        for index in view.moves.indices { view.moves[index].row = nil }
        return view
    }
}
