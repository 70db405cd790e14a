import Cutover
import DurableWorkflow
public import Events
import HybridRouter
import LegacyStateMachine
import Outcomes

/// What became of an operator's move of one entity.
public enum MoveResult: Hashable, Sendable {
    /// The entity has changed hands; the epoch under which it goes on.
    case moved(epoch: Int)
    /// It stays where it is, for this reason.
    case refused(String)
}

extension EventBridge {
    /// Takes an entity back from the durable side, in the middle of its step: legacy goes on from the wait point that the step entered
    /// last (else from the step's beginning), with all events since; effects that were performed are answered from the ledger.
    ///
    /// One transaction that needs nothing from the engine. Whichever of recall and hand back commits first wins.
    @discardableResult
    public func recall(_ entity: EntityID, reason: String = "by an operator", at now: Timestamp) async throws -> MoveResult {
        while true {
            guard let snapshot = try await store.snapshot(of: entity) else {
                return .refused("\(entity): expected a known entity, found none")
            }
            guard snapshot.ownership.owner == .durable else { return .refused("\(entity): legacy has it already") }
            guard !plan.isRetired(snapshot.ownership.step) else {
                return .refused(
                    "\(entity): its step \(snapshot.ownership.step) is retired, there is no legacy code that could take it back")
            }
            do {
                return .moved(epoch: try await pipeline.takeBack(snapshot, .recalled(snapshot.ownership.step, reason: reason), at: now))
            } catch {
                // The segment has reached its next wait point or step meanwhile: legacy goes on from there.
                if error is StaleRecord { continue }
                guard error is StaleEpoch else { throw error }
                return .refused("\(entity): it changed hands at this moment")
            }
        }
    }

    /// Gives an entity that is inside a legacy step to the durable side, which goes on from the wait that corresponds to its state.
    ///
    /// Only when a rehearsal on a copy finds the durable code waiting for the same events until the same moment, without performing
    /// anything; else the entity moves at the next boundary, and the answer says why.
    @discardableResult
    public func adopt(_ entity: EntityID, at now: Timestamp) async throws -> MoveResult {
        guard let snapshot = try await store.snapshot(of: entity) else { return .refused("\(entity): expected a known entity, found none") }
        do { return .moved(epoch: try await pipeline.adopt(snapshot, at: now)) } catch let refusal as AdoptionRefusal {
            return .refused("\(entity): moves at the next boundary, because \(refusal.reason)")
        } catch is StaleEpoch {
            return .refused("\(entity): it changed hands at this moment")
        } catch is StaleRecord {
            return .refused("\(entity): an event of it was handled at this moment; try again")
        } catch is MigrationHalted { return .refused("\(entity): \(MigrationHalted())") }
    }

    /// Returns every step to legacy at its next boundary; nothing is handed off until ``resumeMigration()``. It is one write that any
    /// process can make, whether an engine runs or not.
    public func halt(at now: Timestamp) async throws { try await store.set(MigrationHalted.setting, to: now.description) }

    /// Ends a halt.
    public func resumeMigration() async throws { try await store.set(MigrationHalted.setting, to: nil) }
}

/// Why an entity cannot be adopted where it stands.
struct AdoptionRefusal: Error {
    let reason: String
}

extension Pipeline {
    /// Takes the entity back from the durable side in the middle of its step; returns the epoch under which legacy goes on.
    func takeBack(_ snapshot: EntitySnapshot, _ move: Move, at now: Timestamp) async throws -> Int {
        var stored = snapshot.record
        stored.dueAt = try dueAt(stored)
        stored.reached = nil
        var transaction = EntityTransaction(
            entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now,
            moves: [move])
        let step = try standing(in: stored.state, from: snapshot.ownership.step)
        if step != snapshot.ownership.step { transaction.moves.append(.entered(step, state: stored.state, used: [])) }
        transaction.moves.append(.continued)
        transaction.record = stored
        try await commit(transaction, on: snapshot)
        return snapshot.ownership.epoch + 1
    }

    /// Starts the durable code of a retired step again, in the wait that it entered last (else from its beginning), with all events since.
    func beginAgain(_ snapshot: EntitySnapshot, because reason: String, at now: Timestamp) async throws {
        let failed = Move.failed(snapshot.ownership.step, reason: reason)
        var transaction = EntityTransaction(
            entity: snapshot.ownership.entity, epoch: snapshot.ownership.epoch, version: snapshot.record.version, at: now, moves: [failed])
        var after = snapshot.ownership
        after.apply(failed)
        try beginAgain(&transaction, after, snapshot.record)
        try await commit(transaction, on: snapshot)
    }

