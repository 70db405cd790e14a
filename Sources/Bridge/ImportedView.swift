import Cutover
public import Events
import HybridRouter
public import LegacyStateMachine
import Outcomes

// What a legacy service had before there was a bridge in front of it comes in with everything that it tells of it.

extension EventBridge {
    /// The step in which the moves of an entity begin that can come in. Throws a sentence for any other; neither the store nor the service
    /// is asked.
    private func arrival(of view: LegacyView) throws -> StepNumber {
        let id = view.entity
        guard pipeline.machine.service != nil else {
            throw TraceError("\(id): expected a legacy machine that is a service, found one in this process, which keeps no records")
        }
        guard !view.isReleased, view.epoch <= 1 else {
            throw TraceError(
                "\(id): expected an entity that was always the service's, found it \(view.isReleased ? "released " : "")under epoch"
                    + " \(view.epoch): another bridge has had it; use that one's database")
        }
        try pipeline.requireWhole(view, after: view.beginning.version, in: view.beginning.state)
        guard let step = try pipeline.legacy.place(of: view.beginning.state).step else {
            throw TraceError(
                "\(id): expected a state that belongs to a step, or the moves that led from one to \(view.state), found neither")
        }
        do { _ = try view.record.decoded(as: Record.self) } catch {
            throw TraceError("\(id): expected a record that this build reads, found one that it does not: \(error)")
        }
        return step
    }

    /// What ``take(_:at:)-(LegacyView,_)`` would say. Nothing is written.
    public func look(at view: LegacyView) async throws -> ImportResult {
        guard try await store.snapshot(of: view.entity) == nil else { return .known }
        do { _ = try arrival(of: view) } catch { return .refused("\(error)") }
        return .imported
    }

    /// Takes in an entity that the service has had by itself, as ``take(_:at:)-(ImportedEntity,_)`` does with one of a file. `view` has all
    /// the moves that the service knows of it; they become its journal, and their calls its ledger. One that came in before, or was born
    /// here, is left as it is.
    public func take(_ view: LegacyView, at now: Timestamp) async throws -> ImportResult {
        let result = try await look(at: view)
        guard result == .imported else { return result }
        let birth = Birth(step: try arrival(of: view), state: view.beginning.state, body: RecordBody(text: view.record.canonicalText))
        return try await bear(view.entity, birth, at: now) { try await pipeline.settle(view, $0, at: now) }
    }

    /// All that the service has been asked for comes after `cursor`: a bridge that has followed nothing yet begins there.
    package func begin(after cursor: String) async throws {
        guard try await store.value(Self.cursor) == nil else { return }
        try await store.set(Self.cursor, to: cursor)
    }
}

extension LegacyService {
    /// Looks once at each entity that the service has, in the order in which they last moved. `look` says up to which version of an entity
    /// its moves are dealt with. Returns the cursor up to which that is so for every change, so that nothing is lost when a run follows from
    /// there: what moves while others are looked at comes again.
    package func lookAtAll(limit: Int = 500, _ look: (EntityID) async throws -> Int) async throws -> String? {
        var (cursor, followed): (String?, String?) = (nil, nil)
        var seen: [EntityID: Int] = [:]
        while true {
            let page = try await changes(after: cursor, limit: limit)
            guard !page.changes.isEmpty else { return followed }
            var isWhole = followed == cursor
            for change in page.changes {
                let version = if let known = seen[change.entity] { known } else { try await look(change.entity) }
                seen[change.entity] = version
                isWhole = isWhole && change.version <= version
            }
            cursor = page.cursor
            if isWhole { followed = cursor }
        }
    }
}

extension Pipeline {
    fileprivate func settle(_ view: LegacyView, _ row: RowReference, at now: Timestamp) async throws {
        guard let snapshot = try await snapshot(of: view.entity) else { return }
        let place = try legacy.place(of: view.beginning.state)
        let behind = plan.behind(snapshot.ownership.step, place.completed)
        let arrival = Move.imported(row, completed: behind, passed: place.completed)
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