    /// Adds to a transaction that a new segment takes the entity over, in its step and in the wait where it is.
    func beginAgain(_ transaction: inout EntityTransaction, _ ownership: Ownership, _ record: StoredRecord) throws {
        let isWaiting = steps[ownership.step]?.adopts.contains(record.state) == true
        let isMadeUp = try standing(in: record.state, from: ownership.step) != ownership.step
        try handOff(
            &transaction, ownership, to: ownership.step, plan, record, in: isWaiting || isMadeUp ? record.state : nil,
            since: record.stepEnteredAt, alone: isMadeUp)
    }

    func adopt(_ snapshot: EntitySnapshot, at now: Timestamp) async throws -> Int {
        let (step, entry) = try adoptable(snapshot, isHalted: try await store.haltedSince() != nil)
        let ownership = snapshot.ownership
        guard machine.service == nil else { throw AdoptionRefusal(reason: "its legacy machine is a service, which lets go at boundaries") }
        try await rehearse(step, entry, snapshot, at: now)
        var transaction = EntityTransaction(
            entity: ownership.entity, epoch: ownership.epoch, version: snapshot.record.version, at: now)
        if plan.isPinned(step) { transaction.moves.append(.drawn(step, .durable)) }
        transaction.moves.append(.adopted(step, state: snapshot.record.state))
        transaction.unlessHalted = !plan.isRetired(step)
        transaction.record = snapshot.record
        transaction.record?.dueAt = nil
        var inside = ownership
        inside.step = step
        transaction.segment = try JSONValue(encoding: SegmentOrder(plan.segment(from: step, for: inside), entry: entry, under: plan))
        try await commit(transaction, on: snapshot)
        return ownership.epoch + 1
    }

    private func adoptable(_ snapshot: EntitySnapshot, isHalted: Bool) throws -> (StepNumber, StepEntry) {
        let stored = snapshot.record
        let ownership = snapshot.ownership
        guard ownership.owner == .legacy else { throw AdoptionRefusal(reason: "the durable side has it already") }
        let step = try legacyStep(stored.state, ownership)
        guard !isHalted else { throw MigrationHalted() }
        guard plan.owner(of: step, for: ownership) == .durable else {
            throw AdoptionRefusal(reason: "plan \(plan.name) gives step \(step) of it to legacy")
        }
        guard let code = steps[step], code.adopts.contains(stored.state) else {
            throw AdoptionRefusal(reason: "the durable step \(step) declares no position for state \(stored.state)")
        }
        guard !isQueued(ownership.entity) else { throw AdoptionRefusal(reason: "an event of it waits or is being handled") }
        return (
            step,
            StepEntry(
                state: stored.state, createdAt: stored.createdAt, enteredAt: stored.stepEnteredAt,
                heardAt: max(stored.lastEventAt, stored.lastSweptAt), eventAt: stored.lastEventAt)
        )
    }

    /// The equivalence check: the durable code, started on a copy, must wait at once, for what legacy waits for, as long as legacy would.
    /// Whatever it wants to do is seen as an activity that nobody performs.
    private func rehearse(_ step: StepNumber, _ entry: StepEntry, _ snapshot: EntitySnapshot, at now: Timestamp) async throws {
        let segment = SegmentWorkflow(steps, interrupts: interrupts)
        let engine = inMemoryEngine(
            [segment.workflow], segment.activities(RehearsalRuntime<Record>()), on: VirtualClock(now))
        let record: Record = try snapshot.record.body.value()
        let input = SegmentInput(
            entity: snapshot.ownership.entity, epoch: 0, steps: [step], record: try JSONValue(encoding: record), entry: entry,
            answers: plan.interrupts == .durable, isLocal: nil)
        try await engine.startOnce(
            workflowID: "rehearsal", type: SegmentWorkflow<Record>.type, input: try JSONValue(encoding: input))
        try await engine.runTasks()
        let history = try await engine.history(workflowID: "rehearsal").events
        if let activity = history.first(where: { $0.kind == .activityTaskScheduled }) {
            throw AdoptionRefusal(
                reason: "the durable code would perform \(activity.fields.text(.activityType)) at once, expected it to wait")
        }
        guard let wait = try await engine.describe(workflowID: "rehearsal").waitsFor?.first else {
            throw AdoptionRefusal(reason: "the durable code does not wait in \(snapshot.record.state)")
        }
        try compare(wait.signals, until: wait.until, step, snapshot.record)
    }

    private func compare(_ signals: Set<String>, until end: Timestamp?, _ step: StepNumber, _ record: StoredRecord) throws {
        let expected = try (steps[step]?.events ?? []).filter { try legacy.handles($0, in: record.state) }
        let missing = expected.filter { !signals.contains($0.rawValue) }.map(\.rawValue).sorted()
        guard missing.isEmpty else {
            throw AdoptionRefusal(reason: "the durable code does not wait for \(missing.joined(separator: ", ")) in \(record.state)")
        }
        let due = try dueAt(record)
        guard end == due || end == due?.roundedUpToHour else {
            throw AdoptionRefusal(
                reason: "legacy waits until \(due?.description ?? "for ever"), the durable code until \(end?.description ?? "for ever")")
        }
    }
}
